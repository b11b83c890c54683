"""A failure to use Postgres names the setting that cures it."""

import pytest

from common.database.failures import DEFAULT_CURE, find_cure


@pytest.mark.parametrize(
    ("said", "setting"),
    [
        ("unsupported startup parameter: statement_timeout", "MAYDAY_DATABASE_POOLER=transaction"),
        ('prepared statement "__asyncpg_stmt_1__" already exists', "MAYDAY_DATABASE_POOLER=transaction"),
        ('password authentication failed for user "mayday"', "MAYDAY_DATABASE_PASSWORD"),
        ("[Errno 111] Connect call failed", "MAYDAY_DATABASE_URL"),
    ],
)
def test_a_failure_names_the_setting_that_cures_it(said: str, setting: str) -> None:
    assert setting in find_cure(OSError(said))
    assert (find_cure(said) == DEFAULT_CURE) == (setting == "MAYDAY_DATABASE_URL")
