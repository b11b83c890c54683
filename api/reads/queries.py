"""Every SELECT of the read side. The project is the first condition of each: it comes from the key, never from the
request.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Row, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from common.fingerprint import OVERFLOW
from common.snapshots.counting import follow_move, severity_value
from common.uuid7 import time_of_uuid7

# An error whose fingerprint is not known is one that counts as overflow, or that is not counted yet.
IS_UNKNOWN = """NOT EXISTS (
    SELECT FROM fingerprints k WHERE k.project_id = e.project_id AND k.fingerprint = e.fingerprint)"""
# What a list shows of an error, in the order of its answer.
SHOWN = "e.event_id, e.occurred_at, e.service, e.severity, e.error_type, e.message, e.environment, e.release"
SUMMARY = f"""{SHOWN},
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
    AND (CAST(:release AS text) IS NULL OR e.release = :release)
    AND (CAST(:not_service AS text) IS NULL OR e.service <> :not_service)
    AND (CAST(:not_severity AS smallint) IS NULL OR e.severity <> :not_severity)
    AND (CAST(:not_environment AS text) IS NULL OR e.environment IS DISTINCT FROM :not_environment)
    AND (CAST(:not_release AS text) IS NULL OR e.release IS DISTINCT FROM :not_release)
    AND (CAST(:like AS text) IS NULL OR e.message ILIKE :like)
    AND e.day BETWEEN :first_day AND :last_day
    AND e.occurred_at >= :since AND e.occurred_at < :until
    AND (CAST(:after_time AS timestamptz) IS NULL
         OR (e.occurred_at, e.event_id) < (:after_time, CAST(:after_id AS uuid)))"""

# How many days before the last one that is asked for are looked at first, with it; the last is often tomorrow.
NEWEST_DAYS = 2

# The latest errors of a project, along the index of its times.
LIST_ERRORS = text(
    f"""
    SELECT {SUMMARY} FROM errors e
    WHERE e.project_id = :project_id AND {FILTERS}
    ORDER BY e.occurred_at DESC, e.event_id DESC LIMIT :limit
    """  # noqa: S608 - made of the constants above
)
# The latest errors of the fingerprints that `member` has, all of one pattern: of each along its index, then the latest
# of them all.
LATEST_OF_MEMBERS = f"""
    SELECT {SHOWN}, CAST(:pattern_id AS uuid) AS pattern_id FROM member
    CROSS JOIN LATERAL (
        SELECT {SHOWN} FROM errors e
        WHERE e.project_id = :project_id AND e.fingerprint = member.fingerprint AND {FILTERS}
        ORDER BY e.occurred_at DESC, e.event_id DESC LIMIT :limit
    ) e
    ORDER BY e.occurred_at DESC, e.event_id DESC LIMIT :limit
"""  # noqa: S608 - made of the constants above
# The latest errors of some fingerprints of a pattern.
LIST_ERRORS_OF_FINGERPRINTS = text(
    f"WITH member AS (SELECT unnest(CAST(:fingerprints AS bigint[])) AS fingerprint) {LATEST_OF_MEMBERS}"
)
# The latest errors of a pattern with the overflow in it: no error has its fingerprint, so that of the latest of all
# (as many as `scanned`; null: all) those are taken whose own is not known. The caller bounds their times.
LIST_ERRORS_WITH_OVERFLOW = text(
    f"""
    SELECT {SHOWN}, CAST(:pattern_id AS uuid) AS pattern_id FROM (
        SELECT * FROM errors e WHERE e.project_id = :project_id AND {FILTERS}
        ORDER BY e.occurred_at DESC, e.event_id DESC LIMIT CAST(:scanned AS bigint)
    ) e
    WHERE e.fingerprint = ANY(:fingerprints) OR {IS_UNKNOWN}
    ORDER BY e.occurred_at DESC, e.event_id DESC LIMIT :limit
    """  # noqa: S608 - made of the constants above
)
# The fingerprints of a pattern.
MEMBERS_OF = """
    SELECT fingerprint, skeleton, count, first_seen, last_seen FROM fingerprints
    WHERE project_id = :project_id AND pattern_id = :pattern_id"""
FIND_FINGERPRINTS = text(MEMBERS_OF)
# The releases of a project as the worker noted them, the newest first.
LIST_RELEASES = text(
    "SELECT release, first_seen, last_seen FROM releases WHERE project_id = :project_id"
    " ORDER BY first_seen DESC, release DESC LIMIT :limit"
)
# One error by its id, on whichever day it fell, with what people said of it first; the days bound the search where the id
# tells its time.
FIND_ERROR = text(
    f"""
    SELECT {SUMMARY}, e.received_at, e.stack_trace, coalesce(e.context_text, e.context::text) AS context,
           coalesce(e.tags_text, e.tags::text) AS tags, e.fingerprint, e.adjustments, e.redactions,
           (SELECT json_agg(said)::text FROM (
                SELECT f.received_at, f.name, f.email, f.url, f.message FROM feedback f
                WHERE f.project_id = e.project_id AND f.event_id = e.event_id ORDER BY f.received_at, f.feedback_id LIMIT 20
            ) said) AS feedback
    FROM errors e
    WHERE e.project_id = :project_id AND e.event_id = :event_id AND e.day BETWEEN :first_day AND :last_day
    ORDER BY e.day DESC LIMIT 1
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
    release: str | None = None
    not_service: str | None = None
    not_severity: str | None = None
    not_environment: str | None = None
    not_release: str | None = None

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
            "severity": severity_value(self.severity),
            "environment": self.environment,
            "release": self.release,
            "not_service": self.not_service,
            "not_severity": severity_value(self.not_severity),
            "not_environment": self.not_environment,
            "not_release": self.not_release,
            "like": None if self.message_has is None else f"%{escape_like(self.message_has)}%",
        }


class Member(NamedTuple):
    """One of the fingerprints that a pattern is made of."""

    fingerprint: int
    skeleton: str
    errors: int
    first_seen: datetime
    last_seen: datetime


Position = tuple[datetime, UUID]


def escape_like(part: str) -> str:
    """The text as LIKE takes it for itself."""
    return part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


async def list_errors(
    connection: AsyncConnection, project_id: UUID, wanted: Filter, *, limit: int, after: Position | None = None
) -> Sequence[Row[Any]]:
    """The latest errors that the filter lets pass, newest first, those after the place where a page ended."""
    if wanted.pattern_id is None:
        return await list_latest(connection, LIST_ERRORS, page_of(project_id, wanted, limit, after))
    pattern_id = await follow_move(connection, project_id, wanted.pattern_id)
    members = await find_fingerprints(connection, project_id, pattern_id)
    asked = page_of(project_id, wanted, limit, after) | {"pattern_id": pattern_id}
    return await list_errors_of(connection, members, wanted, asked)


async def list_errors_of(
    connection: AsyncConnection,
    members: Sequence[Member],
    wanted: Filter,
    asked: dict[str, Any],
    *,
    scanned: int | None = None,
) -> Sequence[Row[Any]]:
    """The same of the pattern with these fingerprints alone; `asked` is what `page_of` gives, and the pattern.

    `scanned` bounds how many are looked at for those of the overflow, which are found by what they are not.
    """
    asked = asked | {"fingerprints": [member.fingerprint for member in members]}
    if OVERFLOW not in asked["fingerprints"]:
        return await list_latest(connection, LIST_ERRORS_OF_FINGERPRINTS, asked)
    first, last = min(member.first_seen for member in members), max(member.last_seen for member in members)
    asked |= {"scanned": scanned, **wanted.within(first, last).parameters()}
    return (await connection.execute(LIST_ERRORS_WITH_OVERFLOW, asked)).all()


async def list_latest(connection: AsyncConnection, statement: TextClause, asked: dict[str, Any]) -> Sequence[Row[Any]]:
    """What the statement finds of the newest days; of the older ones too only where that is not enough, since to open
    the partitions of a month takes longer than to read a page."""
    newest, older = split_days(asked)
    rows = (await connection.execute(statement, newest)).all()
    left = asked["limit"] - len(rows)
    if not left or older is None:
        return rows
    return [*rows, *(await connection.execute(statement, older | {"limit": left})).all()]


def split_days(asked: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """A question of many days as one of the newest and one of the others, if there are any."""
    after_time = asked["after_time"]
    last = asked["last_day"] if after_time is None else min(asked["last_day"], after_time.astimezone(UTC).date())
    if (last - asked["first_day"]).days <= NEWEST_DAYS:
        return asked, None
    first = last - timedelta(days=NEWEST_DAYS)
    return asked | {"first_day": first}, asked | {"last_day": first - timedelta(days=1)}


def page_of(project_id: UUID, wanted: Filter, limit: int, after: Position | None) -> dict[str, Any]:
    after_time, after_id = after or (None, None)
    page = {"project_id": project_id, "limit": limit, "after_time": after_time, "after_id": after_id}
    return wanted.parameters() | page


async def list_releases(connection: AsyncConnection, project_id: UUID, limit: int) -> Sequence[Row[Any]]:
    """Newest first."""
    return (await connection.execute(LIST_RELEASES, {"project_id": project_id, "limit": limit})).all()


async def find_fingerprints(connection: AsyncConnection, project_id: UUID, pattern_id: UUID) -> list[Member]:
    """In no order; none for a pattern of another project."""
    asked = {"project_id": project_id, "pattern_id": pattern_id}
    return [Member(*row) for row in await connection.execute(FIND_FINGERPRINTS, asked)]


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
    made_at = time_of_uuid7(event_id)
    if made_at is None or not oldest <= (day := made_at.date()) <= newest:
        return [(oldest, newest)]
    return [(day, day), (oldest, newest)]
