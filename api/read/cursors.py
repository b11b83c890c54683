"""Cursors: where a page of errors ended, as opaque text bound to the filters that it was made with. Pure."""

import base64
import hashlib
import json
from datetime import datetime
from uuid import UUID

from api.read.queries import Filter, Place


class CursorInvalid(ValueError):
    """Not a cursor, or one of another question."""


def write_cursor(place: Place, wanted: Filter) -> str:
    """The cursor for the errors after this place."""
    occurred_at, event_id = place
    fields = [occurred_at.isoformat(), event_id.hex, wanted.since.isoformat(), wanted.until.isoformat(), digest(wanted)]
    return base64.urlsafe_b64encode(json.dumps(fields, separators=(",", ":")).encode()).decode().rstrip("=")


def read_cursor(cursor: str, wanted: Filter) -> tuple[Place, datetime, datetime]:
    """The place, and the time range that the first page had. Raises CursorInvalid."""
    try:
        fields = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        occurred_at, event_id, since, until, made_for = fields
        place = datetime.fromisoformat(occurred_at), UUID(event_id)
        times = datetime.fromisoformat(since), datetime.fromisoformat(until)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise CursorInvalid("this is no cursor: take `next` of the page before as it is") from error
    if made_for != digest(wanted) or any(moment.tzinfo is None for moment in (place[0], *times)):
        raise CursorInvalid("this cursor was made with other filters: keep them as they were, or start without it")
    return place, *times


def digest(wanted: Filter) -> str:
    """The filters but for the time range, which the cursor carries."""
    kept = (wanted.service, wanted.severity, wanted.environment, wanted.pattern_id, wanted.message_has)
    return hashlib.blake2b(repr(kept).encode(errors="surrogatepass"), digest_size=6).hexdigest()
