"""What is sent about budgets, and what is answered. Amounts of tokens are whole numbers, USD are decimal text."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator
from typing_extensions import TypeAliasType

from api.fields import Money, Name
from common.budgets import check_thresholds
from common.budgets.periods import find_zone

Positive = Annotated[Decimal, Field(gt=0, le=10**15, max_digits=27, decimal_places=12)]
Percent = Annotated[Decimal, Field(gt=0, le=1000, max_digits=7, decimal_places=3)]
Amount = int | Money
BudgetScope = TypeAliasType("BudgetScope", Literal["project", "team", "agent", "model"])
BudgetMetric = TypeAliasType("BudgetMetric", Literal["tokens", "usd"])
BudgetPeriod = TypeAliasType("BudgetPeriod", Literal["day", "week", "month"])
DAY_SECONDS = 86_400
LAST_START = {"day": 0, "week": 7, "month": 31}


class BudgetIn(BaseModel):
    """A limit for what a scope may spend in a calendar period."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"name": "all teams", "scope": "project", "metric": "tokens", "limit": 200000, "period": "month"}
            ]
        },
    )

    name: Name = Field(description="Names it in this project.")
    scope: BudgetScope = Field(description="Whose spending counts: all of the project, or a team, an agent or a model.")
    scope_value: Name | None = Field(None, description="Which team, agent or model; none for a project.")
    metric: BudgetMetric = Field(description="tokens, or usd at the rates of each record's moment.")
    limit: Positive = Field(description="Tokens (whole) or USD.")
    period: BudgetPeriod = Field(description="Calendar period in the time zone.")
    starts_on: int | None = Field(
        None,
        ge=1,
        le=31,
        strict=True,
        description="Day that it begins on: of the week, 1 (Monday, if not said) to 7; of the month, 1 (if not said) to 31, the"
        " last where a month is shorter.",
    )
    timezone: str | None = Field(None, max_length=60, description="IANA name; UTC if not said.")
    thresholds: list[Percent] | None = Field(None, max_length=10, description="Percent; 80, 90, 100 if not said.")

    @model_validator(mode="after")
    def makes_sense(self) -> Self:
        """Refuse a scope without its value, an unknown zone, thresholds out of place, parts of a token."""
        if (self.scope == "project") == (self.scope_value is not None):
            raise ValueError("scope_value says which team, agent or model; a project has none")
        if self.metric == "tokens" and self.limit != self.limit.to_integral_value():
            raise ValueError("limit: tokens are whole")
        if self.thresholds is not None:
            check_thresholds(self.thresholds)
        if self.starts_on is not None and self.starts_on > LAST_START[self.period]:
            raise ValueError("starts_on: a day of the week, 1 to 7, or of the month, 1 to 31; days have none")
        find_zone(self.timezone or "UTC")
        return self


class BudgetChange(BaseModel):
    """What to change of a budget. Its scope, metric and period make it another one: delete it and make that."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"limit": 250000}], "minProperties": 1})

    name: Name | None = Field(None, description="Names it in this project from now on.")
    limit: Positive | None = Field(None, description="In the budget's metric.")
    thresholds: list[Percent] | None = Field(None, max_length=10, description="Percent; these instead of all others.")

    @model_validator(mode="after")
    def changes_something(self) -> Self:
        """Refuse a change that says nothing, and thresholds out of place."""
        if self.name is None and self.limit is None and self.thresholds is None:
            raise ValueError("nothing to do: say name, limit or thresholds")
        if self.thresholds is not None:
            check_thresholds(self.thresholds)
        return self


class BudgetOut(BaseModel):
    """One budget."""

    id: UUID = Field(description="Stays through every change.")
    name: str = Field(description="Of one budget in the project; may be changed.")
    scope: str = Field(description="project, team, agent or model.")
    scope_value: str | None = Field(description="Which team, agent or model; null for a project.")
    metric: str = Field(description="tokens or usd: what its amounts are in.")
    limit: Amount = Field(description="In the metric: whole tokens, or USD as decimal text.")
    period: str = Field(description="day, week or month, by the calendar of the time zone.")
    starts_on: int = Field(description="Day of the week (1: Monday) or of the month that it begins on; 1 for days.")
    timezone: str = Field(description="IANA name.")
    thresholds: list[float] = Field(description="Percent of the limit.")


class BudgetPage(BaseModel):
    """Some budgets, oldest first, and where to go on."""

    budgets: list[BudgetOut] = Field(description="Oldest first.")
    next: UUID | None = Field(description="Give it as `cursor` for the budgets after these; null at the end.")


class CrossingOut(BaseModel):
    """A threshold that this period crossed: recorded once, and anew when it is crossed after the limit was raised."""

    threshold: float = Field(description="Percent of the limit.")
    level: str = Field(description="warn, critical or exceeded.")
    crossed_at: datetime = Field(description="When the worker saw it.")
    used: Amount = Field(description="What was used when the worker saw it, in the budget's metric.")


class BudgetStatusOut(BaseModel):
    """Where a budget stands; every acknowledged record is in it."""

    id: UUID = Field(description="Of the budget.")
    name: str = Field(description="Of the budget.")
    metric: str = Field(description="tokens or usd: what its amounts are in.")
    period_start: date = Field(description="First day of the current period, in the budget's time zone.")
    period_end: date = Field(description="First day after the period.")
    used: Amount = Field(description="Spent in the period so far, in the metric.")
    limit: Amount = Field(description="In the metric.")
    used_percent: float = Field(description="Of the limit; over 100 where it was passed.")
    reserve_percent: float = Field(description="0 where more than the limit was used.")
    state: str = Field(description="ok, warn, critical or exceeded.")
    crossings: list[CrossingOut] = Field(description="Thresholds that this period crossed, the lowest first.")
    reserved: Amount = Field(description="Held by checks that are neither settled nor expired.")
    unpriced_tokens: int = Field(description="Tokens that are in no cost.")
    estimated_tokens: int = Field(description="Tokens whose split was assumed.")


class CheckIn(BaseModel):
    """What a call may cost, in the budget's metric."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"estimate": 12000}]})

    estimate: Positive = Field(description="Tokens (a part of one counts whole) or USD.")
    expires_in_seconds: int | None = Field(None, ge=1, le=DAY_SECONDS, description="600 if not said.")


class CheckAnswer(BaseModel):
    """Whether the call may be made."""

    allowed: bool = Field(
        description="Whether the estimate fits beside what is used and reserved. true: it is reserved."
    )
    reservation_id: UUID | None = Field(description="To settle once the usage was posted; null where refused.")
    expires_at: datetime | None = Field(description="When the reservation ends by itself; null where refused.")
    used: Amount = Field(description="Spent in the period so far, in the budget's metric.")
    reserved: Amount = Field(description="By all checks, this one included where it is allowed.")
    limit: Amount = Field(description="In the budget's metric.")


class SettleIn(BaseModel):
    """Which reservation is over."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"reservation_id": "01a20cfa-b9ad-73c9-8790-717a1337fc95"}]},
    )

    reservation_id: UUID = Field(description="As the check answered it.")


class SettleAnswer(BaseModel):
    """What became of it."""

    reservation_id: UUID = Field(description="As it was sent.")
    outcome: str = Field(description="settled, or duplicate when it was settled before.")


class ProjectionOut(BaseModel):
    """Where the period will end, as told at `made_at`. All null but `spent` with too little history."""

    made_at: datetime = Field(description="When the worker made it, UTC.")
    method: str = Field(description="insufficient_history under seven complete days.")
    complete_days: int = Field(
        description="Whole days of spending that it was made from, those of before the period included."
    )
    spent: Amount = Field(description="In the period when it was made, in the budget's metric.")
    projected: Amount | None = Field(description="What the period will end with, in the budget's metric.")
    low: Amount | None = Field(description="The 80 % range begins here,")
    high: Amount | None = Field(description="and ends here.")
    breach_chance: float | None = Field(description="Chance that the period passes the limit, 0 to 1.")
    exhausted_on: date | None = Field(
        description="Day on which the limit is passed at this pace; null for not in this period."
    )
    confidence: str | None = Field(description="high, medium or low.")
    doubts: list[str] = Field(description="Why it may be wrong, in words; empty when nothing speaks against it.")


class AccuracyOut(BaseModel):
    """How right the budget's own projections were on one day of its closed periods."""

    day: int = Field(description="Day of the period, from 1.")
    periods: int = Field(description="How many closed periods this is the mean of.")
    mean_error_percent: float = Field(description="Mean of the absolute errors of the projected end.")
    range_held_percent: float = Field(description="How often the end was in the 80 % range.")


class BudgetProjectionOut(BaseModel):
    """The latest projection of the current period, and past accuracy."""

    id: UUID = Field(description="Of the budget.")
    limit: Amount = Field(description="In the budget's metric.")
    period_start: date = Field(description="First day of the current period, in the budget's time zone.")
    projection: ProjectionOut | None = Field(description="null until the worker has made one.")
    accuracy: list[AccuracyOut] = Field(description="At days 7, 10, 15 and 20, as far as periods were closed.")
