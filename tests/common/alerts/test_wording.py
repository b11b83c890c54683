"""Texts of an attacker are data: they look the same and do nothing."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.alerts.wording import APART, clean, escape_markdown, hide, inert
from tests.worker.alerts.receiving import HOSTILE


@given(st.text(max_size=500), st.integers(1, 200))
def test_a_cleaned_text_is_one_bounded_line_that_can_be_seen(text: str, most: int) -> None:
    line = clean(text, most)
    assert len(line) <= most
    assert clean(line, most) == line
    assert not any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"} for char in line)


@given(st.text(max_size=500))
def test_an_inert_text_looks_the_same(text: str) -> None:
    line = clean(text, 500)
    assert inert(line).replace(APART, "") == line.replace(APART, "")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]8;;http://evil\x1b\\click\x1b]8;;\x1b\\", "click"),
        ("\x9b31mred", "red"),
        ("a\r\nBcc: b", "a Bcc: b"),
        ("gpj\u202eexe.", "gpjexe."),
        ("a\u200b\u2060\ufeffb", "ab"),
        ("a\u2028b\u00a0c", "a b c"),
        ("a\ud800b", "ab"),
        ("\u2800\u3164", ""),
    ],
)
def test_what_cannot_be_seen_goes(text: str, shown: str) -> None:
    assert clean(text, 100) == shown


ALIVE = re.compile(
    r"<[!@#/a-z]|@\w|https?://|//\w|\w\.\w|\]\(|(mailto|javascript|tel):\w|(?<!\w)#\w|``|(?<!\w)/\w", re.IGNORECASE
)


@given(st.text(alphabet="<!@#>|[]()`/:.ahtpsjvcriploemn \u3002\uff0e\uff20-*_", max_size=80))
def test_nothing_in_an_inert_text_is_alive(text: str) -> None:
    assert ALIVE.search(inert(text)) is None


def test_nothing_in_a_hostile_text_is_alive() -> None:
    assert ALIVE.search(inert(clean(HOSTILE, 1_000))) is None


def test_markdown_is_shown_as_it_stands() -> None:
    assert escape_markdown("a*b_[c]`d`~|\\") == r"a\*b\_\[c\]\`d\`\~\|" + "\\\\"


def test_secrets_are_hidden_the_longest_first() -> None:
    assert hide("https://a/secret and secret", ["secret", "https://a/secret", ""]) == "*** and ***"
