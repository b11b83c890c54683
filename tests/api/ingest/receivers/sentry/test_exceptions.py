"""Chains of errors: the one raised is last in the protocol and first here."""

from typing import Any

import pytest

from api.ingest.receivers.sentry.exceptions import CHAIN_MAX, read_exceptions, read_threads, write_trace

FRAMES = {"frames": [{"function": "f", "filename": "a.py", "lineno": 1, "module": "a"}]}
CAUSE, RAISED = {"type": "KeyError", "value": "'k'"}, {"type": "CartError", "value": "no", "module": "shop"}


@pytest.mark.parametrize("sent", [{"values": [CAUSE, RAISED]}, [CAUSE, RAISED], {"values": [CAUSE, None, {}, RAISED]}])
def test_the_error_that_was_raised_comes_first(sent: Any) -> None:
    assert [one.type for one in read_exceptions(sent)] == ["CartError", "KeyError"]


@pytest.mark.parametrize("sent", [RAISED, [RAISED], {"values": [RAISED]}])
def test_one_alone_is_legal(sent: Any) -> None:
    assert [one.head("python") for one in read_exceptions(sent)] == ["shop.CartError: no"]


@pytest.mark.parametrize("sent", [None, [], {}, {"values": []}, "x", 7, [{}], {"values": "x"}])
def test_none_is_legal(sent: Any) -> None:
    assert read_exceptions(sent) == []


def test_of_a_group_the_group_comes_first_and_its_mechanism_is_kept() -> None:
    """As Python's SDK tells of an ExceptionGroup."""
    mechanism = {"type": "generic", "handled": False, "exception_id": 0, "is_exception_group": True}
    parts = [
        {"type": "ValueError", "mechanism": {"exception_id": number, "parent_id": 0, "source": f"exceptions[{number}]"}}
        for number in (2, 1)
    ]
    found = read_exceptions({"values": [*parts, {"type": "ExceptionGroup", "mechanism": mechanism}]})
    assert [one.type for one in found] == ["ExceptionGroup", "ValueError", "ValueError"]
    assert found[0].kept()["mechanism"] == mechanism


def test_a_chain_without_end_is_cut_at_its_causes() -> None:
    found = read_exceptions([{"type": f"E{number}"} for number in range(500)])
    assert (len(found), found[0].type) == (CHAIN_MAX, "E499")


@pytest.mark.parametrize(
    ("threads", "function"),
    [
        ([{"stacktrace": FRAMES}], "f"),
        ([{"id": 1}, {"stacktrace": FRAMES}], "f"),
        ([{"stacktrace": {"frames": [{"function": "g"}]}}, {"stacktrace": FRAMES, "current": True}], "f"),
        (
            [
                {"stacktrace": {"frames": [{"function": "g"}]}, "current": True},
                {"stacktrace": FRAMES, "crashed": True},
            ],
            "f",
        ),
        ([{"id": 1}], None),
        (None, None),
    ],
)
def test_the_thread_that_crashed_stands_for_an_error_without_frames(threads: Any, function: str | None) -> None:
    found = read_threads({"values": threads})
    assert (found.stack.frames[0].function if found else None) == function


@pytest.mark.parametrize(
    ("platform", "said"),
    [
        ("python", "The above exception was the direct cause of the following exception:"),
        ("node", "[cause]: KeyError: 'k'"),
        ("java", "Caused by: KeyError: 'k'"),
        ("other", "Caused by: KeyError: 'k'"),
    ],
)
def test_what_led_to_an_error_is_written_as_its_language_does(platform: str, said: str) -> None:
    chain = read_exceptions([{**CAUSE, "stacktrace": FRAMES}, {**RAISED, "stacktrace": FRAMES}])
    assert said in write_trace(platform, chain).splitlines()


def test_during_the_handling_is_told_apart() -> None:
    cause = {**CAUSE, "stacktrace": FRAMES, "mechanism": {"source": "__context__"}}
    written = write_trace("python", read_exceptions([cause, {**RAISED, "stacktrace": FRAMES}]))
    assert "During handling of the above exception, another exception occurred:" in written


def test_without_frames_there_is_no_trace() -> None:
    assert write_trace("python", read_exceptions([CAUSE, RAISED])) == ""
