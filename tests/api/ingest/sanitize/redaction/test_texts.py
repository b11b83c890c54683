"""Which lines of a text are looked at, and by what: as if every expression searched every line."""

import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic_core import to_json

from api.ingest.receivers.plain import is_odd
from api.ingest.sanitize.redaction import REDACTED, is_utf8, may_hold_secrets, redact_text, redact_value
from api.ingest.sanitize.redaction.lines import redact_over_lines
from api.ingest.sanitize.redaction.texts import FINDERS, MANY_LINES, MEMO_CHARS, remember, search, search_line
from dev.evaluation.redaction.innocents import INNOCENTS
from dev.evaluation.redaction.making import Sample, make_samples
from dev.evaluation.redaction.secrets import SECRETS
from tests.api.ingest.sanitize.redaction.samples import DRAWN, PIECES, WORDS


@given(st.recursive(WORDS | st.integers(), lambda v: st.dictionaries(WORDS, v, max_size=3) | st.lists(v, max_size=3)))
def test_the_cheap_look_misses_nothing_that_the_walk_would_change(value: Any) -> None:
    if redact_value(value)[1]:
        assert may_hold_secrets(json.dumps(value))


@given(st.lists(PIECES | WORDS | st.characters(), max_size=8).map("".join))
def test_a_text_is_redacted_as_if_every_expression_searched_every_line(text: str) -> None:
    expected = redact_over_lines(text)[0]
    assert redact_text(text)[0] == "\n".join(search_with_all(line) for line in expected.split("\n"))


def search_with_all(line: str) -> str:
    """By every expression, whatever its hint says."""
    for known in FINDERS:
        line = known.redact(line)[0]
    return line


@given(st.lists(st.lists(PIECES | WORDS, min_size=1, max_size=4).map("".join), min_size=1, max_size=5))
def test_many_lines_are_redacted_and_counted_as_one_by_one(lines: list[str]) -> None:
    many = [line for text in lines for line in text.split("\n")] * MANY_LINES
    assume(not redact_over_lines("\n".join(many))[1])
    alone = [redact_text(line) for line in many]
    assert redact_text("\n".join(many)) == ("\n".join(text for text, _ in alone), sum(count for _, count in alone))


@given(st.recursive(PIECES, lambda v: st.dictionaries(PIECES, v, max_size=2) | st.lists(v, max_size=3)))
def test_the_cheap_look_sees_through_the_escapes_of_json(value: Any) -> None:
    if redact_value(value)[1]:
        assert may_hold_secrets(to_json(value).decode())


def corpus(count: int) -> list[Sample]:
    return list(make_samples([*SECRETS, *INNOCENTS], 3, count))


def test_no_hint_of_a_finder_hides_what_it_would_take_out() -> None:
    for sample in corpus(40):
        for line in sample.value.split("\n") if isinstance(sample.value, str) else ():
            assert search(line)[0] == search_with_all(line), sample


def test_the_cheap_look_misses_no_secret_of_the_corpus() -> None:
    """In text, and where it is escaped once more as JSON; nor does it for what is innocent but would be changed."""
    for sample in corpus(40):
        if redact_value(sample.value)[1]:
            dumped = to_json({"k": sample.value}).decode()
            assert may_hold_secrets(dumped), sample
            assert is_odd(dumped), sample
            assert not isinstance(sample.value, str) or may_hold_secrets(sample.value), sample


@given(st.lists(PIECES | WORDS, max_size=8).map("".join))
def test_what_redaction_changes_in_text_and_in_json_is_seen_before(text: str) -> None:
    assert not redact_text(text)[1] or (may_hold_secrets(text) and is_odd(text))
    assert not redact_value({text: text})[1] or is_odd(to_json({text: text}).decode())


@given(st.text())
def test_a_text_is_utf8_that_can_be_encoded(text: str) -> None:
    assert is_utf8(text)
    assert not is_utf8(f"{text}\ud800")


@given(
    st.lists(st.sampled_from(["GET /a?b=c", "took 12 ms", "at f (a.js:1:2)", ""]), max_size=80),
    st.integers(0, 80),
    DRAWN,
)
def test_of_many_lines_only_that_with_the_secret_changes(lines: list[str], place: int, secret: str) -> None:
    texts = [*lines[:place], f"api_key={secret} of bob", *lines[place:]]
    kept = [*lines[:place], f"api_key={REDACTED} of bob", *lines[place:]]
    assert redact_text("\n".join(texts)) == ("\n".join(kept), 1)


def test_where_a_text_is_not_utf8_every_line_is_looked_at() -> None:
    assert redact_text("a\ud800 password=x1y2z3\nb") == (f"a\ud800 password={REDACTED}\nb", 1)


@pytest.mark.parametrize(("chars", "is_kept"), [(MEMO_CHARS, True), (MEMO_CHARS + 1, False)])
def test_only_short_lines_are_remembered(chars: int, is_kept: bool) -> None:
    line = "password=x1y2z3 ".ljust(chars, "-")
    remember.cache_clear()
    assert search_line(line) == search(line)
    assert remember.cache_info().currsize == int(is_kept)
