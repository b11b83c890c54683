"""A secret goes by the name before it, whatever stands between the two; what is around it stays."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.ingest.sanitize.redaction import REDACTED, assignments, redact_text
from api.ingest.sanitize.redaction.assignments import ASSIGNMENT, ASSIGNMENTS, redact_named, redact_values_first
from tests.api.ingest.sanitize.redaction.samples import ANY_TEXT, DRAWN, SECRET_NAMES

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
    '{:password "§"}', "Password:{Value:§}", "password: {value: §}", "credentials:{bob §}", "password={§}",
    'apiKey = new Credential("§")', "token: await decrypt('§')", "&lt;secret&gt;§&lt;/secret&gt;",
)  # fmt: skip


@pytest.mark.parametrize("text", LEAKED)
def test_a_secret_goes_with_any_operator_quotes_and_brackets(text: str) -> None:
    redacted, count = redact_text(text.replace("§", "hunter2x1"))
    assert "hunter2x1" not in redacted
    assert count == 1


OPERATORS = st.sampled_from(["=", ":", ": ", " = ", " := ", "=>", " => ", "==", " -> ", " ?= ", "%3D", "\t=\t"])
QUOTES = st.sampled_from(
    [("", ""), ('"', '"'), ("'", "'"), ("`", "`"), ('\\"', '\\"'), ("%22", "%22"), ("&quot;", "&quot;")]
)


@given(SECRET_NAMES, OPERATORS, QUOTES, DRAWN)
@settings(max_examples=40)
def test_only_the_value_behind_the_name_goes(name: str, operator: str, quotes: tuple[str, str], secret: str) -> None:
    before, after = f"login of bob failed: {name}{operator}{quotes[0]}", f"{quotes[1]} for the shop"
    assert redact_named(before + secret + after, ASSIGNMENT) == (before + REDACTED + after, 1)


@given(
    st.sampled_from(["service", "user", "retry_count", "author", "tokenType", "has_password", "path"]), OPERATORS, DRAWN
)
@settings(max_examples=40)
def test_what_stands_behind_any_other_name_stays(name: str, operator: str, drawn: str) -> None:
    assert redact_named(f"{name}{operator}{drawn}", ASSIGNMENT) == (f"{name}{operator}{drawn}", 0)


@given(st.lists(st.tuples(SECRET_NAMES, DRAWN), min_size=2, max_size=5))
@settings(max_examples=40)
def test_of_many_names_each_loses_its_value_and_is_counted(pairs: list[tuple[str, str]]) -> None:
    sent = "&".join(f"{name}={secret}" for name, secret in pairs)
    kept = "&".join(f"{name}={REDACTED}" for name, _ in pairs)
    assert redact_named(sent, ASSIGNMENT) == (kept, len(pairs))


@given(ANY_TEXT)
@settings(max_examples=40)
def test_any_text_is_taken_and_counted_as_it_is_changed(text: str) -> None:
    for known in ASSIGNMENTS:
        redacted, count = known.redact(text)
        assert (count > 0) == (redacted != text)
        assert redacted.count(REDACTED) >= count


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ("ASSIGNMENT", "app --db-password § -v"), ("ASSIGNMENT", "headers: ['x-api-key', '§']"),
        ("ASSIGNMENT", r"line one\npin=§"), ("ASSIGNMENT", "a%26pin=§"), ("ASSIGNMENT", r"\u0026pin=§"),
        ("ASSIGNMENT", r"\x26pin=§"), ("ASSIGNMENT", "the API key: §"), ("ASSIGNMENT", "backup codes: §"),
        ("ELEMENT", "<user><ns:apiKey type='x'>§</ns:apiKey></user>"), ("ELEMENT", "<secret><![CDATA[§]]></secret>"),
        ("LABELLED", "name: DB_PASSWORD, value: §"), ("LABELLED", "{'key' => 'token', 'value' => '§'}"),
        ("LABELLED", '<input type="password" value="§">'),
        ("QUOTED_AFTER", "ALTER USER bob PASSWORD '§'"), ("QUOTED_AFTER", "WHERE api_key IN ('§')"),
        ("QUOTED_AFTER", '{:secret "§" :n 1}'),
        ("SPACED_OUT", "set aws_secret_access_key §"), ("SPACED_OUT", "machine h login bob password §"),
    ],
)  # fmt: skip
def test_each_way_to_write_a_name_before_its_value_is_known(names: str, text: str) -> None:
    redacted, count = redact_named(text.replace("§", "k9Qz7Rt2Wm4x"), getattr(assignments, names))
    assert (redacted, count) == (text.replace("§", REDACTED), 1)


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ("ASSIGNMENT", "OLDPWD=/srv/app1"), ("ASSIGNMENT", "pwd=~/x1"), ("ASSIGNMENT", "GET session:user:42"),
        ("ASSIGNMENT", "forwarded via token: x1y2z3"), ("ASSIGNMENT", "pin=12"), ("ASSIGNMENT", "fields 'password', 'email1'=1"),
        ("ASSIGNMENT", "['token', 'next word']"), ("SPACED_OUT", "the token session-worker-x2k9p is gone"),
        ("SPACED_OUT", "API_KEY not_found"), ("SPACED_OUT", "password reset4 sent"),
    ],
)  # fmt: skip
def test_a_name_before_something_that_is_no_secret_takes_nothing(names: str, text: str) -> None:
    assert redact_named(text, getattr(assignments, names)) == (text, 0)


@given(SECRET_NAMES, DRAWN)
@settings(max_examples=40)
def test_a_value_that_stands_before_its_name_goes_once(name: str, secret: str) -> None:
    sent = f'{{"value": "{secret}", "name": "{name}", "n": 1}}'
    once = redact_values_first(sent)
    assert once == (sent.replace(secret, REDACTED), 1)
    assert redact_values_first(once[0]) == (once[0], 0)


def test_a_value_before_the_name_of_something_else_stays() -> None:
    text = '{"value": "x1y2z3w4", "name": "colour"}'
    assert redact_values_first(text) == (text, 0)
