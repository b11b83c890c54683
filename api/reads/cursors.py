"""Cursors: where a page ended, as opaque text. Whatever a client sends as one is either read or refused. Pure."""

import base64
import binascii
import hashlib
import re
from datetime import UTC, date, datetime
from typing import NoReturn
from uuid import UUID

from pydantic_core import from_json, to_json

from api.fields import FIRST_INSTANT, LAST_INSTANT
from api.reads.queries import Filter, Position

ALPHABET = re.compile(r"[A-Za-z0-9_-]*")
DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
ZERO = "+00:00"
UUID_DIGITS = re.compile(r"[0-9a-f]{32}")


NO_CURSOR = "this is no cursor: take `next` of the page before as it is"


class CursorInvalid(ValueError):
    """Not a cursor, or one of another question."""


def encode(*fields: str) -> str:
    """The texts as one cursor."""
    return base64.urlsafe_b64encode(to_json(fields)).decode().rstrip("=")


def decode(cursor: str, count: int) -> list[str]:
    """The texts of a cursor that has so many. Raises CursorInvalid."""
    try:
        if not ALPHABET.fullmatch(cursor):
            refuse()
        fields = from_json(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError) as error:
        raise CursorInvalid(NO_CURSOR) from error
    if not isinstance(fields, list) or len(fields) != count or not all(map(is_text, fields)):
        refuse()
    return fields


def is_text(value: object) -> bool:
    """Whether Postgres can look for it: a JSON text is UTF-8, but may hold U+0000."""
    return isinstance(value, str) and "\0" not in value


def write_instant(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat()


def read_instant(text: str) -> datetime:
    """As `write_instant` writes it, and no other spelling. Raises CursorInvalid."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise CursorInvalid(NO_CURSOR) from error
    is_ours = text.endswith(ZERO) and FIRST_INSTANT <= instant <= LAST_INSTANT
    return instant if is_ours and write_instant(instant) == text else refuse()


def read_day(text: str) -> date:
    """Raises CursorInvalid."""
    try:
        return date.fromisoformat(text) if DAY.fullmatch(text) else refuse()
    except ValueError as error:
        raise CursorInvalid(NO_CURSOR) from error


def read_uuid(text: str) -> UUID:
    """Of 32 digits. Raises CursorInvalid."""
    return UUID(text) if UUID_DIGITS.fullmatch(text) else refuse()


def refuse() -> NoReturn:
    raise CursorInvalid(NO_CURSOR)


def write_cursor(place: Position, wanted: Filter) -> str:
    """The cursor for the errors after this place, bound to the filters that the page was made with."""
    occurred_at, event_id = place
    return encode(
        *(write_instant(occurred_at), event_id.hex),
        *(write_instant(wanted.since), write_instant(wanted.until), digest(wanted)),
    )


def read_cursor(cursor: str, wanted: Filter) -> tuple[Position, datetime, datetime]:
    """The place, and the time range that the first page had. Raises CursorInvalid."""
    occurred_at, event_id, since, until, made_for = decode(cursor, 5)
    place = read_instant(occurred_at), read_uuid(event_id)
    times = read_instant(since), read_instant(until)
    if not times[0] <= place[0] < times[1]:
        refuse()
    if made_for != digest(wanted):
        raise CursorInvalid("this cursor was made with other filters: keep them as they were, or start without it")
    return place, *times


def digest(wanted: Filter) -> str:
    """The filters but for the time range, which the cursor carries."""
    kept: tuple[object, ...] = (
        *(wanted.service, wanted.severity, wanted.environment),
        *(wanted.pattern_id, wanted.message_has),
    )
    others = (wanted.release, wanted.not_service, wanted.not_severity, wanted.not_environment, wanted.not_release)
    if any(other is not None for other in others):  # cursors of the release before, which knew none, stay good
        kept += others
    return hashlib.blake2b(repr(kept).encode(errors="surrogatepass"), digest_size=6).hexdigest()
