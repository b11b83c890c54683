"""What stands where a secret would and is none: signs, words, sentences and source code; what is drawn never is."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.ingest.sanitize.redaction import redact_text
from api.ingest.sanitize.redaction.names import words_of
from api.ingest.sanitize.redaction.nothing import (
    find_literal,
    holds_nothing,
    is_no_value,
    is_nothing,
    is_parsed,
    is_said,
    is_same,
    stands_for_none,
)
from tests.api.ingest.sanitize.redaction.samples import ANY_TEXT, DRAWN, SECRET_NAMES

SIGNS = (
    "***", "\u2022\u2022\u2022", "...", "-", "--", "?", "?1", "__", "##", "{}", "<password>", "[redacted]", "[FILTERED by x]",
    "(hidden)",
    "{masked}", "${PASSWORD}", "${env:TOKEN:-}", "$PASSWORD", "$password", "$1", "$(cat f)", "{{ .Values.token }}", "{ token }",
    "{0:N2}", "{oauth2_token}", "#{token}",
    "<%= token %>", "%(password)s", "%s", "%-2d", "%TOKEN%", ":token", "@token", "null", "None", "xxx", "XXXXXX", "SecretStr",
)  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        ":password=>", "password=null", "password: ***", 'password=""', "password=${PASSWORD}",
        "password: must be at least 8 characters",
        "token: expected identifier", "Unexpected token: }", 'Unexpected token "<"',
        "'password': ['This field is required.']", "token_type=Bearer",
        "    token = get_token(user)", "connect(password=password)", "password: String,", "at auth (session.js:12:3)",
        "pk_customer_orders_2026",
        "sk_app_production_worker_1", "order 4111111111111111 not found", "id=5500000000000004", "pass: 12, fail: 3",
        "http://localhost:8080/@vite",
        "docker run -u 1000:1000 app", "missing fields: ['password', 'email']", "max_tokens=512", "PWD=/srv/app",
        "Bearer authentication",
    ],
)  # fmt: skip
def test_what_stands_for_no_value_stays(text: str) -> None:
    assert redact_text(text) == (text, 0)


@pytest.mark.parametrize("value", SIGNS)
def test_signs_for_none_are_none_with_and_without_quotes_and_brackets(value: str) -> None:
    assert stands_for_none(value)
    assert is_nothing(f" {value} ", "password")
    assert is_nothing(f"Bearer {value}", "password")
    assert is_no_value(f"password={value} x", 9, 9 + len(value), "password", "=")
    assert holds_nothing(f'["{value}"]', "password")


@given(DRAWN, SECRET_NAMES, st.sampled_from(["=", ":", " "]))
@settings(max_examples=40)
def test_what_is_drawn_is_never_none(secret: str, name: str, operator: str) -> None:
    words, text = words_of(name), f"{name}{operator}{secret} of bob"
    assert not stands_for_none(secret)
    assert not is_said(secret)
    assert not is_nothing(secret, words)
    assert not is_nothing(f"Bearer {secret}", words)
    assert not is_no_value(text, len(name) + 1, len(name) + 1 + len(secret), words, operator)
    assert not holds_nothing(f'["a", "{secret}"]', words)
    assert not is_parsed(text, len(name) + 1, secret)


@given(ANY_TEXT, SECRET_NAMES.map(words_of))
@settings(max_examples=40)
def test_any_value_is_judged(text: str, words: str) -> None:
    for judged in (
        stands_for_none(text),
        is_said(text),
        is_nothing(text, words),
        is_same(text, words),
        is_parsed(text, 0, text),
    ):
        assert judged in (True, False)
    assert holds_nothing(f"[{text}]", words) in (True, False)


@pytest.mark.parametrize(
    ("value", "is_sentence"),
    [
        ("required", True), ("Required.", True), ("must be at least 8 characters", True), ("can\u2019t be blank", True),
        ("is too short", True), ("not found in the store", True), ("basic", True), ("", False), ("hunter", False),
        ("the red fox", False), ("correct horse battery", False), ("my dog must bark", False),
    ],
)  # fmt: skip
def test_a_sentence_about_a_value_begins_as_one_and_says_something_of_it(value: str, is_sentence: bool) -> None:
    assert is_said(value) is is_sentence


@pytest.mark.parametrize(
    ("value", "words", "is_the_same"),
    [
        ("password", "password", True), ("password", "db_password", True), ("dbPassword", "db_password", True),
        ("userPassword", "password", True), ("password_hash", "password", True), ("passwordValue", "password", True),
        ("*token*", "token", True), ("password", "api_key", True), ("password1", "password", False),
        ("tokenize7", "token", False),
        ("hunter2", "password", False), ("secret", "password", False),
    ],
)  # fmt: skip
def test_a_name_again_is_no_value(value: str, words: str, is_the_same: bool) -> None:
    assert is_same(value, words) is is_the_same


@pytest.mark.parametrize(
    ("value", "is_empty"),
    [
        ("[]", True), ('["required", 8]', True), ("{'min': 8, 'max': '***'}", True), ("(user, name)", True),
        ("[This field is required.]", True), ('["required", "x1y2z3"]', False), ("{a: 12345}", False), ("(user, 'x')", False),
    ],
)  # fmt: skip
def test_brackets_hold_nothing_where_nothing_in_them_is_a_value(value: str, is_empty: bool) -> None:
    assert holds_nothing(value, "password") is is_empty


@pytest.mark.parametrize(
    ("code", "operator"),
    [
        ("get_token(user)", "="), ("await login(user)", "="), ("req.headers", "="), ("Faker::Internet.password", "="),
        ("args[0]", "="), ("u.password", "="), ("self.token", ":"), ("base64.b64decode(x)", "="), ("PASSWORD", " "),
        ("${A}/b", "="), ("{token}", "="), ("{oauth2_token:>10}", "="), ("base64(x)", "="),
    ],
)  # fmt: skip
def test_source_code_is_no_value(code: str, operator: str) -> None:
    assert is_no_value(f"x{operator}{code}", 2, 2 + len(code), "password", operator)


@given(DRAWN, st.sampled_from(['ENV.fetch("KEY", "§")', "Field(default='§')", 'os.getenv("TOKEN", "§")']))
@settings(max_examples=40)
def test_a_literal_in_a_call_is_found_by_itself(secret: str, call: str) -> None:
    text = f"password = {call.replace('§', secret)}"
    span = find_literal(text, len("password = "))
    assert span is not None
    assert text[slice(*span)] == secret


@pytest.mark.parametrize("call", ['getenv("PASSWORD")', 'label("your password")', "fetch(user)", '"x1y2z3w4v5"'])
def test_a_call_without_one_holds_none(call: str) -> None:
    assert find_literal(call, 0) is None


@pytest.mark.parametrize(
    ("text", "value", "is_of_a_parser"),
    [
        ("token: EOF", "EOF", True), ("unexpected token: session", "session", True),
        ("parsing failed at token: foo", "foo", True),
        ("token: session", "session", False), ("unexpected token: a1", "a1", False), ("unexpected token: aB", "aB", False),
        ("unexpected token: " + "a" * 25, "a" * 25, False),
    ],
)  # fmt: skip
def test_a_token_that_a_parser_tells_of_is_none(text: str, value: str, is_of_a_parser: bool) -> None:
    assert is_parsed(text, text.index(": ") + 2, value) is is_of_a_parser
