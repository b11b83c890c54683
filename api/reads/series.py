"""How each pattern went through a window: counts by step for a chart, and what the time before it had."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text

from api.reads.catalogue import Asked, BuildContext
from api.reads.parameters import SeriesQuery, Window
from api.reads.schemas import PatternSeries, SeriesOfPattern
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


# The counts of each pattern, and of all, by step, of rows `r`; what is before the first step under the moment `before`.
BY_STEP = f"""
    , counted AS (
        SELECT f.pattern_id, r.count, CASE WHEN r.at < :first THEN CAST(:before AS timestamptz)
                                           ELSE date_bin(:step, r.at, :first) END AS start
        FROM r JOIN fingerprints f ON f.project_id = :project_id AND f.fingerprint = r.fingerprint
        WHERE {WANTED})
    SELECT pattern_id, start, sum(count)::bigint AS errors FROM counted
    GROUP BY GROUPING SETS ((pattern_id, start), (start))
"""  # noqa: S608 - made of a constant
# Steps of minutes are counted in five-minute rollups, steps of hours in those by hour: twelve times fewer rows.
MINUTES = """
    SELECT fingerprint, service, severity, environment, bucket AS at, count FROM rollups
    WHERE project_id = :project_id AND bucket >= :before"""
HOURS = """
    SELECT fingerprint, service, severity, environment, hour AS at, count FROM hourly_rollups
    WHERE project_id = :project_id AND hour >= :before"""
ERRORS = f"SELECT * FROM {ERRORS_SINCE} e"  # noqa: S608 - made of a constant
COUNT_MINUTES, COUNT_HOURS = text(f"WITH r AS ({MINUTES}) {BY_STEP}"), text(f"WITH r AS ({HOURS}) {BY_STEP}")
COUNT_ERRORS = text(f"WITH r AS ({ERRORS}) {BY_STEP}")


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
    by_rollups = COUNT_MINUTES if steps.step < timedelta(hours=1) else COUNT_HOURS
    statement = COUNT_ERRORS if wanted.is_of_releases else by_rollups
    values = {"project_id": asked.project_id, "first": steps.first, "before": steps.before, "step": steps.step}
    values |= {"start": steps.before, **wanted.parameters()}
    async with (
        context.turn_of_searches(asked.project_id, wanted.is_of_releases),
        context.reading(asked.project_id).connect() as connection,
    ):
        rows = (await connection.execute(statement, values)).all()
    return put_in_steps(rows, steps, params.window).model_dump_json().encode()


def put_in_steps(rows: Iterable[Any], steps: Steps, window: Window) -> PatternSeries:
    """The counts in the order of the steps; errors of a time that is ahead count in the last one."""
    counts: dict[UUID | None, list[int]] = defaultdict(lambda: [0] * steps.number)
    previous: dict[UUID | None, int] = {}
    for row in rows:
        if row.start < steps.first:
            previous[row.pattern_id] = row.errors
        else:
            counts[row.pattern_id][min((row.start - steps.first) // steps.step, steps.number - 1)] += row.errors
    return PatternSeries(
        window=window,
        step_seconds=int(steps.step.total_seconds()),
        starts=steps.starts(),
        counts=counts[None],
        previous=previous.get(None, 0),
        patterns=[
            SeriesOfPattern(id=pattern, counts=counts[pattern], previous=previous.get(pattern, 0))
            for pattern in sorted(({*counts} | {*previous}) - {None}, key=str)
            if pattern is not None
        ],
    )
