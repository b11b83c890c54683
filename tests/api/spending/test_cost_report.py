"""The report is the table that teams keep by hand, and reads back as what it was made from."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from api.spending.cost_report import TeamCosts, format_report_markdown
from cli.cost_log import parse_cost_log
from common.budgets import read_status

TEAMS = [
    TeamCosts("frontend", 12_450, Decimal("0.03735"), 4),
    TeamCosts("backend", 35_670, Decimal("0.10701"), 6),
    TeamCosts("ops", 78_480, None, 0, 78_480),
]


def test_the_golden_month() -> None:
    assert (
        format_report_markdown("2026-02", TEAMS, read_status(126_600, 200_000))
        == """# Costs 2026-02

| Team | Tokens | Cost | Tokens/Deliverable | Status |
| --- | ---: | ---: | ---: | --- |
| frontend | 12,450 | $0.037 | 3.1K | ok |
| backend | 35,670 | $0.107 | 5.9K | watch |
| ops | 78,480 | unpriced | — | — |
| **TOTAL MTD** | **126,600** | **$0.144** |  |  |

Budget used: 63.3 % (126,600 of 200,000 tokens), ok

Reserve: 36.7 % (73,400 tokens)

Unpriced: 78,480 tokens, not in the costs above.
"""
    )


def test_bands_can_be_set() -> None:
    assert "| 3.1K | alert |" in format_report_markdown("2026-02", TEAMS[:1], bands=(1_000, 3_000))


def test_a_month_without_teams_is_a_table_with_a_total() -> None:
    assert "| **TOTAL MTD** | **0** | **unpriced** |" in format_report_markdown("2026-02", [])


def test_a_team_called_like_the_total_is_not_taken_for_it() -> None:
    log = parse_cost_log(format_report_markdown("2026-02", [TeamCosts("Total MTD", 5, None)]))
    assert [row.team for row in log.rows] == ["Total MTD (team)"]
    assert log.total_tokens == 5


@given(
    st.lists(
        st.builds(
            TeamCosts,
            team=st.text(min_size=1, max_size=20),
            tokens=st.integers(1, 10**12),
            usd=st.none() | st.decimals(0, 10**6, places=6),
            deliverables=st.integers(0, 50),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_every_report_reads_back(teams: list[TeamCosts]) -> None:
    used = sum(one.tokens for one in teams)
    log = parse_cost_log(format_report_markdown("2026-02", teams, read_status(used, 10**13)))
    assert log.unread == ()
    assert [row.tokens for row in log.rows] == [one.tokens for one in teams]
    assert log.total_tokens == used
    assert log.budget_tokens == 10**13
    for row, one in zip(log.rows, teams, strict=True):
        assert (row.cost_usd is None) == (one.usd is None)
        assert row.cost_usd is None or abs(row.cost_usd - (one.usd or 0)) <= Decimal("0.0005")


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1))
def test_names_survive(name: str) -> None:
    log = parse_cost_log(format_report_markdown("2026-02", [TeamCosts(name, 5, None)]))
    kept = " ".join(name.split())
    assert [row.team for row in log.rows] in ([kept], [f"{kept} (team)"], ["—"])
