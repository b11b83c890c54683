"""A month's costs: of months whose sums are whole, by the calendar of a zone, and never a cost that is not known."""

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from api.http.problems import Invalid
from api.spending.cost_report import add_up
from api.spending.costs import ReportQuery, as_costs, describe, describe_team, find_month
from common.budgets import read_status
from common.budgets.periods import first_whole_month
from common.database.clock import CLOCK

KEPT_DAYS = 400


def month(**asked: str) -> Any:
    return find_month(ReportQuery.model_validate(asked), KEPT_DAYS)


def test_the_oldest_month_that_is_kept_whole_can_be_asked_for_and_the_one_before_cannot() -> None:
    oldest = month(period=f"{first_whole_month(CLOCK.now(), KEPT_DAYS):%Y-%m}")
    assert oldest.first.day == 1
    with pytest.raises(Invalid, match=rf"sums are kept from {oldest.first:%Y-%m} on"):
        month(period=f"{oldest.previous.first:%Y-%m}")


def test_the_current_month_is_that_of_the_zone() -> None:
    for zone in ("UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"):
        found = month(timezone=zone)
        assert found.starts_at <= CLOCK.now() < found.ends_at
        assert found.zone.key == zone


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"period": "2026-13"}, "2026-02"),
        ({"period": "soon"}, "2026-02"),
        ({"timezone": "Mars/Olympus"}, "Europe/Berlin"),
    ],
)
def test_what_is_no_month_or_no_zone_is_refused_with_its_form(asked: dict[str, str], why: str) -> None:
    with pytest.raises(Invalid, match=why):
        month(**asked)


def team(tokens: int, usd: str, unpriced: int, untied: int = 0) -> Any:
    return SimpleNamespace(
        team="ops", tokens=tokens, usd=Decimal(usd), unpriced_tokens=unpriced, untied_tokens=untied, estimated_tokens=1
    )


@pytest.mark.parametrize(("unpriced", "usd"), [(0, Decimal(3)), (9, Decimal(3)), (10, None)])
def test_a_team_of_which_nothing_has_a_price_has_no_cost_and_not_one_of_zero(
    unpriced: int, usd: Decimal | None
) -> None:
    assert as_costs(team(10, "3", unpriced), None).usd == usd


def test_a_team_that_finished_nothing_has_no_tokens_per_deliverable_and_no_band() -> None:
    row = team(10, "3", 0, untied=5)
    idle = describe_team(row, as_costs(row, None), None, (5_000, 6_000))
    assert (idle.tokens_per_deliverable, idle.band, idle.tied_median, idle.untied_percent) == (None, None, None, 50.0)
    finished: Any = SimpleNamespace(
        deliverables=2, median=4.0, p90=6.0, mean=5.0, usd=None, priced=0, median_usd=None, p90_usd=None
    )
    busy = describe_team(row, as_costs(row, finished), finished, (4, 6))
    assert (busy.tokens_per_deliverable, busy.band, busy.tied_p90, busy.tied_mean_usd) == (5.0, "watch", 6.0, None)
    silent = team(0, "0", 0)
    assert describe_team(silent, as_costs(silent, None), None, (4, 6)).untied_percent == 0.0


def test_the_report_adds_its_teams_up_and_tells_a_limit_only_where_there_is_one() -> None:
    rows = [team(10, "3", 10), team(20, "5", 0)]
    costs = [as_costs(row, None) for row in rows]
    teams = [describe_team(row, one, None, (4, 6)) for row, one in zip(rows, costs, strict=True)]
    report = describe("2026-02", "UTC", teams, add_up(costs), None)
    assert (report.tokens, report.cost_usd, report.unpriced_tokens, report.estimated_tokens) == (30, Decimal(5), 10, 2)
    assert report.budget is None
    limited = describe("2026-02", "UTC", teams, add_up(costs), read_status(30, 20)).budget
    assert limited is not None
    assert (limited.used_percent, limited.reserve_percent, limited.state) == (150.0, 0.0, "exceeded")
