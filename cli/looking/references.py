"""What a person calls a pattern or an error by: its id, the beginning or end of it, or its number in the last list."""

import json
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

from cli.client import Api, ApiFailed
from common.settings import Settings

LAST_LIST = "last_list.json"
NUMBER = re.compile(r"#?([0-9]{1,3})")
PART = re.compile(r"[0-9a-f-]{4,35}")
SHORT_CHARS = 8
FORMS = "give an id, four letters or more of its beginning or end, or a number of the last list of patterns"


def keep_list(settings: Settings, api: Api, ids: Sequence[str]) -> None:
    """Remember what the numbers of a list on the terminal stand for; where the state folder cannot be written, they stand
    for nothing."""
    kept = {"url": str(api.http.base_url), "ids": list(ids)}
    with suppress(OSError):
        new = settings.home / f"{LAST_LIST}.new"
        new.write_text(json.dumps(kept))
        new.replace(settings.home / LAST_LIST)


def recall_number(settings: Settings, api: Api, number: int) -> str:
    """The id that this number had in the last list of this Mayday. Raises ApiFailed."""
    kept = read_list(settings.home / LAST_LIST)
    ids = kept["ids"] if kept.get("url") == str(api.http.base_url) else []
    if not 1 <= number <= len(ids):
        raise ApiFailed(f"the last list has no number {number}: see `mayday patterns`")
    return str(UUID(ids[number - 1]))


def read_list(path: Path) -> dict[str, Any]:
    try:
        kept = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def shorten(id_: Any) -> str:
    """The end of an id, which tells it from others: the beginning of many ids is the time at which they were made."""
    return str(id_)[-SHORT_CHARS:]


def find_pattern_id(api: Api, settings: Settings, reference: str) -> str:
    """The id of the pattern that is meant. Raises ApiFailed where none is, or several are."""
    if full := whole_id(api, settings, reference):
        return full
    return pick(reference, list_patterns(api), "pattern of the last seven days")


def find_any_id(api: Api, settings: Settings, reference: str) -> str:
    """The id of the pattern or error that is meant. Raises ApiFailed where none is, or several are."""
    if full := whole_id(api, settings, reference):
        return full
    ids = [*list_patterns(api), *(error["id"] for error in api.get("/api/errors/recent", limit=200)["errors"])]
    return pick(reference, ids, "pattern of the last seven days, and none of the latest 200 errors,")


def whole_id(api: Api, settings: Settings, reference: str) -> str:
    """The id, where it was given whole or as a number. Raises ApiFailed where it is neither, nor a part of one."""
    if number := NUMBER.fullmatch(reference):
        return recall_number(settings, api, int(number[1]))
    with suppress(ValueError):
        return str(UUID(reference))
    if not PART.fullmatch(reference.lower()):
        raise ApiFailed(f"{reference} names no pattern and no error: {FORMS}")
    return ""


def list_patterns(api: Api) -> list[str]:
    """The ids of the patterns of the last week, those with most errors and those that are new."""
    answers = [api.get("/api/errors/patterns", window="7d", order=order) for order in ("count", "new")]
    return [pattern["id"] for answer in answers for pattern in answer["patterns"]]


def pick(reference: str, ids: Iterable[str], of: str) -> str:
    part = reference.lower()
    found = sorted({id_ for id_ in ids if id_.startswith(part) or id_.endswith(part)})
    if not found:
        raise ApiFailed(f"no {of} begins or ends with {reference}: {FORMS}")
    if len(found) > 1:
        raise ApiFailed(f"{reference} may be {', '.join(found[:5])}: give more of it")
    return found[0]
