"""Which time an error gets, and on which days it may be stored already."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from api.ingest.rows import RequestContext, resolve_time
from api.ingest.schemas import ErrorIn
from api.ingest.times import NO_DAYS, Times
from api.storing.rows import LookBack
from common.settings import Settings

SETTINGS = Settings()
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
MIDNIGHT = NOON - timedelta(hours=12)
EVERYWHERE = LookBack(date(2026, 10, 28), date(2026, 11, 30))
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def settle(
    at: datetime | None, now: datetime = NOON, early: frozenset[date] | None = NO_DAYS
) -> tuple[datetime, bool, LookBack | None]:
    error = ErrorIn(service="s", severity="error", message="m", event_id=uuid4(), timestamp=at)
    return resolve_time(error, RequestContext(UUID(int=7), now, Times.at(now, SETTINGS, early), SETTINGS))


@pytest.mark.parametrize(
    "at", [NOON, NOON + 10 * MINUTE, MIDNIGHT + 10 * MINUTE, NOON - 3 * DAY, NOON - 30 * DAY + 4 * MINUTE]
)
def test_a_plain_time_is_taken_and_looked_for_nowhere_else(at: datetime) -> None:
    assert settle(at) == (at, False, None)


@pytest.mark.parametrize(("at", "is_retimed"), [(None, False), (NOON - 31 * DAY, True), (NOON + 11 * MINUTE, True)])
def test_the_servers_time_is_looked_for_on_every_day(at: datetime | None, is_retimed: bool) -> None:
    assert settle(at) == (NOON, is_retimed, EVERYWHERE)


@pytest.mark.parametrize("ahead", [1, 30])
def test_a_day_that_will_come_while_the_error_is_kept_is_noted(ahead: int) -> None:
    at = NOON + ahead * DAY
    assert settle(at) == (NOON, True, EVERYWHERE._replace(ahead=at.date()))
    assert settle(NOON + 33 * DAY) == (NOON, True, EVERYWHERE)


def test_a_time_that_will_be_too_old_in_a_moment_is_looked_for_on_every_day() -> None:
    at = NOON - 30 * DAY + MINUTE
    assert settle(at) == (at, False, EVERYWHERE)


@pytest.mark.parametrize(
    "at", [MIDNIGHT - MINUTE, MIDNIGHT, MIDNIGHT + MINUTE, MIDNIGHT - 8 * DAY + MINUTE, MIDNIGHT - 8 * DAY - MINUTE]
)
def test_around_midnight_the_days_beside_are_looked_at(at: datetime) -> None:
    assert settle(at) == (at, False, LookBack(at.date() - DAY, at.date() + DAY))


def test_a_day_that_began_a_moment_ago_or_has_not_begun_has_the_one_before_it_looked_at() -> None:
    """Another process may have had such a time for too far ahead, and stored it on the day before."""
    patient = SETTINGS.model_copy(update={"clock_ahead_max_seconds": 86_400})
    for now in (MIDNIGHT - 5 * MINUTE, MIDNIGHT + 2 * MINUTE):
        at = MIDNIGHT + timedelta(hours=20)
        error = ErrorIn(service="s", severity="error", message="m", event_id=uuid4(), timestamp=at)
        look = resolve_time(error, RequestContext(UUID(int=7), now, Times.at(now, patient), patient))[2]
        assert look == LookBack(date(2026, 11, 28), date(2026, 11, 30))


@pytest.mark.parametrize("early", [frozenset({NOON.date()}), None])
def test_a_day_with_errors_from_before_it_began_is_looked_for_on_every_day(early: frozenset[date] | None) -> None:
    assert settle(NOON, early=early) == (NOON, False, EVERYWHERE)


def test_another_day_is_plain_where_only_its_neighbour_is_early() -> None:
    at = NOON - 2 * DAY
    assert settle(at, early=frozenset({NOON.date()})) == (at, False, None)
    assert settle(at, early=frozenset({at.date()})) == (at, False, EVERYWHERE)
