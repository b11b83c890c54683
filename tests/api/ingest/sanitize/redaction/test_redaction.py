"""Redaction as a whole: secrets of every kind go out of a text, in time that grows with it, and what is none stays."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.ingest.sanitize.redaction import REDACTED, redact_text, redact_value
from common.keys import Scope, make_key
from tests.api.ingest.sanitize.redaction.samples import DRAWN, SECRET_NAMES, WORDS


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Authorization: Bearer abc.def.ghi-jkl", f"Authorization: {REDACTED}"),
        ("Authorization: Digest username=bob, response=0a1b", f"Authorization: {REDACTED}"),
        ("Cookie: theme=dark; sid=0a1b2c", f"Cookie: {REDACTED}"),
        ('{"password": "two words"}', f'{{"password": "{REDACTED}"}}'),
        (r"{\"password\": \"two words\", \"a\": 1}", rf"{{\"password\": \"{REDACTED}\", \"a\": 1}}"),
        ("{'dbPassword': 'two words'}", f"{{'dbPassword': '{REDACTED}'}}"),
        ("dsn https://0123456789abcdef0123@errors.example/4", f"dsn https://{REDACTED}@errors.example/4"),
        ("Basic dXNlcjpwYXNz sent", f"Basic {REDACTED} sent"),
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
        "basic authentication failed",
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


@given(st.lists(WORDS, max_size=8).map("".join))
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    once, _ = redact_text(text)
    assert redact_text(once)[0] == once


# What made an expression start again and again inside of what it had scanned, and its like.
REPEATED = (
    "a-", "a_", "eyJaaaaaaaa-", "eyJaaaaaaaa.", "token", "token ", 'token="', "token=\\", "password: ", "Bearer ",
    "cookie: ", "authorization: a ", "-----BEGIN PRIVATE KEY-----", "-----BEGIN ", "a://", "a://b:", "basic a", "4111 ",
    "sk-aaaa ", "\\", "'", " ", "token=x\n", "a://b:c@\n", "a.", "a1", "token.", "--a ", "--token ", 'token"',
    'token": ', "token=[", "token={",
    "token=[]", "token=(a ", "token={'a':", "token='a", "token='", 'token=\\"', 'token=\\"a', "token=%22",
    "token=&quot;", "token=\u201c", "token=''",
    "token='\\", "token=a,", "a_token x1y2z3 ", "password a1 ", "token:\n value:", "<token>\n", "<token a\n",
    "authorization: a ", "token||=", "\\x22", "token=(a",
    "token=a(", "token=self.", "token=$a->", "pwd=/", "'token',\"", "token=1", "token=$(", "token: [\n",
    "token: |\n a\n", "token: |\n", "name: token\n", "name: token\nvalue: ", 'token"]=>\n', "Some(",
    "token=Some(a ",
    'name="token"\n\n', "token\\n", "token->", "token <- ", "token::", "token?=", "password (", ":token '", "@tcp(",
    "a:b@tcp(", "token=a&", "token=a)", "token=null ", "token=null,", "token=['null'],", "token: must be ",
    "token=is ", "<token>",
    "<token a", "<token ", "name=token ", "name=token value", "name=token,v", '"value":"', '"value":"a',
    "via token: ", "unexpected token: x ",
    "authorization: digest ", "authorization=a a", "cookie: a=b;", "a://b:c", "a://b:c/", "a://b:@", "://", "-u a:",
    "-u ", "mysql ", "mysql -",
    "docker login ", "login a ", "login a password ", "identified by ", "password '", "password = '",
    "hooks.slack.com/services/", "?sig=",
    "bearer a", "eyJaaaaaaaa", "%B4111111111111111^", "B4111111111111111^a", ";4111111111111111",
    "SG.aaaaaaaaaaaaaaaaaaaa", "sk-proj-", "xox", "Ma",
    "MNOMNO.", "glpat-", "0000:A", "8Q~", "a8Q~", ".atlasv1.", "1//0", "$2b$", "4", "41", "4111", "4111-",
    "4111 1111 1111 1111 ", "4111111111111111 ",
    "card 4111111111111111 ", "s.", "-----BEGIN PRIVATE", "a b ", "aA", "_", "token_", "key ", "api key: ", "\\n",
    "%3D", "token=${", "token={{", "token={a", "token={a2", "token={a2_",
    "token=new a", "token=new a(", "token=base64.a(", "a" * 200 + " ",
)  # fmt: skip


@pytest.mark.parametrize("piece", REPEATED)
def test_the_time_to_search_grows_with_the_text_and_no_faster(piece: str) -> None:
    def seconds(chars: int) -> float:
        text = (piece * chars)[:chars] + " token sid=x"
        started = time.process_time()
        redact_text(text)
        return time.process_time() - started

    short, long = (min(seconds(chars) for _ in range(2)) for chars in (32 * 1024, 128 * 1024))
    assert long < 12 * short + 0.05  # four times the text; where time went with its square it was sixteen, and minutes


@given(st.lists(st.tuples(SECRET_NAMES, st.sampled_from(["=", ": ", " := "]), DRAWN), min_size=1, max_size=4))
def test_redacting_what_was_redacted_finds_nothing_more(secrets: list[tuple[str, str, str]]) -> None:
    text = "\n".join(f"{name}{operator}{secret} of bob" for name, operator, secret in secrets)
    once, count = redact_text(text)
    assert count == len(secrets)
    assert redact_text(once) == (once, 0)
    assert redact_value({"note": text}) == ({"note": once}, count)
