"""The config of a webhook: its secrets, and which of them sign now."""

from datetime import timedelta

from standardwebhooks import Webhook

from common.alerts.kinds.webhook import (
    KIND,
    OLD_SECRET_HOURS,
    make_secret,
    rotate,
    sign,
    signed_headers,
    target_of,
    valid_secrets,
)
from common.database.clock import CLOCK

CONFIG = KIND.make({"url": "https://hooks.example/T0/token"}, None)


def test_a_signature_is_that_of_the_library() -> None:
    secret, now = make_secret(), CLOCK.now()
    theirs = Webhook(secret).sign("id", now, "body")
    assert sign(secret, "id", int(now.timestamp()), b"body") == theirs


def test_at_most_two_secrets_sign_and_the_newest_is_the_first() -> None:
    now = CLOCK.now()
    config = rotate(rotate(CONFIG, now), now)
    assert len(valid_secrets(config, now)) == 2
    assert CONFIG["secrets"][0]["secret"] not in valid_secrets(config, now)
    later = now + timedelta(hours=OLD_SECRET_HOURS)
    assert valid_secrets(config, later) == [config["secrets"][0]["secret"]]
    assert len(signed_headers(config, "id", now, b"")["webhook-signature"].split()) == 2


def test_another_url_keeps_the_secrets_and_nothing_shown_holds_them() -> None:
    changed = KIND.make({"url": "https://other.example/"}, CONFIG)
    assert changed["secrets"] == CONFIG["secrets"]
    assert target_of(changed).host == "other.example"
    assert KIND.hint(CONFIG) == "https://hooks.example"
    assert {"/T0/token", CONFIG["secrets"][0]["secret"]} <= set(KIND.secrets(CONFIG))
