"""The config of e-mail: what is shown of it, and what is not."""

from common.alerts.kinds.email import KIND, login_of, server_of

SENT = {"url": "smtps://ops:pass%40word@mail.example", "sender": "a@shop.example", "recipients": ["b@shop.example"]}


def test_a_login_is_read_and_never_shown() -> None:
    config = KIND.make(SENT, None)
    assert login_of(config) == ("ops", "pass@word")
    assert (server_of(config).host, server_of(config).port) == ("mail.example", 465)
    assert KIND.hint(config) == "b@shop.example by smtps://mail.example"
    assert set(KIND.secrets(config)) == {SENT["url"], "pass@word", "pass%40word"}
    assert login_of(KIND.make({**SENT, "url": "smtp://mail.example"}, None)) is None
