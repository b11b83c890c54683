"""Lengths of time as people write them for our commands: `30min`, `12h`, `90d`, `4w`."""

import re
from datetime import timedelta

import typer

LENGTH = re.compile(r"([0-9]{1,5})(min|h|d|w)")
UNITS = {"min": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
LONGEST = timedelta(days=36_500)


def parse_length(text: str) -> timedelta:
    """The length of time; a hundred years at most. Raises BadParameter."""
    found = LENGTH.fullmatch(text.strip().lower())
    length = int(found[1]) * UNITS[found[2]] if found else timedelta(0)
    if not timedelta(0) < length <= LONGEST:
        raise typer.BadParameter(f"{text} is no length of time: write 30min, 12h, 90d or 4w")
    return length
