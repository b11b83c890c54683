"""URLs of servers are of a form that can be used, and in production their passwords are good ones."""

import pytest

from common.settings import Settings, SettingsInvalid

GOOD = "postgresql://app:vT9xkQ2mLw8RzB@db/errors"


@pytest.mark.parametrize(
    ("url", "weakness"),
    [
        ("postgresql://app@db/errors", "no password"),
        ("postgresql://app:short@db/errors", "weak"),
        ("postgresql://app:aaaaaaaaaaaaaaaa@db/errors", "weak"),
        ("postgresql://app:postgres12345@db/errors", "well-known"),
        ("postgresql://operator:operator9271@db/errors", "well-known"),
        ("postgresql://app:changeme-now@localhost/errors", "well-known"),
        (GOOD, ""),
        ("postgresql://app@db/errors?sslcert=client.pem", ""),
        ("postgresql:///errors?host=/run/postgresql", ""),
    ],
)
def test_production_mode_wants_a_good_password_to_postgres(url: str, weakness: str) -> None:
    settings = Settings.load(mode="production", database_url=url, redis_url="unix:///run/redis.sock")
    if not weakness:
        assert settings.require("database_url", "cache_url", "queue_url") is settings
        return
    with pytest.raises(SettingsInvalid, match=rf"MAYDAY_DATABASE_URL: .*{weakness}") as caught:
        settings.require("database_url", "cache_url", "queue_url")
    password = url.partition("@")[0].rpartition(":")[2]
    assert password not in str(caught.value) or password in ("postgresql", "//app")
    assert settings.model_copy(update={"mode": "development"}).require("database_url").database_url == url


@pytest.mark.parametrize(
    ("url", "is_good"),
    [
        ("redis://cache:6379/0", False),
        ("redis://:redis@cache:6379/0", False),
        ("redis://:vT9xkQ2mLw8RzB@cache:6379/0", True),
        ("rediss://cache/0?ssl_certfile=client.pem", True),
        ("redis://localhost:6379/0", True),
        ("unix:///run/redis.sock", True),
    ],
)
def test_production_mode_wants_a_password_to_redis_elsewhere(url: str, is_good: bool) -> None:
    settings = Settings.load(mode="production", database_url=GOOD, redis_url="unix:///run/redis.sock", cache_url=url)
    if is_good:
        settings.require("database_url", "cache_url", "queue_url")
        return
    with pytest.raises(SettingsInvalid, match="MAYDAY_CACHE_URL"):
        settings.require("database_url", "cache_url", "queue_url")


@pytest.mark.parametrize(
    "url", ["one:26379", "one:26379/main/x", "one:x/main", ",one/main", "/main", "one/main?ssl=true"]
)
def test_a_url_that_lacks_a_part_is_refused_with_its_form(url: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"MAYDAY_QUEUE_URL: .*redis\+sentinel://user:password@host"):
        Settings.load(queue_url=f"redis+sentinel://{url}")
