"""Makes the answers about errors and patterns: what was asked in, JSON bytes out."""

from dataclasses import replace
from datetime import datetime, timedelta

from pydantic_core import to_json

from api.http.problems import Invalid, NotFound
from api.reads import queries
from api.reads.catalogue import Asked, BuildContext
from api.reads.cursors import CursorInvalid, read_cursor, refuse, write_cursor
from api.reads.parameters import ErrorForm, ErrorPageQuery, ErrorQuery, PatternQuery, PatternsQuery, ReleasesQuery
from api.reads.pattern_page import describe_page, read_page
from api.reads.queries import Filter
from api.reads.shown import detail, summary_fields
from common.database.clock import CLOCK
from common.settings import Settings
from common.settings.worker import RetentionSettings
from common.snapshots import load_snapshot
from common.snapshots.composing import compute_snapshot
from common.snapshots.counting import EVERYTHING
from common.snapshots.windows import start_of_window

DAY = timedelta(days=1)
TEXT_SEARCH_HOURS = 24


def whole_time(settings: RetentionSettings) -> tuple[datetime, datetime]:
    """From the oldest error that is kept to the newest that can be, in whole days: a cursor carries them, and a page that
    did not change must have the ETag that it had."""
    now = CLOCK.now()
    ahead = timedelta(seconds=settings.clock_ahead_max_seconds + 60)
    return midnight(now) - timedelta(days=settings.retention_days + 1), midnight(now + ahead) + DAY


def midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


async def build_recent(context: BuildContext, asked: Asked[ErrorQuery]) -> bytes:
    wanted = asked.params.filter(*whole_time(context.settings))
    async with context.reading(asked.project_id).connect() as connection:
        rows = await queries.list_errors(connection, asked.project_id, wanted, limit=asked.params.limit)
    return to_json({"errors": [summary_fields(row) for row in rows]})


async def build_error_page(context: BuildContext, asked: Asked[ErrorPageQuery]) -> bytes:
    """One page, whose `next` is null at the end. Raises Busy, Invalid."""
    params, after = asked.params, None
    wanted = wanted_of_page(params, context.settings)
    if params.cursor is not None:
        try:
            after, since, until = read_cursor(params.cursor, wanted)
            if until > whole_time(context.settings)[1]:
                refuse()
        except CursorInvalid as error:
            raise Invalid(f"cursor: {error}") from error
        wanted = replace(wanted, since=since, until=until)
    async with (
        context.turn_of_searches(asked.project_id, wanted.message_has is not None),
        context.looking_back(asked.project_id).connect() as connection,
    ):
        rows = await queries.list_errors(connection, asked.project_id, wanted, limit=params.limit + 1, after=after)
    shown = rows[: params.limit]
    more = len(rows) > params.limit
    place = write_cursor((shown[-1].occurred_at, shown[-1].event_id), wanted) if more else None
    return to_json({"errors": [summary_fields(row) for row in shown], "next": place})


def wanted_of_page(params: ErrorPageQuery, settings: Settings) -> Filter:
    """A search for text is one of the last day where no beginning is said."""
    since, until = whole_time(settings)
    if params.text is not None:
        since = CLOCK.now().replace(second=0, microsecond=0) - timedelta(hours=TEXT_SEARCH_HOURS)
    return params.filter(params.since or since, min(params.until or until, until), params.text)


async def build_error(context: BuildContext, asked: Asked[ErrorForm]) -> bytes:
    """Raises NotFound."""
    since, until = whole_time(context.settings)
    async with context.reading(asked.project_id).connect() as connection:
        row = await queries.find_error(connection, asked.project_id, asked.id, oldest=since.date(), newest=until.date())
    if row is None:
        raise NotFound("there is no error with this id in this project, or its retention is over")
    return detail(row).model_dump_json().encode()


async def build_patterns(context: BuildContext, asked: Asked[PatternsQuery]) -> bytes:
    """What the worker computed last, with what was decided since; what it never did, or for other than all errors, is
    computed here."""
    hours, wanted = asked.params.window.hours, asked.params.wanted()
    if wanted == EVERYTHING:
        async with context.reading(asked.project_id).connect() as connection:
            kept = await load_snapshot(connection, asked.project_id, hours)
        if kept is not None:
            return kept
    async with context.turn_of_searches(asked.project_id, wanted.is_of_releases):
        snapshot = await compute_snapshot(
            context.reading(asked.project_id), asked.project_id, hours, context.settings, wanted
        )
    return snapshot.model_dump_json().encode()


async def build_releases(context: BuildContext, asked: Asked[ReleasesQuery]) -> bytes:
    async with context.reading(asked.project_id).connect() as connection:
        rows = await queries.list_releases(connection, asked.project_id, asked.params.limit)
    return to_json({"releases": [row._asdict() for row in rows]})


async def build_pattern(context: BuildContext, asked: Asked[PatternQuery]) -> bytes:
    """Of the one that it has become part of, where its id is no pattern's any more. Raises NotFound."""
    now, hours = CLOCK.now(), asked.params.window.hours
    start = start_of_window(now, hours)
    everything = Filter(*whole_time(context.settings))
    async with context.reading(asked.project_id).connect() as connection:
        page = await read_page(connection, asked.project_id, asked.id, start, everything)
    if page is None:
        raise NotFound("there is no pattern with this id in this project, or its retention is over")
    return describe_page(page, hours, start, now).model_dump_json().encode()
