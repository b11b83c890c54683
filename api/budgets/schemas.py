"""What is sent about budgets, and what is answered. Amounts of tokens are whole numbers, USD are decimal text."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator
from typing_extensions import TypeAliasType

from api.fields import Name
from common.budgets import check_thresholds
from common.budgets.periods import find_zone

Positive = Annotated[Decimal, Field(gt=0, le=10**15, max_digits=27, decimal_places=12)]
Percent = Annotated[Decimal, Field(gt=0, le=1000, max_digits=7, decimal_places=3)]
Amount = int | Decimal
BudgetScope = TypeAliasType("BudgetScope", Literal["project", "team", "agent", "model"])
BudgetMetric = TypeAliasType("BudgetMetric", Literal["tokens", "usd"])
BudgetPeriod = TypeAliasType("BudgetPeriod", Literal["day", "week", "month"])
DAY_SECONDS = 86_400


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
    scope: BudgetScope
    scope_value: Name | None = Field(None, description="Which team, agent or model; none for a project.")
    metric: BudgetMetric
    limit: Positive = Field(description="Tokens (whole) or USD.")
    period: BudgetPeriod = Field(description="Calendar period in the time zone; weeks from Monday.")
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
        find_zone(self.timezone or "UTC")
        return self


class BudgetChange(BaseModel):
    """What to change of a budget. Its scope, metric and period make it another one: delete it and make that."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"limit": 250000}], "minProperties": 1})

    name: Name | None = None
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

    id: UUID
    name: str
    scope: str
    scope_value: str | None
    metric: str = Field(description="tokens or usd: what its amounts are in.")
    limit: Amount
    period: str
    timezone: str
    thresholds: list[float] = Field(description="Percent of the limit.")


class BudgetPage(BaseModel):
    """Some budgets, oldest first, and where to go on."""

    budgets: list[BudgetOut]
    next: UUID | None = Field(description="Give it as `cursor` for the budgets after these; null at the end.")


class CrossingOut(BaseModel):
    """A threshold that this period crossed: recorded once."""

    threshold: float = Field(description="Percent of the limit.")
    level: str = Field(description="warn, critical or exceeded.")
    crossed_at: datetime = Field(description="When the worker saw it.")
    used: Amount


class BudgetStatusOut(BaseModel):
    """Where a budget stands; every acknowledged record is in it."""

    id: UUID
    name: str
    metric: str = Field(description="tokens or usd: what its amounts are in.")
    period_start: date
    period_end: date = Field(description="First day after the period.")
    used: Amount
    limit: Amount
    used_percent: float = Field(description="Of the limit; over 100 where it was passed.")
    reserve_percent: float = Field(description="0 where more than the limit was used.")
    state: str = Field(description="ok, warn, critical or exceeded.")
    crossings: list[CrossingOut]
    reserved: Amount = Field(description="Held by checks that are neither settled nor expired.")
    unpriced_tokens: int = Field(description="Tokens that are in no cost.")
    estimated_tokens: int = Field(description="Tokens whose split was assumed.")


class CheckIn(BaseModel):
    """What a call may cost, in the budget's metric."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"estimate": 12000}]})

    estimate: Positive = Field(description="Tokens or USD.")
    expires_in_seconds: int | None = Field(None, ge=1, le=DAY_SECONDS, description="600 if not said.")


class CheckAnswer(BaseModel):
    """Whether the call may be made."""

    allowed: bool
    reservation_id: UUID | None = Field(description="To settle once the usage was posted; null where refused.")
    expires_at: datetime | None
    used: Amount
    reserved: Amount = Field(description="By all checks, this one included where it is allowed.")
    limit: Amount


class SettleIn(BaseModel):
    """Which reservation is over."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"reservation_id": "01a20cfa-b9ad-73c9-8790-717a1337fc95"}]},
    )

    reservation_id: UUID = Field(description="As the check answered it.")


class SettleAnswer(BaseModel):
    """What became of it."""

    reservation_id: UUID
    outcome: str = Field(description="settled, or duplicate when it was settled before.")


class ProjectionOut(BaseModel):
    """Where the period will end, as told at `made_at`. All null but `spent` with too little history."""

    made_at: datetime
    method: str = Field(description="insufficient_history under seven complete days.")
    complete_days: int
    spent: Amount
    projected: Amount | None
    low: Amount | None = Field(description="The 80 % range begins here,")
    high: Amount | None = Field(description="and ends here.")
    breach_chance: float | None = Field(description="Chance that the period passes the limit, 0 to 1.")
    exhausted_on: date | None
    confidence: str | None
    doubts: list[str]


class AccuracyOut(BaseModel):
    """How right the budget's own projections were on one day of its closed periods."""

    day: int = Field(description="Day of the period, from 1.")
    periods: int
    mean_error_percent: float = Field(description="Mean of the absolute errors of the projected end.")
    range_held_percent: float = Field(description="How often the end was in the 80 % range.")


class BudgetProjectionOut(BaseModel):
    """The latest projection of the current period, and past accuracy."""

    id: UUID
    limit: Amount
    period_start: date
    projection: ProjectionOut | None = Field(description="null until the worker has made one.")
    accuracy: list[AccuracyOut] = Field(description="At days 7, 10, 15 and 20, as far as periods were closed.")
