"""Variables that look like a setting and are none: a slip, or what a release before had, would else leave in silence what
is in force. Pure."""

from collections.abc import Iterable
from difflib import get_close_matches

from common.settings import Settings

PREFIX = "MAYDAY_"
# Settings of releases before that nobody had a reason to change, and what holds instead.
REMOVED = {
    "CACHE_RETRY_SECONDS": "it is always 2",
    "CACHE_TTL_SECONDS": "it is always 300",
    "PARTITIONS_AHEAD_DAYS": "it is always 7",
    "READ_COPIES_MAX_ENTRIES": "it is always 10,000; MAYDAY_READ_COPIES_MAX_BYTES bounds what they take",
    "ROLLUP_FINE_HOURS": "it is always 48",
    "WATCH_EVERY_SECONDS": "it is always 5",
    "WRITER_FLUSH_MAX_ROWS": "it is always 4,000",
}
LIKENESS = 0.85  # of what follows the prefix: a letter or two in a name of ten


def find_misspelt(names: Iterable[str]) -> dict[str, str]:
    """For each name that is no setting, but nearly one, the setting that is probably meant."""
    known = {name.upper() for name in Settings.model_fields}
    rests = {name: name.upper().removeprefix(PREFIX) for name in names if name.upper().startswith(PREFIX)}
    meant = {
        name: get_close_matches(rest, known, n=1, cutoff=LIKENESS)
        for name, rest in rests.items()
        if rest not in known and rest not in REMOVED
    }
    return {name: PREFIX + close[0] for name, close in sorted(meant.items()) if close}


def find_removed(names: Iterable[str]) -> dict[str, str]:
    """For each name that was a setting and is none any more, what holds instead."""
    rests = {name: name.upper().removeprefix(PREFIX) for name in names if name.upper().startswith(PREFIX)}
    return {name: REMOVED[rest] for name, rest in sorted(rests.items()) if rest in REMOVED}
