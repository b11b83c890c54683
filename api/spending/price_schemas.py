"""What is sent about prices, and what is answered."""

from decimal import Decimal
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from api.fields import Instant, Money, Name, ProcessingName

Rate = Annotated[Decimal, Field(ge=0, le=10**6, max_digits=18, decimal_places=9)]


class OverrideIn(BaseModel):
    """Rates of a project's own, USD per million tokens. They win over the catalog from `starts_at` until `ends_at`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"model": "claude-haiku-4-5", "input": "0.8", "output": "4", "starts_at": "2026-02-15T00:00:00Z"}
            ]
        },
    )

    model: Name = Field(description="Of a model in the catalog, any spelling: all count.")
    provider: Name | None = Field(None, description="Only of this provider.")
    processing: ProcessingName | None = Field(None, description="standard if not said.")
    input: Rate = Field(description="USD per million tokens, as the others.")
    output: Rate = Field(description="USD per million tokens, reasoning included.")
    cached: Rate | None = Field(None, description="Input out of the cache; what input costs if not said.")
    cache_write: Rate | None = Field(None, description="Input into the cache; what input costs if not said.")
    cache_write_1h: Rate | None = Field(None, description="Into the cache for an hour; what cache_write costs.")
    starts_at: Instant = Field(description="From when on it counts; records of before keep their price.")
    ends_at: Instant | None = Field(None, description="For good if not said.")
    confirm: bool | None = Field(
        None, strict=True, description="Needed for rates that look like a slip: see the answer without."
    )

    @model_validator(mode="after")
    def ends_after_it_starts(self) -> Self:
        if self.ends_at is not None and self.ends_at <= self.starts_at:
            raise ValueError("ends_at must be after starts_at")
        return self


class OverrideMade(BaseModel):
    """The override that counts from now on; what is stored already keeps its price until it is priced again."""

    id: UUID = Field(description="By which it can be deleted.")


class RepriceIn(BaseModel):
    """Which records to price again."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"since": "2026-02-01T00:00:00Z", "until": "2026-03-01T00:00:00Z", "dry_run": True}]
        },
    )

    since: Instant = Field(description="Records that happened at or after this.")
    until: Instant = Field(description="Records that happened before this.")
    dry_run: bool = Field(strict=True, description="true: only say what would change.")

    @model_validator(mode="after")
    def ends_after_it_starts(self) -> Self:
        if self.until <= self.since:
            raise ValueError("until must be after since")
        return self


class RepriceSums(BaseModel):
    """What records cost before and after. Tokens without a price are in no cost."""

    records: int = Field(description="Records that were looked at.")
    changed: int = Field(description="Records whose price is another one now.")
    before_usd: Money = Field(description="What they cost before, USD.")
    after_usd: Money = Field(description="What they cost at today's rates, USD.")
    unpriced_tokens_before: int = Field(description="Tokens that had no price.")
    unpriced_tokens_after: int = Field(description="Tokens that have none at today's rates.")


class RepricedModel(RepriceSums):
    """Those of one model."""

    model: str = Field(description="The catalog's name; as sent where it has none.")


class RepriceAnswer(RepriceSums):
    """What pricing again changed, or would change."""

    dry_run: bool = Field(description="true: nothing was changed.")
    by_model: list[RepricedModel] = Field(description="The models whose records changed.")
    done_until: Instant | None = Field(
        description="null when all was looked at; else time ran out: send the same with this as `since`."
    )
