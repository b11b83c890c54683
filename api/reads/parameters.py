"""What readers may ask: the query parameters of each route."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypeAliasType

from api.fields import NO_NUL, FilterText, Instant, SeverityName
from api.reads.forms import ERROR, ERRORS, PATTERN, PATTERNS, RELEASES, SERIES, Form, Format, Table
from api.reads.queries import Filter
from common.snapshots.counting import Wanted

PatternState = TypeAliasType("PatternState", Literal["new", "ongoing", "regressed", "resolved", "ignored"])
PatternTrend = TypeAliasType("PatternTrend", Literal["new", "regressed", "spiking", "rising", "steady", "falling"])
PatternOrder = TypeAliasType("PatternOrder", Literal["count", "trend", "new"])


class Window(StrEnum):
    """How far back the counts go."""

    hour = "1h"
    six_hours = "6h"
    day = "24h"
    week = "7d"

    @property
    def hours(self) -> int:
        return {"1h": 1, "6h": 6, "24h": 24, "7d": 168}[self.value]


class FormQuery(BaseModel):
    """The form that an answer is wanted in."""

    model_config = ConfigDict(extra="forbid")

    format: Format | None = Field(
        None, description="json as ever, columnar (columns and rows), csv, or a markdown table for reading."
    )
    max_tokens: int | None = Field(
        None,
        ge=200,
        le=10_000_000,
        description="Leave out what would make it longer, as a language model counts; the answer says what was.",
    )
    fields: str | None = None

    def form(self) -> Form | None:
        """The form; None for the whole document as it is cached."""
        if self.format is None and self.max_tokens is None and self.fields is None:
            return None
        names = tuple(dict.fromkeys(self.fields.split(","))) if self.fields else ()
        return Form(self.format or Format.json, names, self.max_tokens)

    def question(self) -> dict[str, Any]:
        """What is asked, whatever its form; parameters at their defaults left out."""
        return self.model_dump(exclude=set(FormQuery.model_fields), exclude_defaults=True)


def some_of(table: Table) -> Any:
    """The parameter that names some of a table's fields."""
    name = "|".join(table.fields)
    return Field(
        None,
        pattern=f"^({name})(,({name}))*$",
        max_length=500,
        description=f"Only these fields of each row, separated by commas. There are: {', '.join(table.fields)}.",
        examples=[",".join(table.brief[:5])],
    )


class ErrorForm(FormQuery):
    """The form that one error is wanted in."""

    fields: str | None = some_of(ERROR)


class ErrorQuery(FormQuery):
    """Which errors are wanted."""

    fields: str | None = some_of(ERRORS)
    limit: int = Field(20, ge=1, le=200, description="How many at most.")
    service: FilterText | None = Field(None, description="Of this service only.")
    severity: SeverityName | None = Field(None, description="Of this severity only.")
    environment: FilterText | None = Field(None, description="Of this environment only.")
    pattern: UUID | None = Field(None, description="Id of a pattern.")
    release: FilterText | None = Field(None, description="Of this release only.")
    not_service: FilterText | None = Field(None, description="Of other services than this.")
    not_severity: SeverityName | None = Field(None, description="Of other severities than this.")
    not_environment: FilterText | None = Field(None, description="Of other environments than this.")
    not_release: FilterText | None = Field(None, description="Of other releases than this.")

    def filter(self, since: datetime, until: datetime, message_has: str | None = None) -> Filter:
        return Filter(
            since, until, self.service, self.severity, self.environment, self.pattern, message_has, self.release,
            self.not_service, self.not_severity, self.not_environment, self.not_release,
        )  # fmt: skip


class ErrorPageQuery(ErrorQuery):
    """Which errors are wanted, over time."""

    since: Instant | None = Field(None, description="Not older than this.")
    until: Instant | None = Field(None, description="Older than this.")
    text: str | None = Field(
        None,
        min_length=1,
        max_length=200,
        pattern=NO_NUL,
        description="Part of the message, in any case. Searches the last 24 hours unless `since` says otherwise.",
    )
    cursor: str | None = Field(None, max_length=1_000, description="`next` of the page before.")


class ReleasesQuery(FormQuery):
    """Which releases are wanted."""

    fields: str | None = some_of(RELEASES)
    limit: int = Field(50, ge=1, le=1_000, description="How many at most.")


class WindowQuery(FormQuery):
    """Which window is wanted."""

    window: Window = Field(Window.day, description="How far back the counts go.")


class PatternQuery(WindowQuery):
    """How one pattern is wanted."""

    fields: str | None = some_of(PATTERN)


class CountsQuery(WindowQuery):
    """Which errors are counted."""

    service: FilterText | None = Field(None, description="Of this service only.")
    severity: SeverityName | None = Field(None, description="Of this severity only.")
    environment: FilterText | None = Field(None, description="Of this environment only.")
    not_service: FilterText | None = Field(None, description="Of other services than this.")
    not_severity: SeverityName | None = Field(None, description="Of other severities than this.")
    not_environment: FilterText | None = Field(None, description="Of other environments than this.")
    release: FilterText | None = Field(
        None, description="Of this release only: errors are counted one by one, which takes longer in long windows."
    )
    not_release: FilterText | None = Field(None, description="Of other releases than this.")

    def beside_window(self) -> dict[str, Any]:
        """What is asked beside the window; parameters at their defaults left out."""
        return {name: value for name, value in self.question().items() if name != "window"}

    def wanted(self) -> Wanted:
        return Wanted(**self.beside_window())


class SeriesQuery(CountsQuery):
    """Which errors are counted by steps."""

    fields: str | None = some_of(SERIES)


class PatternsQuery(CountsQuery):
    """Which patterns are wanted, and of which errors. Every sum of the answer is of what is wanted."""

    fields: str | None = some_of(PATTERNS)
    state: PatternState | None = Field(None, description="Patterns in this state only.")
    trend: PatternTrend | None = Field(None, description="Patterns with this trend only.")
    text: FilterText | None = Field(None, min_length=1, description="Part of the title or the template, in any case.")
    not_state: PatternState | None = Field(None, description="Patterns in other states than this.")
    not_trend: PatternTrend | None = Field(None, description="Patterns with other trends than this.")
    not_text: FilterText | None = Field(
        None, min_length=1, description="Patterns without this in title and template, in any case."
    )
    order: PatternOrder = Field("count", description="What comes first.")
