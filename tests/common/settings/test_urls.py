"""URLs of servers are of a form that can be used, and in production their passwords are good ones."""

import pytest

from common.settings import Settings, SettingsInvalid
from common.settings.urls import encode_login, fill_in_password, split_hosts

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


@pytest.mark.parametrize(
    ("url", "whole"),
    [
        ("postgresql://app:a/b@db/errors", "postgresql://app:a%2Fb@db/errors"),
        ("postgresql://app:a@b@db:5432/errors", "postgresql://app:a%40b@db:5432/errors"),
        ("postgresql://app:a?b#c@db/errors?ssl=require", "postgresql://app:a%3Fb%23c@db/errors?ssl=require"),
        ("postgresql://app:a%2Fb/c@db/errors", "postgresql://app:a%2Fb%2Fc@db/errors"),
        ("redis://:1/2@cache:6379/0", "redis://:1%2F2@cache:6379/0"),
        ("redis+sentinel://u:a/b@one:1,two:2/main/0", "redis+sentinel://u:a%2Fb@one:1,two:2/main/0"),
    ],
)
def test_what_would_end_a_password_in_a_url_is_encoded(url: str, whole: str) -> None:
    assert encode_login(url) == whole
    assert encode_login(whole) == whole


@pytest.mark.parametrize(
    "url",
    [
        "",
        "postgresql://db/errors",
        "postgresql://app@db/errors",
        "postgresql://app:secret@db/errors?options=-c%20x@y",
        "postgresql://db:5432/errors?user=app@example.org",
        "postgresql://app:secret@[2001:db8::1]:5432/errors",
        "postgresql:///errors?host=/run/postgresql",
        "unix:///run/redis.sock?db=1",
        "redis://:secret@[::1]:6379/0",
        "redis+sentinel://one:26379,two:26379/main/0",
    ],
)
def test_a_url_that_is_whole_stays_as_it_is(url: str) -> None:
    assert encode_login(url) == url
    assert fill_in_password(url, "") == url


@pytest.mark.parametrize(
    ("url", "filled"),
    [
        ("postgresql://app@db:5432/errors?ssl=require", "postgresql://app:a%2F%40@db:5432/errors?ssl=require"),
        ("redis://cache:6379/0", "redis://:a%2F%40@cache:6379/0"),
        ("redis+sentinel://one:1,two:2/main/0", "redis+sentinel://:a%2F%40@one:1,two:2/main/0"),
        ("postgresql://app:own@db/errors", "postgresql://app:own@db/errors"),
        ("postgresql:///errors?host=/run", "postgresql:///errors?host=/run"),
        ("unix:///run/redis.sock", "unix:///run/redis.sock"),
        ("", ""),
    ],
)
def test_a_password_of_its_own_is_filled_in_where_a_url_leads_to_a_host_without_one(url: str, filled: str) -> None:
    assert fill_in_password(url, "a/@") == filled


@pytest.mark.parametrize(
    ("url", "first", "hosts"),
    [
        ("postgresql://u:p@a:1,b:2/d", "postgresql://u:p@a:1/d", ["a:1", "b:2"]),
        ("postgres://a,[::1]:5,c/d?x=1,2", "postgres://a/d?x=1,2", ["a", "[::1]:5", "c"]),
        ("postgresql://u:p,q@a/d", "postgresql://u:p,q@a/d", ["a"]),
        ("postgresql:///d?host=/run/a,b", "postgresql:///d?host=/run/a,b", []),
    ],
)
def test_a_url_may_name_several_hosts(url: str, first: str, hosts: list[str]) -> None:
    assert split_hosts(url) == (first, hosts)


@pytest.mark.parametrize("hosts", ["a:1,", ",b", "a:port,b", "a:1,,b:2", "::1,b"])
def test_hosts_that_are_none_are_refused_with_the_form_to_use(hosts: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"MAYDAY_DATABASE_URL: .*host:5432,host:5432"):
        Settings.load(database_url=f"postgresql://u:p@{hosts}/d")


def test_the_password_of_several_hosts_is_looked_at_and_filled_in_as_that_of_one() -> None:
    weak = Settings.load(mode="production", database_url="postgresql://app:short@a:1,[::1]:2/d")
    with pytest.raises(SettingsInvalid, match=r"MAYDAY_DATABASE_URL: .*weak"):
        weak.require("database_url")
    filled = Settings.load(database_url="postgresql://app@a:1,[::1]:2/d", database_password="x/y")
    assert filled.database_url == "postgresql://app:x%2Fy@a:1,[::1]:2/d"
