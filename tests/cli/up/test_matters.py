"""What of the log a terminal is shown: warnings and failures, in a line each, the same not again and again."""

import json

import pytest

from api.reads.cells import UNSEEN
from cli.up.matters import LINE_CHARS, Matters, show_whole
from tests.cli.terminals import COLOURS


def line(level: str = "warning", event: str = "queue_lost", **others: object) -> str:
    return json.dumps(
        {"event": event, "level": level, "program": "worker", "timestamp": "2026-01-01T00:00:00Z", **others}
    )


def test_warnings_and_failures_are_a_sentence_and_the_rest_is_not_shown() -> None:
    picked = [
        Matters().pick(one)
        for one in (line(), line("error", seconds=3, exception=["long"]), line("info"), "text", "[]", "")
    ]
    assert picked == ["worker warning: queue_lost", "worker error: queue_lost seconds=3", "", "", "", ""]


def test_the_same_is_said_once_a_minute_with_how_often_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000.0
    monkeypatch.setattr("cli.up.matters.time.monotonic", lambda: now)
    picker = Matters()
    assert [bool(picker.pick(line(number=number))) for number in range(4)] == [True, False, False, False]
    assert picker.pick(line(event="another"))
    now += 61
    assert picker.pick(line()) == "worker warning: queue_lost (3 more in between)"
    now += 61
    assert picker.pick(line()) == "worker warning: queue_lost"


@pytest.mark.parametrize("show", [Matters().pick, show_whole])
def test_nothing_in_a_line_is_obeyed(show: object) -> None:
    hostile = "\x1b[2J\u202e\r\n\x9b31m"
    shown = str(show(line(event=hostile, error=hostile, exception=[{"value": hostile}])))  # type: ignore[operator]
    assert r"\x1b[2J" in shown
    visible = matters_text(shown)
    assert not UNSEEN.search(visible), visible
    assert not UNSEEN.search(show_whole(f"Traceback {hostile}"))


def matters_text(shown: str) -> str:
    """Without the colours and ends of lines that are ours."""
    return COLOURS.sub("", shown).replace("\n", "")


def test_a_long_one_is_cut() -> None:
    assert len(Matters().pick(line(error="x" * 9_000))) < LINE_CHARS + 5
