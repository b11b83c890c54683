"""Passwords that were drawn are taken, whatever is in them; those that everybody tries first are not."""

import base64
import os
import random
import string
from collections.abc import Callable
from urllib.parse import quote

import pytest
from redis.asyncio import ConnectionPool

from common.database import sqlalchemy_url
from common.settings import Settings, SettingsInvalid
from common.settings.passwords import find_weakness_of

FIRST = ("an", "bam", "cop", "dra", "em", "fal", "gar", "har", "is", "jas", "lan", "mar", "nec", "or", "pep", "sil")
LAST = (
    "boo",
    "per",
    "gon",
    "ber",
    "con",
    "net",
    "bor",
    "land",
    "mine",
    "tern",
    "ble",
    "tar",
    "chid",
    "ver",
    "dow",
    "let",
)
WORDS = [first + last for first in FIRST for last in LAST]
LETTERS = string.ascii_letters + string.digits
SYMBOLS = LETTERS + "!#$%&()*+,-./:;<=>?@[]^_{|}~"
DRAWS: dict[str, Callable[[random.Random], str]] = {
    "twenty hexadecimal digits": lambda rng: f"{rng.getrandbits(80):020x}",
    "base64 of eighteen bytes": lambda rng: base64.b64encode(rng.randbytes(18)).decode(),
    "letters and digits": lambda rng: "".join(rng.choices(LETTERS, k=16)),
    "with symbols": lambda rng: "".join(rng.choices(SYMBOLS, k=16)),
    "passphrases": lambda rng: rng.choice("- ._").join(rng.choices(WORDS, k=5)),
}
WEAK = (
    "short", "aaaaaaaaaaaaaaaa", "123456789012", "0123456789abcdef", "abcdefghijklmn", "qwertyuiop12", "qwertyuiopasdfgh",
    "password", "Password1234", "Passw0rd1234", "P@ssw0rd2024!", "mysecretpassword", "supersecretpassword", "iloveyou1234",
    "letmein12345", "administrator", "admin123admin123", "changeme-now", "changemechangeme", "postgres12345",
    "postgrespostgrespostgres", "passwordpassword12345678", "redisredisredis", "mayday-postgres-2024", "trustno1trustno1",
    "hunter2hunter2hunter2", "default-password", "valkey-valkey-valkey", "Welcome2026!",
)  # fmt: skip
STORES = ("database_url", "cache_url", "queue_url")
DRAWN = int(os.environ.get("MAYDAY_TEST_PASSWORDS", "40"))  # of each kind; each takes 20 ms to be judged


def draw(kind: str) -> list[str]:
    return [DRAWS[kind](random.Random(f"{kind} {number}")) for number in range(DRAWN)]


def load(**given: str) -> Settings:
    return Settings.load(mode="production", **given)


def require(**given: str) -> Settings:
    return load(**given).require(*STORES)


@pytest.mark.parametrize("kind", DRAWS)
def test_every_password_that_was_drawn_is_taken_and_reaches_both_libraries_as_it_is(kind: str) -> None:
    for password in draw(kind):
        assert find_weakness_of(password, "app") == ""
        in_urls = load(
            database_url=f"postgresql://app:{quote(password, safe='')}@db:5432/errors",
            redis_url=f"redis://:{quote(password, safe='')}@cache:6379/0",
        )
        beside = load(
            database_url="postgresql://app@db:5432/errors",
            redis_url="redis://cache:6379/0",
            database_password=password,
            redis_password=password,
        )
        for settings in (in_urls, beside):
            database, redis = sqlalchemy_url(settings.database_url), ConnectionPool.from_url(settings.redis_url)
            assert (database.username, database.password, database.host) == ("app", password, "db")
            assert (redis.connection_kwargs["password"], redis.connection_kwargs["host"]) == (password, "cache")


@pytest.mark.parametrize("kind", ["twenty hexadecimal digits", "base64 of eighteen bytes", "letters and digits"])
def test_those_without_percent_signs_may_stand_in_urls_as_they_are(kind: str) -> None:
    for password in draw(kind):
        settings = load(
            database_url=f"postgresql://app:{password}@db/errors?ssl=require", redis_url=f"redis://:{password}@cache/1"
        )
        assert sqlalchemy_url(settings.database_url).password == password
        assert ConnectionPool.from_url(settings.redis_url).connection_kwargs["password"] == password


@pytest.mark.parametrize("password", WEAK)
def test_those_that_are_tried_first_are_refused_in_the_url_and_beside_it_without_a_word_of_them(password: str) -> None:
    for given in (
        {"database_url": f"postgresql://app:{quote(password, safe='')}@db/errors"},
        {"database_url": "postgresql://app@db/errors", "database_password": password},
    ):
        with pytest.raises(SettingsInvalid, match="MAYDAY_DATABASE_URL: has a") as caught:
            require(redis_url="unix:///run/redis.sock", **given)
        assert password == "password" or password not in str(caught.value)


def test_a_user_name_makes_a_password_weak_and_a_host_or_the_number_of_a_database_does_not() -> None:
    assert "well-known" in find_weakness_of("operator-9271-x", "operator")
    assert find_weakness_of("operator-vT9xkQ2mLw8RzB", "operator") == ""
    assert find_weakness_of("a0kd93jf0s0aelq1", "a") == ""
    require(database_url="postgresql://app:db0-vT9xkQ2mLw8R@db0/0", redis_url="redis://:0vT90xkQ2mL0@cache0/0")


def test_a_password_of_any_length_is_judged_at_once() -> None:
    assert find_weakness_of("vT9xkQ2mLw8RzB" * 1_000) == ""
    assert find_weakness_of("a" * 100_000) != ""
