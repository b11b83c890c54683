"""What each tool takes; its JSON schema is what a model reads of it, so every word counts."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from api.agents.sheets import LEAST_TOKENS, MOST_TOKENS
from api.fields import FilterText, SeverityName
from api.reads.parameters import PatternState, PatternTrend
from api.triage.routes import PatternChange

Window = Literal["1h", "6h", "24h", "7d"]
PatternId = Annotated[str, Field(min_length=8, max_length=36, description="id or its 8-digit tail")]
Text = Annotated[str, Field(min_length=1, max_length=200)]
Cursor = Annotated[str | None, Field(max_length=1_000, description="`next` of the page before")]


def default_tokens(tokens: int) -> Any:
    return Field(tokens, ge=LEAST_TOKENS, le=MOST_TOKENS, strict=True)


class Arguments(BaseModel):
    """What every tool takes."""

    model_config = ConfigDict(extra="forbid")
    max_tokens: int = default_tokens(500)


class Failing(Arguments):
    window: Window = "24h"
    order: Literal["priority", "count", "newest"] = "priority"
    service: FilterText | None = None
    environment: FilterText | None = None
    release: FilterText | None = None
    severity: SeverityName | None = None
    state: PatternState | None = None
    trend: PatternTrend | None = None
    text: Text | None = None
    skip: int = Field(0, ge=0, le=100_000, strict=True)


class Explain(Arguments):
    pattern: PatternId
    window: Window = "24h"
    max_tokens: int = default_tokens(800)


class OfPattern(Arguments):
    pattern: PatternId
    limit: int = Field(10, ge=1, le=200, strict=True)
    cursor: Cursor = None


class Search(Arguments):
    text: Text | None = Field(None, description="part of the message; last 24h unless `since`")
    service: FilterText | None = None
    environment: FilterText | None = None
    release: FilterText | None = None
    severity: SeverityName | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int = Field(10, ge=1, le=200, strict=True)
    cursor: Cursor = None


class Changed(Arguments):
    cursor: str | None = Field(None, max_length=40, description="`next` of your last look; none: 24h")


class Spending(Arguments):
    pass


class Usage(BaseModel):
    """What a call to a model spent."""

    model_config = ConfigDict(extra="forbid")
    event_key: Text = Field(description="names the call for ever")
    team: Text
    model: Text
    input_tokens: int = Field(ge=0, strict=True)
    output_tokens: int = Field(ge=0, strict=True)
    agent: Text | None = None
    pattern: UUID | None = Field(None, description="investigated pattern")


class Budget(Arguments):
    action: Literal["reserve", "settle", "record"]
    budget: UUID | None = None
    estimate: Annotated[str, Field(pattern=r"^[0-9]{1,15}(\.[0-9]{1,12})?$")] | None = Field(
        None, description="reserve: tokens or USD"
    )
    reservation: UUID | None = Field(None, description="settle")
    usage: Usage | None = Field(None, description="settle, record: spent")


class Decide(Arguments):
    pattern: PatternId
    action: Literal["resolve", "ignore", "reopen", "note"]
    in_release: Text | None = Field(None, description="resolve: has the fix")
    until: datetime | None = Field(None, description="ignore")
    note: Annotated[str, Field(max_length=2_000)] | None = None
    dry_run: bool = Field(True, strict=True)

    def change(self) -> PatternChange:
        """The same as the API takes it. Raises ValidationError."""
        state = {"resolve": "resolved", "ignore": "ignored", "reopen": "open", "note": None}[self.action]
        said = {"state": state, "in_release": self.in_release, "until": self.until, "note": self.note}
        return PatternChange.model_validate({name: value for name, value in said.items() if value is not None})


DROPPED = (
    "title",
    "additionalProperties",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "pattern",
    "exclusiveMinimum",
)


def describe_arguments(model: type[BaseModel]) -> dict[str, Any]:
    """Its JSON schema in few words: bounds are told by the errors of who goes over them."""
    schema = model.model_json_schema()
    named = schema.pop("$defs", {})
    shown: dict[str, Any] = shorten_schema(schema, named)
    shown.pop("description", None)
    return shown


def shorten_schema(schema: Any, named: dict[str, Any]) -> Any:
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        target = named[schema["$ref"].rpartition("/")[2]]
        return shorten_schema({name: value for name, value in target.items() if name != "description"}, named)
    options = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    if len(options) == 1:
        rest = {name: value for name, value in schema.items() if name not in ("anyOf", "default")}
        return shorten_schema({**options[0], **rest}, named)
    if "allOf" in schema or ("$ref" not in schema and "properties" not in schema):
        return {name: value for name, value in schema.items() if name not in DROPPED}
    kept = {name: value for name, value in schema.items() if name not in (*DROPPED, "properties", "description")}
    kept["properties"] = {name: shorten_schema(value, named) for name, value in schema["properties"].items()}
    return kept
