"""Makes the bodies that the read side sends: rows in, JSON bytes out."""

from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from pydantic_core import to_json

from api.access.shares import Gate, Shares
from api.http.problems import NotFound
from api.reads import queries
from api.reads.cursors import read_cursor, refuse, write_cursor
from api.reads.pattern_page import describe_page, read_page
from api.reads.queries import Filter
from api.reads.shown import detail, summary_fields
from common.database.clock import CLOCK
from common.settings import Settings
from common.snapshots import load_snapshot
from common.snapshots.composing import compute_snapshot
from common.snapshots.counting import EVERYTHING, Wanted
from common.snapshots.windows import start_of_window

DAY = timedelta(days=1)


class Answers:
    """The bodies of one process's answers, from Postgres."""

    def __init__(self, shares: Shares, searches: Gate, settings: Settings) -> None:
        self.shares = shares
        self.searches = searches
        self.settings = settings

    def whole_time(self) -> tuple[datetime, datetime]:
        """From the oldest error that is kept to the newest that can be, in whole days: a cursor carries them, and a
        page that did not change must have the ETag that it had."""
        now = CLOCK.now()
        ahead = timedelta(seconds=self.settings.clock_ahead_max_seconds + 60)
        return midnight(now) - timedelta(days=self.settings.retention_days + 1), midnight(now + ahead) + DAY

    async def recent(self, project_id: UUID, wanted: Filter, limit: int) -> bytes:
        async with self.shares.of(project_id).connect() as connection:
            rows = await queries.list_errors(connection, project_id, wanted, limit=limit)
        return to_json({"errors": [summary_fields(row) for row in rows]})

    async def page(self, project_id: UUID, wanted: Filter, limit: int, cursor: str | None) -> bytes:
        """One page, whose `next` is null at the end. Raises CursorInvalid, Busy."""
        after = None
        if cursor is not None:
            after, since, until = read_cursor(cursor, wanted)
            if until > self.whole_time()[1]:
                refuse()
            wanted = replace(wanted, since=since, until=until)
        async with self.searching(project_id, wanted), self.shares.of(project_id).connect() as connection:
            rows = await queries.list_errors(connection, project_id, wanted, limit=limit + 1, after=after)
        shown = rows[:limit]
        more = len(rows) > limit
        place = write_cursor((shown[-1].occurred_at, shown[-1].event_id), wanted) if more else None
        return to_json({"errors": [summary_fields(row) for row in shown], "next": place})

    def searching(self, project_id: UUID, wanted: Filter) -> AbstractAsyncContextManager[None]:
        """A turn of those who search texts, which no index helps: they leave room for the others. Raises Busy."""
        return nullcontext() if wanted.message_has is None else self.searches.turn(project_id)

    async def error(self, project_id: UUID, event_id: UUID) -> bytes:
        """Raises NotFound."""
        since, until = self.whole_time()
        async with self.shares.of(project_id).connect() as connection:
            row = await queries.find_error(connection, project_id, event_id, oldest=since.date(), newest=until.date())
        if row is None:
            raise NotFound("there is no error with this id in this project, or its retention is over")
        return detail(row).model_dump_json().encode()

    async def patterns(self, project_id: UUID, window_hours: int, wanted: Wanted) -> bytes:
        """What the worker computed last; what it never did, or for other than all errors, is computed here."""
        if wanted == EVERYTHING:
            async with self.shares.of(project_id).connect() as connection:
                kept = await load_snapshot(connection, project_id, window_hours)
            if kept is not None:
                return kept[1]
        snapshot = await compute_snapshot(self.shares.of(project_id), project_id, window_hours, self.settings, wanted)
        return snapshot.model_dump_json().encode()

    async def pattern(self, project_id: UUID, pattern_id: UUID, window_hours: int) -> bytes:
        """Of the one that it has become part of, where its id is no pattern's any more. Raises NotFound."""
        now = CLOCK.now()
        start = start_of_window(now, window_hours, self.settings.rollup_fine_hours)
        async with self.shares.of(project_id).connect() as connection:
            page = await read_page(connection, project_id, pattern_id, start, Filter(*self.whole_time()))
        if page is None:
            raise NotFound("there is no pattern with this id in this project, or its retention is over")
        return describe_page(page, window_hours, start, now).model_dump_json().encode()


def midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)
