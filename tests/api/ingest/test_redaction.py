import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.ingest.redaction import (
    HINT,
    REDACTED,
    SENSITIVE_NAMES,
    is_sensitive_name,
    may_hold_secrets,
    passes_luhn,
    redact_text,
    redact_value,
)
from common.keys import Scope, make_key


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Authorization: Bearer abc.def.ghi-jkl", f"Authorization: {REDACTED} {REDACTED}"),
        ("sent Bearer abcdefghij1234 to it", f"sent Bearer {REDACTED} to it"),
        ("connect postgres://app:s3cr3t@db:5432/x failed", f"connect postgres://app:{REDACTED}@db:5432/x failed"),
        ("login failed password=hunter2 for bob", f"login failed password={REDACTED} for bob"),
        ('{"api_key": "12345678"}', f'{{"api_key": "{REDACTED}"}}'),
        ("card 4111 1111 1111 1111 declined", f"card {REDACTED} declined"),
        ("card 4111-1111-1111-1111", f"card {REDACTED}"),
        ("key AKIAIOSFODNN7EXAMPLE used", f"key {REDACTED} used"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", REDACTED),
        ("token sk-abcdefghijklmnopqrstuvwx refused", f"token {REDACTED} refused"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc-def\n-----END RSA PRIVATE KEY-----",
            f"-----BEGIN RSA PRIVATE KEY-----{REDACTED}-----END RSA PRIVATE KEY-----",
        ),
    ],
)
def test_secrets_in_text_are_taken_out(text: str, kept: str) -> None:
    redacted, count = redact_text(text)
    assert redacted == kept
    assert count >= 1


@pytest.mark.parametrize(
    "text",
    [
        "user alice not found",
        "order 4111111111111112 not found",
        "took 1700000000000 ms",
        "0000000000000000",
        "author of session_key unknown",
        "GET https://example.org/a?b=c failed",
        "2026-11-23T18:00:00.123456 at line 4711",
        "123e4567-e89b-12d3-a456-426614174000",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact_text(text) == (text, 0)


def test_our_own_keys_are_secrets() -> None:
    assert redact_text(f"tried {make_key(Scope.ingest)} there") == (f"tried {REDACTED} there", 1)


@pytest.mark.parametrize("name", ["password", "dbPassword", "X-API-Key", "stripe_api_key", "Set-Cookie", "sessionId"])
def test_names_of_secrets_are_known(name: str) -> None:
    assert is_sensitive_name(name)


@pytest.mark.parametrize("name", ["author", "max_tokens", "keyboard", "passenger", "monkey", "user"])
def test_names_that_only_look_alike_are_left(name: str) -> None:
    assert not is_sensitive_name(name)


def test_sensitive_keys_are_redacted_at_any_depth_and_numbers_stay() -> None:
    value = {"a": [{"secret": "x", "token": 512}], "cookies": {}, "cookie": {"sid": "1"}, "note": "pwd=x"}
    redacted, count = redact_value(value)
    assert redacted == {
        "a": [{"secret": REDACTED, "token": 512}],
        "cookies": {},
        "cookie": REDACTED,
        "note": f"pwd={REDACTED}",
    }
    assert count == 3


@pytest.mark.parametrize(("number", "is_card"), [("4111111111111111", True), ("4111111111111112", False)])
def test_card_numbers_are_told_by_their_check_digit(number: str, is_card: bool) -> None:
    assert passes_luhn(number) is is_card


WORDS = st.sampled_from(
    ["password", "=", ": ", "hunter2", "Bearer ", "abcdefghijkl", "://u:p@h", "4111111111111111", "x"]
)


@given(st.recursive(WORDS | st.integers(), lambda v: st.dictionaries(WORDS, v, max_size=3) | st.lists(v, max_size=3)))
def test_the_cheap_look_misses_nothing_that_the_walk_would_change(value: Any) -> None:
    if redact_value(value)[1]:
        assert may_hold_secrets(json.dumps(value))


@given(st.lists(WORDS, max_size=8).map("".join))
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    once, _ = redact_text(text)
    assert redact_text(once)[0] == once


def test_the_hint_is_in_every_sensitive_name() -> None:
    assert [name for name in SENSITIVE_NAMES if not HINT.search(name)] == []
