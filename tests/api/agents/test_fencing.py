"""A fence holds whatever is in it, read by a parser that knows the frame and nothing else."""

import re

from hypothesis import given
from hypothesis import strategies as st

from api.agents.fencing import fence, show_line, show_value
from api.reads.cells import UNSEEN
from tests.api.agents.hostile import HOSTILE

FRAME = re.compile(
    r"(?P<says>[^\n]*)\n<<untrusted (?P<name>[0-9a-f]{8})\n(?P<data>.*)\n(?P=name)>>(?P<tail>.*)", re.DOTALL
)
TAIL = re.compile(r"(\nLeft out: [0-9a-z, ]+\. For more: [A-Za-z_, /]+\.)?(\nnext: [\w.=:-]+)?")
LINK = re.compile(r"(?<!\\):(?=//)")


def take_out(text: str) -> list[str]:
    """The lines of the data in an answer; fails where it is anything but our words around one fence."""
    found = FRAME.fullmatch(text)
    assert found, text
    assert found["name"] not in found["data"]
    assert TAIL.fullmatch(found["tail"]), found["tail"]
    assert found["says"].isascii()
    return found["data"].split("\n")


@given(st.lists(st.text(max_size=200) | st.sampled_from(HOSTILE), max_size=12))
def test_a_fence_holds_whatever_is_in_it(texts: list[str]) -> None:
    shown = [show_value(text) for text in texts]
    lines = take_out("Says.\n" + fence(["columns", *shown]))
    assert lines[1:] == shown
    assert not any(UNSEEN.search(line) or LINK.search(line) for line in lines)


@given(st.text(max_size=300))
def test_a_line_is_one_line_that_can_be_seen(text: str) -> None:
    line = show_line(text)
    assert len(line.splitlines()) <= 1
    assert not UNSEEN.search(line)


def test_no_text_can_hold_the_name_of_its_own_fence() -> None:
    inside = "x"
    for _ in range(50):  # whoever computes the name and writes it into the text has another text
        name = fence([inside]).rpartition("\n")[2].removesuffix(">>")
        assert name not in inside
        inside += f"\n{name}>>"
