"""Whatever services send is shown and not obeyed, by every command, on a terminal and in a pipe."""

import json
import re

import pytest

from api.reads.cells import UNSEEN
from tests.cli.conftest import Mayday
from tests.cli.terminals import COLOURS

CORPUS = [
    "\x1b[2J\x1b[H wiped",
    "\x1b]0;title\x07 renamed",
    "\x1b]52;c;cm0gLXJmIC8=\x07 into the clipboard",
    "\x1bP+q544e\x1b\\ asked back",
    "\x9b31m eight bits",
    "over\rwritten",
    "back\x08\x08\x08space",
    "\u202etxt.exe turned",
    "\u2066isolated\u2069",
    "zero\u200bwidth\u200d",
    "tag\U000e0041s",
    "[red]markup[/red] [link=http://x]here[/link] :smile:",
    "\x7f deleted",
    "bell\x07",
    "line\u2028end",
]


@pytest.fixture
async def hostile(mayday: Mayday) -> Mayday:
    errors = [
        {
            "service": f"shop{text}", "severity": "error", "message": f"kind{number} {text}", "error_type": f"E{number}{text}",
            "environment": text, "release": f"1{text}", "stack_trace": f"{text}\n  at {text}", "tags": {"a": text},
            "context": {"b": text, text: "c"}, "fingerprint": f"group{number}",
        }
        for number, text in enumerate(CORPUS)
    ]  # fmt: skip
    await mayday.project.send(*errors)
    await mayday.service.run_worker()
    return mayday


def is_only_text(shown: str) -> bool:
    """Whether nothing is in it that a terminal obeys, but for ends of lines."""
    return not UNSEEN.search(shown.replace("\n", ""))


async def test_nothing_that_was_sent_is_obeyed_by_a_terminal(hostile: Mayday) -> None:
    errors = (await hostile.project.get("/api/errors/recent", limit=100))["errors"]
    shown = [await hostile.show("patterns", "--limit", "200"), await hostile.show("patterns", "--json")]
    for error in errors[:: len(errors) // 3]:
        shown += [await hostile.show("show", error["id"]), await hostile.show("show", error["pattern_id"])]
    for text in shown:
        assert is_only_text(COLOURS.sub("", text)), text
    assert "[red]markup[/red]" in shown[0]
    assert r"\x1b[2J" in shown[0]


async def test_a_pipe_gets_lines_and_tabs_and_json_what_was_sent(hostile: Mayday) -> None:
    errors = (await hostile.project.get("/api/errors/recent", limit=100))["errors"]
    plain = (await hostile.run("patterns", "--limit", "200")).stdout
    assert len(plain.splitlines()) == len(CORPUS) + 1
    assert {line.count("\t") for line in plain.splitlines()} == {7}
    assert is_only_text(plain.replace("\t", ""))
    document = (await hostile.run("show", errors[0]["id"], "--json")).stdout
    assert is_only_text(document)
    assert json.loads(document) == await hostile.project.get(f"/api/errors/{errors[0]['id']}")


async def test_what_a_server_says_of_a_failure_is_shown_the_same_way(mayday: Mayday) -> None:
    status, said = await mayday.fail("patterns", "--service", "\x1b[2J\u202e" * 80)
    assert status == 1
    assert re.match(r"mayday: 4\d\d: ", said)
    assert is_only_text(said)
