"""Makes the bodies that the read side sends: rows in, JSON bytes out."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic_core import from_json
from sqlalchemy.ext.asyncio import AsyncEngine

from api.problems import NotFound
from api.read import queries
from api.read.cursors import read_cursor, write_cursor
from api.read.queries import Filter
from api.read.schemas import ErrorDetail, ErrorPage, ErrorSummary, FingerprintCount, PatternDetail, RecentErrors, Spent
from api.read.variables import variable_values
from common.settings import Settings
from common.snapshots import load_snapshot
from common.snapshots.composing import compute_snapshot, key_counts
from common.snapshots.counting import EVERYTHING, Wanted, follow_move
from common.snapshots.schema import KeyCount
from common.snapshots.windows import hour_series, name_window, start_of_window
from common.tables import Adjustment, Severity

EXAMPLES = 20
LATEST = 200  # of a pattern: what varies in it is told by them
SCANNED = 20_000  # errors that are looked at for those of the overflow: a tenth of a second where none is one
MEMBERS = 100
DAY = timedelta(days=1)


class Answers:
    """The bodies of one process's answers, from Postgres."""

    def __init__(self, engine: AsyncEngine, settings: Settings) -> None:
        self.engine = engine
        self.settings = settings

    def whole_time(self) -> tuple[datetime, datetime]:
        """From the oldest error that is kept to the newest that can be, in whole days: a cursor carries them, and a
        page that did not change must have the ETag that it had."""
        now = datetime.now(UTC)
        ahead = timedelta(seconds=self.settings.clock_ahead_max_seconds + 60)
        return midnight(now) - timedelta(days=self.settings.retention_days + 1), midnight(now + ahead) + DAY

    async def recent(self, project_id: UUID, wanted: Filter, limit: int) -> bytes:
        async with self.engine.connect() as connection:
            rows = await queries.list_errors(connection, project_id, wanted, limit=limit)
        return RecentErrors(errors=[summarize(row) for row in rows]).model_dump_json().encode()

    async def page(self, project_id: UUID, wanted: Filter, limit: int, cursor: str | None) -> bytes:
        """One page, whose `next` is null at the end. Raises CursorInvalid."""
        after = None
        if cursor is not None:
            after, since, until = read_cursor(cursor, wanted)
            wanted = replace(wanted, since=since, until=until)
        async with self.engine.connect() as connection:
            rows = await queries.list_errors(connection, project_id, wanted, limit=limit + 1, after=after)
        shown = rows[:limit]
        more = len(rows) > limit
        place = write_cursor((shown[-1].occurred_at, shown[-1].event_id), wanted) if more else None
        return ErrorPage(errors=[summarize(row) for row in shown], next=place).model_dump_json().encode()

    async def error(self, project_id: UUID, event_id: UUID) -> bytes:
        """Raises NotFound."""
        since, until = self.whole_time()
        async with self.engine.connect() as connection:
            row = await queries.find_error(connection, project_id, event_id, oldest=since.date(), newest=until.date())
        if row is None:
            raise NotFound("there is no error with this id in this project, or its retention is over")
        return detail(row).model_dump_json().encode()

    async def patterns(self, project_id: UUID, window_hours: int, wanted: Wanted) -> bytes:
        """What the worker computed last; what it never did, or for other than all errors, is computed here."""
        if wanted == EVERYTHING:
            async with self.engine.connect() as connection:
                kept = await load_snapshot(connection, project_id, window_hours)
            if kept is not None:
                return kept[1]
        snapshot = await compute_snapshot(self.engine, project_id, window_hours, self.settings, wanted)
        return snapshot.model_dump_json().encode()

    async def pattern(self, project_id: UUID, pattern_id: UUID, window_hours: int) -> bytes:
        """Of the one that it has become part of, where its id is no pattern's any more. Raises NotFound."""
        now = datetime.now(UTC)
        start = start_of_window(now, window_hours, self.settings.rollup_fine_hours)
        since, until = self.whole_time()
        async with self.engine.connect() as connection:
            facts = await queries.find_pattern(connection, project_id, pattern_id)
            if facts is None:
                pattern_id = await follow_move(connection, project_id, pattern_id)
                facts = await queries.find_pattern(connection, project_id, pattern_id)
            if facts is None:
                raise NotFound("there is no pattern with this id in this project, or its retention is over")
            members = await queries.find_fingerprints(connection, project_id, pattern_id)
            fingerprints = [member.fingerprint for member in members]
            counts = await queries.count_pattern(connection, project_id, fingerprints, start)
            spent = await queries.sum_spent(connection, project_id, pattern_id, fingerprints)
            latest = await queries.list_errors_of(
                connection, project_id, members, Filter(since, until), limit=LATEST, scanned=SCANNED
            )
        values = variable_values(facts.template, Counter(row.message for row in latest).items())
        return (
            PatternDetail(
                id=pattern_id,
                title=facts.title,
                template=facts.template,
                error_type=facts.error_type,
                state=facts.state,
                trend=facts.trend,
                trend_facts=facts.trend_facts,
                note=facts.note,
                grouped_by=facts.grouped_by,
                fingerprints=[
                    FingerprintCount(fingerprint=hexadecimal(m.fingerprint), skeleton=m.skeleton, count=m.errors)
                    for m in members[:MEMBERS]
                ],
                fingerprints_total=len(members),
                spent=Spent(
                    records=spent.records,
                    tokens=spent.tokens,
                    cost_usd=spent.usd,
                    unpriced_tokens=spent.unpriced_tokens,
                ),
                variables=[[KeyCount(key=value, count=count) for value, count in place] for place in values],
                first_seen=facts.first_seen,
                last_seen=facts.last_seen,
                window=name_window(window_hours),
                count=sum(row.errors for row in counts),
                by_severity=key_counts(add_up((Severity(row.severity).name, row.errors) for row in counts)),
                services=key_counts(add_up((row.service, row.errors) for row in counts)),
                environments=key_counts(add_up((row.environment, row.errors) for row in counts)),
                releases=key_counts(Counter(row.release for row in latest if row.release)),
                series=list(hour_series(add_up((row.start, row.errors) for row in counts), start, now)),
                examples=[summarize(row) for row in latest[:EXAMPLES]],
            )
            .model_dump_json()
            .encode()
        )


def midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def add_up(pairs: Iterable[tuple[Any, int]]) -> Counter[Any]:
    """The sum for each key."""
    sums: Counter[Any] = Counter()
    for key, count in pairs:
        sums[key] += count
    return sums


def summarize(row: Any) -> ErrorSummary:
    return ErrorSummary.model_construct(**summary_fields(row))


def summary_fields(row: Any) -> dict[str, Any]:
    return {
        "id": row.event_id,
        "timestamp": row.occurred_at,
        "service": row.service,
        "severity": Severity(row.severity).name,
        "error_type": row.error_type,
        "message": row.message,
        "environment": row.environment,
        "release": row.release,
        "pattern_id": row.pattern_id,
    }


def detail(row: Any) -> ErrorDetail:
    return ErrorDetail.model_construct(
        **summary_fields(row),
        received_at=row.received_at,
        stack_trace=row.stack_trace,
        context=parsed(row.context),
        tags=parsed(row.tags),
        fingerprint=hexadecimal(row.fingerprint),
        adjustments=[adjustment.name or "" for adjustment in Adjustment(row.adjustments)],
        redactions=row.redactions,
    )


def hexadecimal(fingerprint: int) -> str:
    """64 bits as 16 digits."""
    return f"{fingerprint & (2**64 - 1):016x}"


def parsed(value: Any) -> Any:
    """A jsonb column, which the driver gives as text or parsed, depending on the statement."""
    return from_json(value) if isinstance(value, str | bytes) else value
