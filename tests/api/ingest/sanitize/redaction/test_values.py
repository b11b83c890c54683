"""A value after a name begins and ends where whoever wrote it meant it to."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.ingest.sanitize.redaction.names import words_of
from api.ingest.sanitize.redaction.values import find_bare, find_bracketed, find_close, find_quoted, find_value
from tests.api.ingest.sanitize.redaction.samples import ANY_TEXT, DRAWN, SECRET_NAMES


def value_of(text: str, name: str = "password", operator: str = "=") -> str | None:
    """What is found behind the first § of a text, which stands for where the value begins."""
    start = text.index("\u00a7")
    span = find_value(text.replace("\u00a7", "", 1), start, name, operator)
    return None if span is None else text.replace("\u00a7", "", 1)[slice(*span)]


@given(ANY_TEXT, ANY_TEXT, SECRET_NAMES, st.sampled_from(["=", ":", " ", ",", "=>", "'"]))
@settings(max_examples=40)
def test_a_value_is_found_behind_its_start_and_on_its_line(before: str, text: str, name: str, operator: str) -> None:
    span = find_value(before + text, len(before), name, operator)
    if span is not None:
        start, end = span
        assert len(before) <= start <= end <= len(before + text)
        assert not {"\n", "\r"} & set((before + text)[start:end])


QUOTED = st.text(st.sampled_from("abc 123,;:=(){}[]<>&|\u00e9"), max_size=20).map(lambda text: f"x1{text}y2")


@given(
    QUOTED,
    st.sampled_from(['""', "''", "``", "\u201c\u201d", "\u2018\u2019", "\u00ab\u00bb"]),
    st.sampled_from(["", "b", "N", "@", "$"]),
)
@settings(max_examples=40)
def test_a_quoted_value_is_what_is_between_its_quotes(value: str, quotes: str, prefix: str) -> None:
    sign = prefix if quotes[0] in "\"'`" else ""
    assert value_of(f"\u00a7{sign}{quotes[0]}{value}{quotes[1]} and '{value}'") == value


@given(QUOTED, st.sampled_from(["%22", "%27", "&quot;", "&#34;", "&apos;", '\\"', "\\\\'", '"""', "\\u0022"]))
@settings(max_examples=40)
def test_an_escaped_quote_closes_what_it_opened(value: str, quote: str) -> None:
    assert value_of(f"\u00a7{quote}{value}{quote} and {quote}b{quote}") == value


@pytest.mark.parametrize("value", [r"it\'s x1", "it''s x1", "open x1"])
def test_escaped_and_doubled_quotes_are_of_the_value_and_the_line_ends_it(value: str) -> None:
    assert value_of(f"\u00a7'{value}' a") == value
    assert value_of(f"\u00a7'{value}\nnext: 'a'") == value


@given(
    st.recursive(
        DRAWN, lambda inner: st.lists(inner, max_size=3).map(lambda parts: f"[{', '.join(parts)}]"), max_leaves=5
    )
)
@settings(max_examples=40)
def test_brackets_go_to_the_one_that_closes_them(value: str) -> None:
    text = f'{{"a": {value}, "b": ["}}", x1y2]}}'
    assert value_of(f"\u00a7{text} }} ]") == text
    assert find_close(text, 0) == len(text)
    assert find_bracketed(text + "]", 0, "password") == (0, len(text))


def test_brackets_end_with_the_line_unless_they_may_run_over_lines() -> None:
    text = "[x1y2,\n z3]\n"
    assert find_close(text, 0) == len("[x1y2,")
    assert find_close(text, 0, over_lines_to=100) == len("[x1y2,\n z3]")
    assert find_close("[x1", 0) == len("[x1")


@given(
    DRAWN,
    st.sampled_from([" for bob", ", a=1", "&user=bob", ";a=1", ") failed", "}", "'", "> a", "| b", "%2Ca", "\\n", ""]),
)
@settings(max_examples=40)
def test_a_bare_value_ends_where_the_next_thing_begins(secret: str, after: str) -> None:
    assert value_of(f"\u00a7{secret}{after}") == secret


@given(DRAWN, DRAWN, st.sampled_from([",", "&", ")", "]", "%40", "=", "\\s"]))
@settings(max_examples=40)
def test_a_sign_inside_of_a_bare_value_does_not_end_it(first: str, second: str, sign: str) -> None:
    if sign != "\\s":
        assert value_of(f"\u00a7{first}{sign}{second} for bob") == f"{first}{sign}{second}"


@given(DRAWN)
@settings(max_examples=40)
def test_a_value_is_found_behind_its_type_its_wrapping_and_its_tag(secret: str) -> None:
    for text, found in (
        (f'string(9) "{secret}"', secret), (f'(string)"{secret}"', secret), (f'Some("{secret}")', f'("{secret}")'),
        (f'[]byte("{secret}")', f'("{secret}")'), (f'new String("{secret}")', f'("{secret}")'),
    ):  # fmt: skip
        assert value_of(f"\u00a7{text} a") == found
    assert value_of(f"\u00a7!!str {secret} a", operator=":") == secret
    assert value_of(f'\u00a7Optional[str] = "{secret}" a', operator=":") == secret
    assert value_of(f'\u00a7new Credential("{secret}")') == f'Credential("{secret}'


@pytest.mark.parametrize(
    ("name", "operator", "text", "found"),
    [
        ("Authorization", ":", "Digest username=bob, response=0a1b", "Digest username=bob, response=0a1b"),
        ("authorization", "=", "Bearer abc.def next", "Bearer abc.def"),
        ("Authorization", ":", "Custom abc123= next", "Custom abc123="),
        ("Cookie", ":", "a=1; s=x1y2", "a=1; s=x1y2"),
        ("Set-Cookie", ":", "chocolate", "chocolate"),
    ],
)
def test_a_header_goes_to_the_end_of_its_line(name: str, operator: str, text: str, found: str) -> None:
    assert value_of(f"\u00a7{text}\nnext", name, operator) == found


def test_a_header_in_quotes_ends_with_them() -> None:
    assert value_of("'Cookie: \u00a7a=1; s=x1' -v", "Cookie", ":") == "a=1; s=x1"


@pytest.mark.parametrize(
    "text", ["", " ", "''", '"null"', "***", "[]", "must be longer", "required", "password", "=", "\\"]
)
def test_where_there_is_no_value_none_is_found(text: str) -> None:
    assert value_of(f"\u00a7{text}", "password", ":") is None


@given(ANY_TEXT, SECRET_NAMES.map(words_of))
@settings(max_examples=40)
def test_what_is_looked_at_as_quoted_or_bare_is_judged_whatever_it_is(text: str, words: str) -> None:
    for span in (find_quoted(text, 0, "'", words), find_bare(text, 0, words, "=") if text else None):
        assert span is None or 0 <= span[0] <= span[1] <= len(text)
