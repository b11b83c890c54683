"""A row of the list says what is known of its pattern, and nothing in it runs."""

import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from api.pages.pattern_rows import name_services, pattern_row, say_reason
from tests.api.pages.browsing import HOSTILE, scan

MOMENT = datetime(2026, 2, 3, 14, 37, 21, 5, tzinfo=UTC)


def pattern(text: str) -> Any:
    services = [SimpleNamespace(key=text, count=1)] * 4
    facts = SimpleNamespace(window=text, count=1_200, expected=3.25)
    return SimpleNamespace(
        id=UUID(int=7), title=text, state=text, trend=text, services=services, trend_facts=facts, count=1_234, share=0.001,
        first_seen=MOMENT, last_seen=MOMENT,
    )  # fmt: skip


@pytest.mark.parametrize("may_decide", [True, False])
@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_what_is_hostile_stays_text_in_every_field(number: int, may_decide: bool) -> None:
    text = HOSTILE[number]
    row = pattern_row(pattern(text), [1, 2], 3, home="/p/7/", window=text, may_decide=may_decide)
    found = scan(row)
    assert (found.scripts, found.dangers) == ([], [])
    assert ("checkbox" in row) is may_decide


def test_a_row_is_well_formed_and_has_the_numbers() -> None:
    row = pattern_row(pattern('"<&'), [1, 2], 3, home="/p/7/", window="24h", may_decide=True)
    row = re.sub(r"<input[^>]*>", "", row.replace(" data-row", ""))
    cells = ET.fromstring(row)  # noqa: S314
    words = ["".join(cell.itertext()).strip() for cell in cells]
    assert words == [
        "", '"<&"<& "<&, "<&, "<& and 1 more', "", "1\u2009234", "<1 %", '"<&1,200 in the last "<&, 3.2 expected',
        "2026-02-03 14:37:21 UTC", "2026-02-03 14:37:21 UTC",
    ]  # fmt: skip


def test_few_services_are_all_named_and_no_facts_are_no_reason() -> None:
    assert name_services([SimpleNamespace(key="a"), SimpleNamespace(key="b")]) == "a, b"
    assert say_reason(SimpleNamespace(trend_facts=None)) == ""
