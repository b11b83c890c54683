"""A variable that is nearly a setting is told, and no other."""

from common.settings import Settings
from common.settings.spelling import REMOVED, find_misspelt, find_removed


def test_a_slip_is_told_with_the_setting_that_is_meant() -> None:
    assert find_misspelt(["MAYDAY_RETENTION_DAY", "mayday_databse_url"]) == {
        "MAYDAY_RETENTION_DAY": "MAYDAY_RETENTION_DAYS",
        "mayday_databse_url": "MAYDAY_DATABASE_URL",
    }


def test_settings_keys_and_variables_of_others_are_not_told() -> None:
    names = [
        "MAYDAY_PORT",
        "mayday_port",
        "MAYDAY_INGEST_KEY",
        "MAYDAY_READ_KEY",
        "MAYDAY_ADMIN_KEY",
        "MAYDAYS",
        "PATH",
    ]
    kubernetes = ["MAYDAY_SERVICE_HOST", "MAYDAY_SERVICE_PORT", "MAYDAY_PORT_8000_TCP_ADDR"]
    tests = ["MAYDAY_TEST_DATABASE_URL", "MAYDAY_TEST_REDIS_URL"]
    assert find_misspelt(names + kubernetes + tests) == {}


def test_what_was_a_setting_is_told_with_what_holds_instead_and_is_no_slip() -> None:
    names = ["MAYDAY_ROLLUP_FINE_HOURS", "mayday_cache_ttl_seconds", "MAYDAY_PORT", "ROLLUP_FINE_HOURS"]
    assert find_removed(names) == {
        "MAYDAY_ROLLUP_FINE_HOURS": "it is always 48",
        "mayday_cache_ttl_seconds": "it is always 300",
    }
    assert find_misspelt([f"MAYDAY_{name}" for name in REMOVED]) == {}
    assert not REMOVED.keys() & {name.upper() for name in Settings.model_fields}
