import pytest

from common.settings import Settings, SettingsInvalid


def test_every_setting_has_a_description() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_api_and_metrics_listen_on_this_machine_alone_unless_told() -> None:
    defaults = {name: field.default for name, field in Settings.model_fields.items() if name.endswith("host")}
    assert defaults == {"host": "127.0.0.1", "metrics_host": "127.0.0.1"}


def test_a_wrong_setting_is_named_with_what_it_must_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAYDAY_PORT", "eighty")
    monkeypatch.setenv("MAYDAY_DATABASE_URL", "mysql://x")
    with pytest.raises(SettingsInvalid) as caught:
        Settings.load()
    lines = str(caught.value).splitlines()
    assert any(line.startswith("MAYDAY_PORT: ") and "integer" in line for line in lines)
    assert any(line.startswith("MAYDAY_DATABASE_URL: ") and "postgresql://" in line for line in lines)


def test_a_missing_url_is_named_with_the_cure() -> None:
    with pytest.raises(SettingsInvalid, match=r"MAYDAY_DATABASE_URL is not set: .*mayday up"):
        Settings.load(database_url="", redis_url="redis://x").require("database_url", "cache_url")


def test_cache_and_queue_follow_the_one_redis_unless_split() -> None:
    one = Settings.load(redis_url="redis://one")
    assert (one.effective_cache_url, one.effective_queue_url) == ("redis://one", "redis://one")
    split = Settings.load(redis_url="redis://one", cache_url="redis://cache", queue_url="redis://queue")
    assert (split.effective_cache_url, split.effective_queue_url) == ("redis://cache", "redis://queue")
