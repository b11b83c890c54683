"""A name is a secret's by its words, in whatever way they are written; one that tells of a secret is none."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.ingest.sanitize.redaction import is_secret, may_hold_secrets
from api.ingest.sanitize.redaction.expressions import ESCAPE, automaton
from api.ingest.sanitize.redaction.names import (
    ABOUT,
    ABOUT_FIRST,
    ADDRESSES,
    NAME_CHARS,
    TEXT_NAME,
    is_about,
    name_hint,
    vocabulary,
    words_of,
)
from tests.api.ingest.sanitize.redaction.samples import FORMS, NAMES, SECRET_NAMES, write_name

has_text_name, has_json_name = automaton(TEXT_NAME), automaton(name_hint(ESCAPE))
PARTS = st.sampled_from(
    ["pass", "pin", "otp", "Pin", "PSK", "sid", "auth", "token", "tokens", "key", "api", "secret", "card", "no", "code", "ip",
     "addr", "word", "dsn", "pwd", "user", "count", "Session", "csrf", "conn", "str", "_", "-", ".", "x", "7", "\u017f", "\u212a"]
)  # fmt: skip

SENTRY_NAMES = (
    "password", "passwd", "secret", "api_key", "apikey", "auth", "credentials", "mysql_pwd", "privatekey",
    "private_key", "token", "ip_address", "session", "csrftoken", "sessionid", "remote_addr", "x_csrftoken",
    "x_forwarded_for", "set_cookie", "cookie", "authorization", "x_api_key", "x_real_ip", "aiohttp_session",
    "connect.sid", "csrf_token", "csrf", "_csrf", "_csrf_token", "PHPSESSID", "_session", "symfony", "user_session",
    "_xsrf", "XSRF-TOKEN",
)  # fmt: skip
MORE_NAMES = (
    "dbPassword", "X-API-Key", "stripe_api_key", "Set-Cookie", "cookies", "sessionId", "sessions", "SENTRY_DSN",
    "clientSecret", "accesstoken", "refresh_tokens", "proxy-authorization", "userPin", "cvv", "connectionString",
)  # fmt: skip


@pytest.mark.parametrize("name", [*SENTRY_NAMES, *MORE_NAMES])
def test_names_of_secrets_are_known_and_the_cheap_look_sees_them(name: str) -> None:
    assert is_secret(name)
    assert may_hold_secrets(json.dumps({name: "x"}))


def test_a_vocabulary_is_the_words_of_its_lines() -> None:
    assert vocabulary("  a b\n c ") == {"a", "b", "c"}


@given(st.sampled_from(NAMES), st.sampled_from(FORMS))
@settings(max_examples=40)
def test_a_name_is_the_same_words_in_all_writings(words: tuple[str, ...], form: str) -> None:
    name = write_name(words, form)
    assert words_of(name) == "_".join(words) == words_of(words_of(name))
    assert is_secret(name)
    assert is_secret(name, in_text=True)


@given(SECRET_NAMES, st.sampled_from(sorted(ABOUT)), st.sampled_from(sorted(ABOUT_FIRST)))
@settings(max_examples=40)
def test_a_name_that_tells_of_a_secret_is_none(name: str, last: str, first: str) -> None:
    assert is_secret(f"{name}_value")
    assert not is_secret(f"{name}_{last}")
    assert not is_secret(f"{first}_{name}")


def test_a_first_word_alone_tells_of_nothing() -> None:
    assert not is_about("no")
    assert is_about("no_password")
    assert is_about("image_pull_secrets")


@given(st.text(max_size=NAME_CHARS), SECRET_NAMES)
@settings(max_examples=40)
def test_of_a_long_name_the_end_counts(before: str, name: str) -> None:
    assert is_secret(before.ljust(NAME_CHARS, "a") + "_" + name)
    assert not is_secret(name + "_" + "a" * NAME_CHARS)


@pytest.mark.parametrize("words", ADDRESSES)
def test_addresses_are_secrets_in_json_alone(words: str) -> None:
    assert is_secret(words)
    assert not is_secret(words, in_text=True)


@pytest.mark.parametrize(
    ("name", "secret_from"),
    [
        ("pin", 3),
        ("cvv", 3),
        ("api_key", 3),
        ("password", 3),
        ("pass", 4),
        ("token", 6),
        ("session", 6),
        ("tokens", 99),
        ("user", 99),
    ],
)
def test_a_number_is_a_secret_by_its_name_and_its_digits(name: str, secret_from: int) -> None:
    assert [digits for digits in range(1, 20) if is_secret(name, digits=digits)] == list(range(secret_from, 20))


@given(st.lists(PARTS, max_size=5).map("".join))
@settings(max_examples=40)
def test_every_name_of_a_secret_is_seen_by_the_hints(name: str) -> None:
    if is_secret(name, in_text=True):
        assert has_text_name(name)
    if is_secret(name):
        assert has_json_name(f'{{"{name}"')
        assert has_json_name(f"\\n{name}")


@given(st.text())
@settings(max_examples=40)
def test_any_text_may_be_a_name(name: str) -> None:
    assert is_secret(name) in (True, False)
    assert words_of(name) == words_of(words_of(name))


@pytest.mark.parametrize("name", ["author", "max_tokens", "keyboard", "passenger", "monkey", "user"])
def test_names_that_only_look_alike_are_left(name: str) -> None:
    assert not is_secret(name)
