"""How each pattern went through a window: counts by step for a chart, and what the time before it had."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec
from sqlalchemy import TextClause, text

from api.reads.catalogue import Asked, BuildContext
from api.reads.parameters import SeriesQuery, Window
from common.database.clock import CLOCK
from common.snapshots.counting import WANTED
from common.snapshots.windows import ERRORS_SINCE

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
STEPS = {
    Window.hour: timedelta(minutes=5),
    Window.six_hours: timedelta(minutes=15),
    Window.day: timedelta(hours=1),
    Window.week: timedelta(hours=6),
}


# Steps of minutes are counted in five-minute rollups, steps of hours in those by hour: twelve times fewer rows.
MINUTES = """
    SELECT fingerprint, service, severity, environment, bucket AS at, count FROM rollups
    WHERE project_id = :project_id AND bucket >= :before"""
HOURS = """
    SELECT fingerprint, service, severity, environment, hour AS at, count FROM hourly_rollups
    WHERE project_id = :project_id AND hour >= :before"""
ERRORS = f"SELECT * FROM {ERRORS_SINCE} e"  # noqa: S608 - made of a constant


def count_by_step(rows: str, number: int) -> TextClause:
    """Count each pattern, and all, by so many steps, of rows `r`; what is before the first is in step -1, what is of a time
    that is ahead in the last. As one document: rows for each step take the process fifty times as long."""
    counts = ", ".join(f"coalesce(sum(errors) FILTER (WHERE step = {step}), 0)" for step in range(number))
    return text(
        f"""
        WITH r AS ({rows}), counted AS (
            SELECT f.pattern_id, r.count,
                   CASE WHEN r.at < :first THEN -1 ELSE least(
                       floor(extract(epoch FROM r.at - :first) / extract(epoch FROM CAST(:step AS interval)))::int,
                       {number} - 1) END AS step
            FROM r JOIN fingerprints f ON f.project_id = :project_id AND f.fingerprint = r.fingerprint
            WHERE {WANTED}),
        summed AS (
            SELECT pattern_id, step, sum(count)::bigint AS errors FROM counted
            GROUP BY GROUPING SETS ((pattern_id, step), (step)))
        SELECT coalesce(json_agg(json_build_array(pattern_id, counts, previous) ORDER BY pattern_id), '[]')::text FROM (
            SELECT pattern_id, json_build_array({counts}) AS counts,
                   coalesce(sum(errors) FILTER (WHERE step < 0), 0) AS previous
            FROM summed GROUP BY pattern_id) AS patterns
        """  # noqa: S608  # rule-ok: made of constants
    )


COUNT_STEPS = {
    window: count_by_step(MINUTES if step < timedelta(hours=1) else HOURS, timedelta(hours=window.hours) // step)
    for window, step in STEPS.items()
}
COUNT_ERRORS = {window: count_by_step(ERRORS, timedelta(hours=window.hours) // step) for window, step in STEPS.items()}
# The id of a pattern, or null for all, the counts of the steps, and those of the time before.
Row = tuple[str | None, msgspec.Raw, int]
ROWS = msgspec.json.Decoder(list[Row])


class Steps(NamedTuple):
    """The steps of a window: where the first begins, how long each is, and how many there are."""

    first: datetime
    step: timedelta
    number: int

    @classmethod
    def of(cls, window: Window, now: datetime) -> "Steps":
        """Up to the one in which `now` is."""
        step = STEPS[window]
        number = timedelta(hours=window.hours) // step
        latest = EPOCH + (now - EPOCH) // step * step
        return cls(latest - (number - 1) * step, step, number)

    @property
    def before(self) -> datetime:
        """Where the time before begins, which is as long."""
        return self.first - self.number * self.step

    def starts(self) -> list[datetime]:
        return [self.first + number * self.step for number in range(self.number)]


async def build_series(context: BuildContext, asked: Asked[SeriesQuery]) -> bytes:
    params = asked.params
    steps = Steps.of(params.window, CLOCK.now())
    wanted = params.wanted()
    statement = (COUNT_ERRORS if wanted.is_of_releases else COUNT_STEPS)[params.window]
    values = {"project_id": asked.project_id, "first": steps.first, "before": steps.before, "step": steps.step}
    values |= {"start": steps.before, **wanted.parameters()}
    async with (
        context.turn_of_searches(asked.project_id, wanted.is_of_releases),
        context.reading(asked.project_id).connect() as connection,
    ):
        document = await connection.scalar(statement, values)
    return put_in_steps(ROWS.decode(document), steps, params.window)


def put_in_steps(rows: Sequence[Row], steps: Steps, window: Window) -> bytes:
    """The answer (`PatternSeries`); counts go through as they came."""
    counts, previous = next(((row[1], row[2]) for row in rows if row[0] is None), ([0] * steps.number, 0))
    return msgspec.json.encode(
        {
            "window": window.value,
            "step_seconds": int(steps.step.total_seconds()),
            "starts": steps.starts(),
            "counts": counts,
            "previous": previous,
            "patterns": [{"id": row[0], "counts": row[1], "previous": row[2]} for row in rows if row[0] is not None],
        }
    )
