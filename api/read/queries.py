"""Every SELECT of the read side. The project is the first condition of each: it comes from the key, never from the
request.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from common.fingerprint import OVERFLOW
from common.snapshots.counting import DESCRIBE_PATTERNS, follow_move
from common.snapshots.windows import COUNTS_SINCE, since
from common.tables import Severity

# An error whose fingerprint is not known is one that counts as overflow, or that is not counted yet.
IS_UNKNOWN = """NOT EXISTS (
    SELECT FROM fingerprints k WHERE k.project_id = e.project_id AND k.fingerprint = e.fingerprint)"""
SUMMARY = f"""e.event_id, e.occurred_at, e.service, e.severity, e.error_type, e.message, e.environment, e.release,
    coalesce(
        (SELECT f.pattern_id FROM fingerprints f WHERE f.project_id = e.project_id AND f.fingerprint = e.fingerprint),
        (SELECT o.pattern_id FROM fingerprints o WHERE o.project_id = e.project_id AND o.fingerprint = {OVERFLOW}
         AND e.occurred_at BETWEEN o.first_seen AND o.last_seen)
    ) AS pattern_id"""  # noqa: S608 - made of a constant
# Conditions that a request may add. A null means: do not care.
FILTERS = """
    (CAST(:service AS text) IS NULL OR e.service = :service)
    AND (CAST(:severity AS smallint) IS NULL OR e.severity = :severity)
    AND (CAST(:environment AS text) IS NULL OR e.environment = :environment)
    AND (CAST(:like AS text) IS NULL OR e.message ILIKE :like)
    AND e.day BETWEEN :first_day AND :last_day
    AND e.occurred_at >= :since AND e.occurred_at < :until
    AND (CAST(:after_time AS timestamptz) IS NULL
         OR (e.occurred_at, e.event_id) < (:after_time, CAST(:after_id AS uuid)))"""

# The latest errors of a project, along the index of its times.
LIST_ERRORS = text(
    f"""
    SELECT {SUMMARY} FROM errors e
    WHERE e.project_id = :project_id AND {FILTERS}
    ORDER BY e.occurred_at DESC, e.event_id DESC LIMIT :limit
    """  # noqa: S608 - made of the constants above
)
# The latest errors of some fingerprints: of each along its index, then the latest of them all.
LIST_ERRORS_OF_FINGERPRINTS = text(
    f"""
    SELECT {SUMMARY} FROM unnest(CAST(:fingerprints AS bigint[])) AS wanted (fingerprint)
    CROSS JOIN LATERAL (
        SELECT * FROM errors e
        WHERE e.project_id = :project_id AND e.fingerprint = wanted.fingerprint AND {FILTERS}
        ORDER BY e.occurred_at DESC, e.event_id DESC LIMIT :limit
    ) e
    ORDER BY e.occurred_at DESC, e.event_id DESC LIMIT :limit
    """  # noqa: S608 - made of the constants above
)
# The latest errors of a pattern with the overflow in it: no error has its fingerprint, so that of the latest of all
# (as many as `scanned`; null: all) those are taken whose own is not known. The caller bounds their times.
LIST_ERRORS_WITH_OVERFLOW = text(
    f"""
    SELECT {SUMMARY} FROM (
        SELECT * FROM errors e WHERE e.project_id = :project_id AND {FILTERS}
        ORDER BY e.occurred_at DESC, e.event_id DESC LIMIT CAST(:scanned AS bigint)
    ) e
    WHERE e.fingerprint = ANY(:fingerprints) OR {IS_UNKNOWN}
    ORDER BY e.occurred_at DESC, e.event_id DESC LIMIT :limit
    """  # noqa: S608 - made of the constants above
)
# The fingerprints of a pattern.
FIND_FINGERPRINTS = text(
    "SELECT fingerprint, skeleton, count AS errors, first_seen, last_seen FROM fingerprints"
    " WHERE project_id = :project_id AND pattern_id = :pattern_id ORDER BY count DESC, fingerprint"
)
# One error by its id, on whichever day it fell; the days bound the search where the id tells its time.
FIND_ERROR = text(
    f"""
    SELECT {SUMMARY}, e.received_at, e.stack_trace, e.context, e.tags, e.fingerprint, e.adjustments, e.redactions
    FROM errors e
    WHERE e.project_id = :project_id AND e.event_id = :event_id AND e.day BETWEEN :first_day AND :last_day
    ORDER BY e.day DESC LIMIT 1
    """  # noqa: S608 - made of the constants above
)
# The counts of some fingerprints in a window, by hour, service and severity.
COUNT_PATTERN = text(
    f"""
    SELECT hour AS start, service, severity, environment, sum(count)::bigint AS errors
    FROM {COUNTS_SINCE} r WHERE fingerprint = ANY(:fingerprints) GROUP BY 1, 2, 3, 4
    """  # noqa: S608 - made of a constant
)
# What was spent on a pattern: usage that names it, or one that has become part of it, or one of its errors.
SUM_SPENT = text(
    f"""
    SELECT count(*) AS records, coalesce(sum(input_tokens + output_tokens), 0)::bigint AS tokens, sum(cost_usd) AS usd,
           coalesce(sum(input_tokens + output_tokens) FILTER (WHERE cost_usd IS NULL), 0)::bigint AS unpriced_tokens
    FROM usage_records u
    WHERE u.project_id = :project_id AND (u.pattern_id = ANY(ARRAY(
        SELECT CAST(:pattern_id AS uuid) UNION ALL
        SELECT pattern_id FROM pattern_moves WHERE project_id = :project_id AND moved_to = :pattern_id)) OR (
        u.pattern_id IS NULL AND u.event_id IS NOT NULL AND EXISTS (
            SELECT FROM errors e WHERE e.project_id = u.project_id AND e.event_id = u.event_id
            AND (e.fingerprint = ANY(:fingerprints) OR {OVERFLOW} = ANY(:fingerprints) AND {IS_UNKNOWN}))))
    """  # noqa: S608 - made of the constants above
)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which errors of a project are wanted; None means any."""

    since: datetime
    until: datetime
    service: str | None = None
    severity: str | None = None
    environment: str | None = None
    pattern_id: UUID | None = None
    message_has: str | None = None

    def within(self, first: datetime, last: datetime) -> "Filter":
        """The same, of no time before `first` or after `last`."""
        return replace(self, since=max(self.since, first), until=min(self.until, last + timedelta(microseconds=1)))

    def parameters(self) -> dict[str, Any]:
        return {
            "since": self.since,
            "until": self.until,
            "first_day": self.since.astimezone(UTC).date(),
            "last_day": self.until.astimezone(UTC).date(),
            "service": self.service,
            "severity": None if self.severity is None else Severity[self.severity].value,
            "environment": self.environment,
            "like": None if self.message_has is None else f"%{escape_like(self.message_has)}%",
        }


Place = tuple[datetime, UUID]


def escape_like(part: str) -> str:
    """The text as LIKE takes it for itself."""
    return part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


async def list_errors(
    connection: AsyncConnection, project_id: UUID, wanted: Filter, *, limit: int, after: Place | None = None
) -> Sequence[Row[Any]]:
    """The latest errors that the filter lets pass, newest first, those after the place where a page ended."""
    if wanted.pattern_id is None:
        return (await connection.execute(LIST_ERRORS, page_of(project_id, wanted, limit, after))).all()
    pattern_id = await follow_move(connection, project_id, wanted.pattern_id)
    members = await find_fingerprints(connection, project_id, pattern_id)
    return await list_errors_of(connection, project_id, members, wanted, limit=limit, after=after)


async def list_errors_of(
    connection: AsyncConnection,
    project_id: UUID,
    members: Sequence[Row[Any]],
    wanted: Filter,
    *,
    limit: int,
    after: Place | None = None,
    scanned: int | None = None,
) -> Sequence[Row[Any]]:
    """The same of these fingerprints alone, as `find_fingerprints` gives them.

    `scanned` bounds how many are looked at for those of the overflow, which are found by what they are not.
    """
    fingerprints = [member.fingerprint for member in members]
    if OVERFLOW not in fingerprints:
        values = page_of(project_id, wanted, limit, after) | {"fingerprints": fingerprints}
        return (await connection.execute(LIST_ERRORS_OF_FINGERPRINTS, values)).all()
    first, last = min(member.first_seen for member in members), max(member.last_seen for member in members)
    values = page_of(project_id, wanted.within(first, last), limit, after)
    values |= {"fingerprints": fingerprints, "scanned": scanned}
    return (await connection.execute(LIST_ERRORS_WITH_OVERFLOW, values)).all()


def page_of(project_id: UUID, wanted: Filter, limit: int, after: Place | None) -> dict[str, Any]:
    after_time, after_id = after or (None, None)
    page = {"project_id": project_id, "limit": limit, "after_time": after_time, "after_id": after_id}
    return wanted.parameters() | page


async def find_fingerprints(connection: AsyncConnection, project_id: UUID, pattern_id: UUID) -> Sequence[Row[Any]]:
    """Rows of fingerprint, skeleton, errors and when it was seen, most first; none for a pattern of another project."""
    asked = {"project_id": project_id, "pattern_id": pattern_id}
    return (await connection.execute(FIND_FINGERPRINTS, asked)).all()


async def find_error(
    connection: AsyncConnection, project_id: UUID, event_id: UUID, *, oldest: date, newest: date
) -> Row[Any] | None:
    """One error of this project, or None. A UUIDv7 says its day, which is looked at first."""
    for first_day, last_day in likely_days(event_id, oldest, newest):
        asked = {"project_id": project_id, "event_id": event_id, "first_day": first_day, "last_day": last_day}
        if row := (await connection.execute(FIND_ERROR, asked)).first():
            return row
    return None


def likely_days(event_id: UUID, oldest: date, newest: date) -> list[tuple[date, date]]:
    """Ranges of days to search in turn; the last one is the whole retention."""
    if event_id.version != 7:
        return [(oldest, newest)]
    seconds = (event_id.int >> 80) / 1000
    if not 0 <= seconds < datetime(9999, 1, 1, tzinfo=UTC).timestamp():
        return [(oldest, newest)]
    day = datetime.fromtimestamp(seconds, UTC).date()
    return [(day, day), (oldest, newest)] if oldest <= day <= newest else [(oldest, newest)]


async def find_pattern(connection: AsyncConnection, project_id: UUID, pattern_id: UUID) -> Row[Any] | None:
    """What is known of a pattern of this project, or None."""
    asked = {"project_id": project_id, "pattern_ids": [pattern_id]}
    return (await connection.execute(DESCRIBE_PATTERNS, asked)).first()


async def count_pattern(
    connection: AsyncConnection, project_id: UUID, fingerprints: Sequence[int], start: datetime
) -> Sequence[Row[Any]]:
    """Rows of start (hour), service, severity, environment and errors."""
    asked = {"project_id": project_id, "fingerprints": fingerprints, **since(start)}
    return (await connection.execute(COUNT_PATTERN, asked)).all()


async def sum_spent(
    connection: AsyncConnection, project_id: UUID, pattern_id: UUID, fingerprints: Sequence[int]
) -> Row[Any]:
    """Records, tokens, usd (None where nothing has a price) and unpriced_tokens that were spent on a pattern."""
    asked = {"project_id": project_id, "pattern_id": pattern_id, "fingerprints": list(fingerprints)}
    return (await connection.execute(SUM_SPENT, asked)).one()
