import json
import time
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic_core import to_json

from api.ingest.receivers.plain import is_odd
from api.ingest.rows import RequestContext, make_row, sanitize_text, sanitize_trace
from api.ingest.sanitize.redaction import REDACTED, is_secret, may_hold_secrets, objects, redact_text, redact_value
from api.ingest.sanitize.redaction.cards import passes_luhn
from api.ingest.sanitize.redaction.lines import redact_over_lines
from api.ingest.sanitize.redaction.texts import FINDERS, MANY_LINES, search
from api.ingest.schemas import ErrorIn
from api.storing.rows import ErrorRow
from common.fingerprint import split_trace
from common.keys import Scope, make_key
from common.settings import Settings
from common.tables import Adjustment
from dev.evaluation.redaction.innocents import INNOCENTS
from dev.evaluation.redaction.making import Sample, make_samples
from dev.evaluation.redaction.secrets import SECRETS


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


LEAKED = (
    ':password=>"§"', "'password' => '§'", "password := §", "password -> '§'", "password ->> '§'",
    "{'password': b'§'}", '"password": ["§"]',
    '{"password": {"a": "§"}}', "pass=§", "auth=§", "jwt=§", "SECRET_KEY=§", "secret_key_base: §",
    "password_confirmation=§", "encryption_key=§",
    '{"name":"password","value":"§"}', '{"value":"§","name":"password"}', '["authorization","§"]', "user[password]=§",
    "<password>§</password>",
    '<add key="DbPassword" value="§"/>', "--db-password § -v", "curl -u bob:§ h", "mysql -uroot -p§ shop",
    "Password=§;Encrypt=True", "{Password:§}",
    "map[password:§ a:1]", "postgres://app:§@x@db/y", "postgres://app:§/x@db/y", "root:§@tcp(db:3306)/x",
    r'{\"password\":\"§\"}', "IDENTIFIED BY '§'",
    "login bob password §", "%7B%22password%22%3A%22§%22%7D", "&quot;password&quot;:&quot;§&quot;", "API key: §",
    'password: Some("§")', "password=“§”",
    "Cookie: a=1; s=§; b=2", 'Authorization: Hawk id="1", mac="§"', "password: str = '§'", "const password = `§`",
    '{:password "§"}',
)  # fmt: skip


@pytest.mark.parametrize("text", LEAKED)
def test_a_secret_goes_with_any_operator_quotes_and_brackets(text: str) -> None:
    redacted, count = redact_text(text.replace("§", "hunter2x1"))
    assert "hunter2x1" not in redacted
    assert count == 1


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


@pytest.mark.parametrize(
    "text",
    [
        "card 4111111111111111 declined", "charge failed for 4111111111111111", "4111111111111111 CVV 123",
        "4111111111111111 12/27", "4111111111111111 123",
        "4111 1111 1111 1111 123", "4111-1111-1111-1111 12/27 123", "%B4111111111111111^DOE/J^2712?",
        ";4111111111111111=2712?", "3782 822463 10005",
    ],
)  # fmt: skip
def test_a_card_goes_by_its_groups_or_by_what_is_around_it(text: str) -> None:
    redacted, count = redact_text(text)
    assert count == 1
    assert "1111" not in redacted
    assert "10005" not in redacted


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ({"api_key": 12345678}, {"api_key": REDACTED}),
        ({"card": {"number": 4111111111111111, "cvc": "1"}}, {"card": {"number": REDACTED, "cvc": REDACTED}}),
        ({"id": 4111111111111111}, {"id": 4111111111111111}),
        ({"h": [["Cookie", "a=b"]]}, {"h": [["Cookie", REDACTED]]}),
        ({"argv": ["x", "--token", "a1"]}, {"argv": ["x", "--token", REDACTED]}),
        ({"required": ["password", "email"]}, {"required": ["password", "email"]}),
        ({"key": "jwt", "value": "x"}, {"key": "jwt", "value": REDACTED}),
        ({"password": ["is required"], "token": True}, {"password": ["is required"], "token": True}),
    ],
)
def test_objects_and_lists_are_read_as_names_and_values(value: Any, kept: Any) -> None:
    assert redact_value(value)[0] == kept


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


def test_a_private_key_under_the_name_of_a_secret_is_taken_out_whole() -> None:
    redacted, count = redact_text("private_key=-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\nshop.py")
    assert "MIIE" not in redacted
    assert redacted.endswith("shop.py")
    assert count >= 1


def test_our_own_keys_are_secrets() -> None:
    assert redact_text(f"tried {make_key(Scope.ingest)} there") == (f"tried {REDACTED} there", 1)


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


@pytest.mark.parametrize("name", ["author", "max_tokens", "keyboard", "passenger", "monkey", "user"])
def test_names_that_only_look_alike_are_left(name: str) -> None:
    assert not is_secret(name)


def test_a_number_is_a_secret_under_the_name_of_one_that_is_a_number() -> None:
    assert redact_value({"pin": 1234, "tokens": 512, "user": {"cvv": 123}})[0] == {
        "pin": REDACTED,
        "tokens": 512,
        "user": {"cvv": REDACTED},
    }


def test_a_secret_that_is_a_key_is_taken_out() -> None:
    assert redact_value({"at ftp://u:pw@host": {"n": 1}}) == ({f"at ftp://u:{REDACTED}@host": {"n": 1}}, 1)


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


# What begins a secret, what may stand before or after it, and letters that fold to those of a name.
PIECES = st.sampled_from(
    ["pin=1234", "a_token x1y2z3", "||=", "\\x22", "Pin: 12", "sid=abc", "apiKey='x'", "sk_aaaaaaaaaaaaaaaaaaaa",
    "ghp_aaaaaaaaaaaaaaaaaaaa", "ssn: 1",
     "eyJaaaaaaaaa.aaaaaaaaaa", "AKIAAAAAAAAAAAAAAAAA", "basic dXNlcjpwYXNz", "cookie: a",
     "mayday_read_aaaaaaaaaaaaaaaa",
     "4111 1111 1111 1111", "5500000000000004", "in", "P", "map",
     "\n", "\r", "\t", "\x1f", "\u017f", "\u212a", " ", "-", ".", "7",
     "password", ":pass=>", "api", "Key", " key: ", "userPin", "otp", "--token ", "authorization", "cookie",
     "<secret>", "name",
     '"name":"jwt","value":', "=", ":", " := ", "=>", "->", ",", '"', "'", "\\", '\\"', "%22", "%3D", "&quot;", "\\n",
     "\\u0022",
     "[", "]", "{", "}", "(", ")", "null", "must be", "x1y2z3", "b'", "//", "://u:p/w@h", "?sig=", "-u a:b1",
     "mysql -p",
     "login a password ",
     "IDENTIFIED BY '", "%B4111111111111111^A^27", ";4111111111111111=2712", "card ", "id ", " 123", "hf_", "SG.",
     "a" * 40, "1a" * 20]
)  # fmt: skip


FRAMES = st.sampled_from(['File "/srv/a.py", line 3, in f', "at com.x.A.f(A.java:3)", "Traceback:"])


@given(st.lists(PIECES | WORDS | st.characters(), max_size=8).map("".join))
def test_a_text_is_redacted_as_if_every_expression_searched_every_line(text: str) -> None:
    expected = redact_over_lines(text)[0]
    assert redact_text(text)[0] == "\n".join(search_with_all(line) for line in expected.split("\n"))


def search_with_all(line: str) -> str:
    """By every expression, whatever its hint says."""
    for known in FINDERS:
        line = known.redact(line)[0]
    return line


@given(st.lists(st.lists(PIECES | WORDS | FRAMES, max_size=4).map("".join), max_size=5).map("\n".join))
def test_a_trace_that_is_searched_in_two_parts_is_redacted_as_any_text(trace: str) -> None:
    *settled, split = sanitize_trace(trace, 64)
    assert tuple(settled) == sanitize_text(trace, 64)
    assert split == split_trace(sanitize_text(trace, 64)[0])


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


SECRETS_OVER_LINES = {
    '{\n  "password": [\n    "§"\n  ],\n  "a": 1\n}': '{\n  "password": [redacted],\n  "a": 1\n}',
    "- name: DB_PASSWORD\n  value: §\nb: 1": "- name: DB_PASSWORD\n  value: [redacted]\nb: 1",
    "a:\n  secret: |\n    § x\n    y\n  b: 1": "a:\n  secret: |\n    [redacted]\n  b: 1",
    'array(1) {\n  ["password"]=>\n  string(9) "§"\n}': 'array(1) {\n  ["password"]=>\n  string(9) "[redacted]"\n}',
    "password = (\n  '§'\n)": "password = [redacted]",
}


@pytest.mark.parametrize("text", SECRETS_OVER_LINES)
def test_a_secret_on_the_lines_after_its_name_is_taken_out(text: str) -> None:
    assert redact_text(text.replace("§", "hunter2x1")) == (SECRETS_OVER_LINES[text], 1)


@pytest.mark.parametrize(
    "text",
    [
        '"password": [\n  "This field is required."\n]',
        "def token(\n  self\n)",
        "password:\n  must be longer",
        "password: |\nb: 1",
    ],
)
def test_lines_after_a_name_that_hold_no_value_stay(text: str) -> None:
    assert redact_text(text) == (text, 0)


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
    "%3D", "token=${", "token={{", "a" * 200 + " ",
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


def test_secrets_in_names_are_not_stored_or_fingerprinted(row_of_secrets: ErrorRow) -> None:
    stored = [field for field in row_of_secrets if isinstance(field, str)]
    assert not [field for field in stored if "0a1b2c3d4e5f6a7b" in field]
    assert row_of_secrets.redactions == 6
    assert row_of_secrets.adjustments & Adjustment.redacted


@pytest.fixture
def row_of_secrets() -> ErrorRow:
    """The row of an error that has a secret in every text."""
    secret = "token=0a1b2c3d4e5f6a7b"
    error = ErrorIn(
        service=secret, severity="error", message=secret, error_type=secret, environment=secret, release=secret,
        fingerprint=secret,
    )  # fmt: skip
    return make_row(error, RequestContext.now(uuid4(), Settings()))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats()
    | st.text(max_size=12) | st.sampled_from(["password=hunter2x", "hunter2-Xk93jQ", "4111 1111 1111 1111", "Bearer abc.def"]),
    lambda inner: st.lists(inner, max_size=5)
    | st.dictionaries(st.sampled_from(["password", "name", "value", "card", "token", "a", "tokens", "n"]), inner, max_size=6),
    max_leaves=20,
)  # fmt: skip


@given(json_values)
def test_parts_that_hold_nothing_are_passed_by_and_all_else_is_as_by_the_whole_walk(value: object) -> None:
    passed_by = redact_value(value)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(objects, "may_hold", lambda _: True)
        assert to_json(redact_value(value)) == to_json(passed_by)
