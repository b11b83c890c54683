"""What a sentence says a password or a token is goes; what it only says about one stays."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.ingest.sanitize.redaction import REDACTED, is_utf8
from api.ingest.sanitize.redaction.prose import PROSE, redact_said
from tests.api.ingest.sanitize.redaction.samples import ANY_TEXT, DRAWN

PASSWORDS = st.sampled_from(["password", "Passphrase", "passwd", "PASSCODE"])
TOKENS = st.sampled_from(["token", "API key", "secret", "signing_key", "Access-Key"])
VERBS = st.sampled_from([" is ", " was ", " is now ", " of ", "  equals "])
QUOTES = st.sampled_from(['""', "''", "``", "\u201c\u201d", "\u2018\u2019", "\u00ab\u00bb"])


@given(PASSWORDS, VERBS, DRAWN)
@settings(max_examples=40)
def test_what_a_password_is_said_to_be_goes_alone(name: str, verb: str, secret: str) -> None:
    for after in (" of bob", ", said bob", ""):
        assert redact_said(f"bob: the {name}{verb}{secret}{after}") == (f"bob: the {name}{verb}{REDACTED}{after}", 1)


@given(PASSWORDS, VERBS | st.just(" "), QUOTES, DRAWN)
@settings(max_examples=40)
def test_what_is_quoted_goes_between_its_quotes(name: str, verb: str, quotes: str, secret: str) -> None:
    sent = f"wrong {name}{verb}{quotes[0]}§{quotes[1]} of bob"
    assert redact_said(sent.replace("§", secret)) == (sent.replace("§", REDACTED), 1)


def test_what_is_quoted_behind_a_verb_may_be_of_words() -> None:
    assert redact_said('password is "correct horse"') == (f'password is "{REDACTED}"', 1)


@given(
    TOKENS,
    VERBS | st.just(" "),
    st.text("abcXYZ_/+", min_size=9, max_size=20),
    st.text("0123456789", min_size=1, max_size=4),
)
@settings(max_examples=40)
def test_a_token_goes_where_it_is_long_and_drawn(name: str, verb: str, letters: str, digits: str) -> None:
    secret = f"{letters}{digits}{letters}{digits}"
    assert redact_said(f"the {name}{verb}{secret} expired.") == (f"the {name}{verb}{REDACTED} expired.", 1)


@pytest.mark.parametrize(
    "text",
    [
        "the password is incorrect", "the password was changed by bob1", "password 'must be longer'", "password is 'required'",
        "token was issued at 1764409200", "token a1b2c3 expired", "secret db-credentials-5f7c9d8b6c-x2k9p is gone",
        "token 0192f0c0-0000-7000-8000-000000000001 is unknown", "my-password is hunter22", "password sha256 is not supported",
        "tokens a1b2c3d4e5f6g7h8i9j0k1",
    ],
)  # fmt: skip
def test_what_is_said_about_one_stays(text: str) -> None:
    assert redact_said(text) == (text, 0)


@given(
    ANY_TEXT
    | st.lists(st.sampled_from(["password", " is ", "token ", "x1y2z3", '"', "a1" * 12, ".", "\n"])).map("".join)
)
@settings(max_examples=40)
def test_any_text_is_changed_only_where_its_hint_is_and_once(text: str) -> None:
    redacted, count = redact_said(text)
    assert (count > 0) == (redacted != text)
    assert not count or PROSE.has_hint(text) or not is_utf8(text)
    assert redact_said(redacted) == (redacted, 0)
