"""Variables that look like a setting and are none: a slip would else leave the default in force, in silence. Pure."""

from collections.abc import Iterable
from difflib import get_close_matches

from common.settings import Settings

PREFIX = "MAYDAY_"
LIKENESS = 0.85  # of what follows the prefix: a letter or two in a name of ten


def find_misspelt(names: Iterable[str]) -> dict[str, str]:
    """For each name that is no setting, but nearly one, the setting that is probably meant."""
    known = {name.upper() for name in Settings.model_fields}
    rests = {name: name.upper().removeprefix(PREFIX) for name in names if name.upper().startswith(PREFIX)}
    meant = {
        name: get_close_matches(rest, known, n=1, cutoff=LIKENESS) for name, rest in rests.items() if rest not in known
    }
    return {name: PREFIX + close[0] for name, close in sorted(meant.items()) if close}
