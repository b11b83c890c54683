"""What messages of one incident share, and what an opened channel shows."""

from dataclasses import replace

from tests.worker.alerts.receiving import MESSAGE, make_channel


def test_messages_of_one_incident_share_a_thread_that_tells_nothing_of_it() -> None:
    assert MESSAGE.thread == replace(MESSAGE, kind="resolved", title="other").thread
    assert MESSAGE.thread != replace(MESSAGE, project="another").thread
    assert (
        replace(MESSAGE, project="a", incident_key="b/c").thread
        != replace(MESSAGE, project="a/b", incident_key="c").thread
    )
    assert replace(MESSAGE, incident_key="\ud800").thread
    assert len(MESSAGE.thread) == 32


def test_an_opened_channel_shows_no_secret() -> None:
    assert "very-secret" not in repr(make_channel("webhook", url="https://hooks.example/very-secret"))
