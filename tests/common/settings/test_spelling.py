"""A variable that is nearly a setting is told, and no other."""

from common.settings.spelling import find_misspelt


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
