"""What was spent is read from as few sums as there can be, and each is counted once."""

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.budgets.periods import PeriodKind, find_zone
from common.budgets.spend import DAY, Budget, Spend, as_amount, cut_span, sum_by_day, sum_by_scope
from common.database.clock import CLOCK
from tests.conftest import Service


def test_a_span_is_cut_into_days_and_the_quarter_hours_at_its_ends() -> None:
    start, end = datetime(2026, 1, 31, 18, 15, tzinfo=UTC), datetime(2026, 2, 28, 18, 15, tzinfo=UTC)
    first, last = datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 2, 28, tzinfo=UTC)
    assert cut_span(start, end) == [(15, start, first), (1440, first, last), (15, last, end)]
    assert cut_span(first, last) == [(1440, first, last)]
    assert cut_span(start, start + timedelta(hours=1)) == [(15, start, start + timedelta(hours=1))]


instants = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(instants, st.timedeltas(timedelta(minutes=1), timedelta(days=70)))
def test_every_instant_of_a_span_is_in_one_of_its_parts_and_days_are_whole(start: datetime, length: timedelta) -> None:
    parts = cut_span(start, start + length)
    edges = [start, *(end for _, _, end in parts)]
    assert [begin for _, begin, _ in parts] == edges[:-1]
    assert edges[-1] == start + length
    for minutes, begin, end in parts:
        assert begin < end
        if minutes == DAY:
            assert (begin.time(), end.time()) == (time(), time())
        else:
            assert end - begin < timedelta(days=2)


@pytest.mark.parametrize(("metric", "amount"), [("tokens", 7), ("usd", Decimal("7.9"))])
def test_a_number_is_in_the_unit_of_its_budget(metric: str, amount: object) -> None:
    assert as_amount(Decimal("7.9"), metric) == amount
    assert Spend(7, Decimal("7.9")).of(metric) == amount


async def test_a_scope_counts_what_is_in_it_and_days_without_spend_are_left_out(service: Service) -> None:
    project, other = await service.project(), await service.project("other")
    now = CLOCK.now()
    for of, team, age_days, tokens in (
        (project, "a", 0, 1),
        (project, "b", 0, 10),
        (project, "a", 2, 100),
        (other, "a", 0, 5),
    ):
        record = {"event_key": f"{team}{age_days}", "team": team, "model": "acme-1", "total_tokens": tokens,
                  "occurred_at": (now - timedelta(days=age_days)).isoformat()}  # fmt: skip
        assert (await of.ingest.post("/api/usage/batch", json={"records": [record]})).status_code == 201
    budget = Budget(
        project.id, uuid4(), "a", "team", "a", "tokens", 5, PeriodKind.day, find_zone("UTC"), (Decimal(80),), now
    )
    async with service.tools.engine.connect() as connection:
        by_day = await sum_by_day(connection, budget, now, 5)
        since = datetime.combine(now.date() - timedelta(days=3), time(), UTC)
        by_scope = await sum_by_scope(connection, project.id, since, now + timedelta(days=1))
    assert [(day, spend.tokens) for day, spend in by_day] == [(now.date() - timedelta(days=2), 100), (now.date(), 1)]
    assert {scope: spend.tokens for scope, spend in by_scope.items()} == {
        ("project", ""): 111, ("team", "a"): 101, ("team", "b"): 10, ("agent", ""): 111, ("model", "acme-1"): 111,
    }  # fmt: skip
