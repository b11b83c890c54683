"""No answer is longer than it was asked to be, counted by a real tokenizer, whatever others wrote."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rs_bpe import openai

from api.agents.sheets import LEAST_TOKENS, Sheet, fit

O200K = openai.o200k_base()
WORDS = st.text(max_size=300)


def sizes(told: object) -> int:
    assert hasattr(told, "text")
    assert hasattr(told, "structured")
    structured = json.dumps(told.structured, separators=(",", ":"), ensure_ascii=False)
    return max(int(O200K.count(told.text)), int(O200K.count(structured)))


@given(
    st.dictionaries(st.sampled_from(["template", "note", "services"]), WORDS),
    st.lists(st.tuples(WORDS, st.integers(0, 10**9), WORDS), max_size=30),
    st.lists(WORDS, max_size=30),
    st.integers(LEAST_TOKENS, 2_000),
    st.none() | st.just("tabcdef01"),
)
def test_no_sheet_is_longer_than_it_may_be(
    facts: dict[str, str], rows: list[tuple[str, int, str]], lines: list[str], max_tokens: int, place: str | None
) -> None:
    sheet = Sheet("1 error.", dict(facts), ("a", "b", "c"), rows, named="trace", lines=lines, next=place)
    assert sizes(fit(sheet, max_tokens)) <= max_tokens


def test_what_is_left_out_is_said() -> None:
    sheet = Sheet("1,000 patterns.", {}, ("title", "count"), [(f"payment {n} failed", n) for n in range(1_000)])
    told = fit(sheet, 300)
    assert told.text.endswith(f"Left out: {1_000 - told.rows:,} rows. For more: raise max_tokens.")
    assert told.structured["left_out"].startswith(f"{1_000 - told.rows:,} rows")
    assert len(told.structured["rows"]) == told.rows > 5


def test_what_fits_is_whole_and_has_its_next_page() -> None:
    told = fit(Sheet("2 errors.", {"id": "x"}, ("a",), [("b",), ("c",)], next="t1"), 500)
    assert "left_out" not in told.structured
    assert told.structured == {
        "says": "2 errors.",
        "facts": {"id": "x"},
        "columns": ("a",),
        "rows": [["b"], ["c"]],
        "next": "t1",
    }
    assert told.text.endswith("next: t1")


@pytest.mark.parametrize("max_tokens", [LEAST_TOKENS, 400])
def test_a_page_that_does_not_fit_has_no_next_one(max_tokens: int) -> None:
    rows = [("a long message of somebody " * 4,)] * 50
    told = fit(Sheet("50 errors.", {}, ("message",), rows, next="t1"), max_tokens)
    assert told.rows < 50
    assert "next" not in told.structured
