"""The automata say what expressions find, in text and in its bytes, and what is found goes with all else kept."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.ingest.sanitize.redaction.expressions import ESCAPE, START, automaton, expression, finder
from common.fingerprint import REDACTED

HINTS = ["ab", "^a", "a$|bb", "(?i-u:Key)[ \t]", "[0-9]{3}", ESCAPE]
TEXTS = st.text(st.sampled_from("abkKeyEY 0179\t\n\\u\u212a\u00e9%"), max_size=12)


@pytest.mark.parametrize("hint", HINTS)
@given(text=TEXTS)
@settings(max_examples=40)
def test_an_automaton_sees_what_a_search_finds_in_text_and_bytes(hint: str, text: str) -> None:
    found = re.search(hint.replace("(?i-u:Key)", "[Kk][Ee][Yy]").replace("$", r"\Z"), text) is not None
    assert automaton(hint)(text) is automaton(hint)(text.encode()) is found


def test_of_what_is_not_utf8_it_says_no() -> None:
    assert not automaton("a")("a\ud800")
    assert not automaton("a")(b"a\xff")


def test_a_finder_tells_its_hint_and_takes_out() -> None:
    known = finder("secret", lambda text: (text.upper(), 3))
    assert (known.hint, known.has_hint("a secret"), known.has_hint("none"), known.redact("a")) == (
        "secret",
        True,
        False,
        ("A", 3),
    )


@given(TEXTS, st.text("abc", min_size=1), TEXTS)
@settings(max_examples=40)
def test_an_expression_keeps_its_first_group_and_all_around_and_counts(before: str, secret: str, after: str) -> None:
    known = expression("sig=", "(sig=)[abc]+")
    sent = f"{before}\nsig={secret}\n{after}\nsig={secret}"
    kept = f"{before}\nsig={REDACTED}\n{after}\nsig={REDACTED}"
    assert known.redact(sent) == (kept, 2)


@pytest.mark.parametrize(
    ("before", "is_start"),
    [
        ("", True),
        (" ", True),
        ("-", True),
        ("\\n", True),
        ("\\t", True),
        ("%2F", True),
        ("a", False),
        ("7", False),
        ("\\x", False),
    ],
)
def test_a_word_starts_behind_an_escape_too_and_never_inside_of_another(before: str, is_start: bool) -> None:
    assert (re.search(f"{START}key", f"{before}key") is not None) is is_start
