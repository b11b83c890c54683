"""The monthly cost report as the markdown table that teams keep by hand. Pure; `cli/cost_log.py` reads it back."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from api.reads.cells import escape_markup, show_unseen
from common.budgets import Band, BudgetStatus, divide_tokens, name_band, show_kilo, show_percent
from common.pricing import show_usd

TOTAL = "TOTAL MTD"
NOTHING = "—"
_HEADER = "| Team | Tokens | Cost | Tokens/Deliverable | Status |\n| --- | ---: | ---: | ---: | --- |"
_LIKE_TOTAL = re.compile(r"(?:grand )?totals?(?: mtd)?:?|mtd totals?:?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TeamCosts:
    """What a team spent in the month. `usd` is None where nothing of it has a price.

    `unpriced_tokens` are part of `tokens` and not of `usd`.
    """

    team: str
    tokens: int
    usd: Decimal | None
    deliverables: int = 0
    unpriced_tokens: int = 0

    @property
    def tokens_per_deliverable(self) -> Decimal | None:
        """Mean, None where nothing was finished."""
        return divide_tokens(self.tokens, self.deliverables)


def format_report_markdown(
    month: str,
    teams: Sequence[TeamCosts],
    budget: BudgetStatus | None = None,
    bands: tuple[int, int] | None = None,
) -> str:
    """The month's table, a row per team and `TOTAL MTD`, then budget used and reserve.

    `budget` is one in tokens. `bands` are the largest tokens per deliverable for ok and for watch, where they differ
    from the usual ones.
    """
    total = add_up(teams)
    lines = [f"# Costs {month}", "", _HEADER]
    lines += [*(format_row(one, bands) for one in teams), format_total(total)]
    lines += ["", *(format_budget(budget) if budget else [])]
    if total.unpriced_tokens:
        lines.append(f"Unpriced: {total.unpriced_tokens:,} tokens, not in the costs above.")
    return "\n".join(lines).rstrip() + "\n"


def add_up(teams: Sequence[TeamCosts]) -> TeamCosts:
    """All teams as one."""
    priced = [one.usd for one in teams if one.usd is not None]
    return TeamCosts(
        TOTAL,
        sum(one.tokens for one in teams),
        sum(priced, Decimal(0)) if priced else None,
        sum(one.deliverables for one in teams),
        sum(one.unpriced_tokens for one in teams),
    )


def format_row(costs: TeamCosts, bands: tuple[int, int] | None) -> str:
    """A team's line of the table."""
    each = costs.tokens_per_deliverable
    shown = (NOTHING, NOTHING) if each is None else (show_kilo(each), rate_tokens(each, bands).value)
    return _join_cells(escape_name(costs.team), f"{costs.tokens:,}", show_usd(costs.usd), *shown)


def format_total(total: TeamCosts) -> str:
    """The last line; no tokens per deliverable, as teams that finish none are in it."""
    return _join_cells(*(f"**{cell}**" for cell in (TOTAL, f"{total.tokens:,}", show_usd(total.usd))), "", "")


def _join_cells(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def rate_tokens(each: Decimal, bands: tuple[int, int] | None) -> Band:
    """The band of a mean, by the given bounds or the usual ones."""
    return name_band(each, *bands) if bands else name_band(each)


def format_budget(budget: BudgetStatus) -> list[str]:
    """Budget used and reserve, each a line."""
    left = max(Decimal(0), Decimal(budget.limit) - Decimal(budget.used))
    return [
        f"Budget used: {show_percent(budget.used_percent)} ({budget.used:,} of {budget.limit:,} tokens), {budget.state}",
        "",
        f"Reserve: {show_percent(budget.reserve_percent)} ({left:,} tokens)",
        "",
    ]


def escape_name(team: str) -> str:
    """A name that neither breaks the table nor passes for its total."""
    name = escape_markup(show_unseen(team)) or NOTHING
    return f"{name} (team)" if _LIKE_TOTAL.fullmatch(name) else name
