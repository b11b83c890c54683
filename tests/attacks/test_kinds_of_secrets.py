"""Secrets and innocent texts of kinds that were written down before the rules were looked at, and slipped through once."""

import json
import time
from typing import Any

import pytest

from api.ingest.receivers.plain import is_odd
from api.ingest.sanitize.redaction import may_hold_secrets, redact_text, redact_value

SECRET = "k9Qz7Rt2Wm4x"
DRAWN = "VTQOxjfAJ8QMlIg1Oilxd6JXaLCZo3SX"
SECRETS: list[Any] = [
    f'array(4) {{ ["password"]=> string(9) "{SECRET}" }}',
    f'object(User)#3 (2) {{ ["password":protected]=> string(12) "{SECRET}" }}',
    f"User Object ( [password:protected] => {SECRET} )",
    f'object(User)#3 (2) {{ ["password":"App\\User":private]=> string(12) "{SECRET}" }}',
    f'secretKey := []byte("{SECRET}")',
    f'(*Config){{Secret:(string)"{SECRET}"}}',
    f"apiKey = Buffer.from('{SECRET}')",
    f'password = new String("{SECRET}")',
    f"api_key: str = Field(default='{SECRET}')",
    f"config.password = ENV.fetch('X', '{SECRET}')",
    f"upstream refused EAAADZ9uiXgoRXYGkDcFuHGus3IxeHktecyy-{DRAWN}",
    f"client_secret: !!str {SECRET}",
    f"admin_password: &pw {SECRET}",
    f"bind_pw='{SECRET}'",
    f"SET PASSWORD FOR 'joe' = '{SECRET}'",
    f"SET PASSWORD FOR 'joe'@'%' = PASSWORD('{SECRET}')",
    f"WHERE token IN ('{SECRET}')",
    f"AND password LIKE '{SECRET}'",
    f'IDENTIFIED BY "{SECRET}"',
    f"ftp://joe:a@{SECRET}?{SECRET}@h/f",
    f"postgres://u:{SECRET}@{SECRET}#x@db:5432/d?sslmode=require",
    f"jdbc:oracle:thin:scott/{SECRET}@//h:1521/x",
    f"sqlplus -s scott/{SECRET}@db",
    f"az login --service-principal -u x -p {SECRET} --tenant y",
    f"mysql --default-protocol=tcp -p{SECRET} db",
    f'<setting name="ApiKey"><value>{SECRET}</value></setting>',
    f"<input type='password' value='{SECRET}'>",
    f'<input id="password" value="{SECRET}">',
    f"the password is {SECRET}",
    f'passphrase is "{SECRET}"',
    f"Access denied for user joe using password `{SECRET}`",
    f"password \u201c{SECRET}\u201d was refused",
    f"token {DRAWN} expired",
    f"Invalid token '{DRAWN}'",
    f"api key {DRAWN} not found",
    "5104063976561722:764",
    "343016570399313;12;2028;107",
    {"id": "client_secret", "val": SECRET},
    {"type": "password", "content": SECRET},
    {"tokens": {"a": DRAWN}},
    {"op": "replace", "path": "/password", "value": SECRET},
    {"loc": ["body", "password"], "msg": "too short", "input": SECRET},
    {"field": "password", "rejectedValue": SECRET},
    f"password\n  String is too short [type=string_too_short, input_value='{SECRET}', input_type=str]",
]
INNOCENT: list[Any] = [
    "password = models.CharField(max_length=128)",
    'password = input("Password: ")',
    "let password = prompt('Password:')",
    "$token = bin2hex(random_bytes(32));",
    "password = Faker::Internet.password",
    "password: hashedPassword,",
    "set { password = value; }",
    "WHERE token = ANY($1)",
    "ON users.password_id = p.id",
    "unexpected token: ':'",
    "unexpected token: 'EOF'",
    "mismatched token: session",
    "imagePullSecrets: [{name: regcred}]",
    "valueFrom: secretKeyRef: name: db-secret key: password",
    "kafka://b1:9092,b2:9092/topic@group",
    "mongodb://a:27017,b:27017/db?x=joe@y",
    "http://[::1]:8080/@id",
    "https://x.y:8443/p?mail=a@b.c",
    "discover service 6011000990139424 failed",
    "debit note 4111111111111111",
    "GET /v1/charges/4111111111111111 404",
    "pin=12",
    "otp=sent",
    "secret 'db-credentials-5f7c9d8b6c' not found",
    "token session-worker-7f9c4d5b6d-x2k9p is unknown",
    "password sha256 is not supported",
    "invalid token OAuth2AccessTokenConverter",
    "the password is incorrect",
    "token was issued at 1764409200",
    {"type": "Token", "value": "while"},
    {"tokens": ["hello", "world", 12]},
    {"loc": ["body", "token"], "input": None},
]
REPEATED = [
    "password is ",
    "password `",
    "password in ('",
    "password IN ('",
    "set password for ",
    "sqlplus a/",
    "jdbc:oracle:thin:a/",
    "az login -",
    "mysql -",
    "kafka://a:1,b:2,",
    "password=Field(default='",
    "password:x:protected]",
    "a\n  a [type=a, input_value=",
    "a://a:a@a?",
    "://a:@",
]


@pytest.mark.parametrize("value", SECRETS, ids=lambda value: str(value)[:50])
def test_a_secret_of_any_of_these_kinds_is_taken_out(value: Any) -> None:
    redacted, count = redact_value(value)
    shown = json.dumps(redacted)
    assert count
    assert not any(secret in shown for secret in (SECRET, DRAWN, "5104063976561722", "343016570399313"))


@pytest.mark.parametrize("value", INNOCENT, ids=lambda value: str(value)[:50])
def test_what_only_looks_like_one_stays(value: Any) -> None:
    assert redact_value(value) == (value, 0)


@pytest.mark.parametrize("value", SECRETS, ids=lambda value: str(value)[:50])
def test_the_hints_see_each_of_them_in_json_too(value: Any) -> None:
    for is_ascii in (True, False):
        assert is_odd(json.dumps({"message": value}, ensure_ascii=is_ascii))
    if isinstance(value, str):
        assert may_hold_secrets(value)


@pytest.mark.parametrize("part", REPEATED)
def test_a_text_of_repeats_takes_time_by_its_length(part: str) -> None:
    """Four times the text takes about four times as long: what is quadratic would take sixteen."""
    times = []
    for chars in (64 * 1024, 256 * 1024):
        text, started = part * (chars // len(part)), time.process_time()
        redact_text(text)
        times.append(time.process_time() - started)
    assert times[1] < max(times[0], 0.02) * 10
