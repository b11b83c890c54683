"""Stores that may die: what follows them takes over, and nothing acknowledged is lost."""

import os

TIMES = int(os.environ.get("MAYDAY_TEST_FAILOVERS", "1"))  # of each; one is the short form


def tell(line: str) -> None:
    """For pytest's -rP."""
    print(line)  # noqa: T201
