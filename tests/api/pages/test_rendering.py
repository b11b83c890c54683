"""What pages write out is what was sent, made visible and harmless."""

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError

from api.pages.rendering import (
    ENVIRONMENT,
    UNSEEN,
    asset,
    render,
    show_amount,
    show_money,
    show_number,
    show_share,
    show_time,
)


@given(st.text())
def test_any_text_is_shown_whole_and_makes_no_markup(text: str) -> None:
    shown = ENVIRONMENT.from_string("{{ text }}").render(text=text)
    assert not re.search(r'[<>"]', shown)
    assert UNSEEN.search(shown) is None
    assert re.sub(r"\\u\{([0-9a-f]+)\}", lambda code: chr(int(code[1], 16)), unescape(shown)) == re.sub(
        r"\\u\{([0-9a-f]+)\}", lambda code: chr(int(code[1], 16)), text
    )


def test_a_value_that_nobody_gave_is_no_empty_place() -> None:
    with pytest.raises(UndefinedError):
        render("problem.html", title="a")


def test_numbers_money_and_shares_are_written_without_exponents() -> None:
    assert show_number(1234567) == "1\u2009234\u2009567"
    assert [show_money(Decimal(usd)) for usd in ("0", "1234.5", "0.00012", "0.5")] == [
        "0",
        "1\u2009234.50",
        "0.00012",
        "0.5",
    ]
    assert show_money(None) == "\u2013"
    assert show_amount("1E+3", "tokens") == "1\u2009000 tokens"
    assert show_amount("2.5", "usd") == "$2.50"
    assert [show_share(part) for part in (0, 0.001, 0.5, 1)] == ["0 %", "<1 %", "50 %", "100 %"]


def test_a_time_is_told_in_utc_whatever_its_zone() -> None:
    moment = datetime(2026, 2, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    assert show_time(moment) == show_time(moment.astimezone(UTC))
    assert 'datetime="2026-02-01T10:00:00Z"' in show_time(moment)


def test_an_assets_address_says_what_is_in_it() -> None:
    assert re.fullmatch(r"/assets/[0-9a-f]{12}/mayday\.css", asset("mayday.css"))
