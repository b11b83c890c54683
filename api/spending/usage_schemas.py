"""What is sent about tokens and finished work, and what is answered."""

from decimal import Decimal
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from api.fields import Instant, LenientInstant, Name, ProcessingName
from api.ingest.receivers.json_bounds import VALUES_READ
from api.ingest.receivers.wording import Wording
from api.ingest.schemas import SentName
from api.spending.usage_leaves import TOKENS_MAX
from common.pricing import Processing

Tokens = Annotated[int, Field(ge=0, le=TOKENS_MAX)]
Usd = Annotated[Decimal, Field(ge=0, le=10**9, max_digits=21, decimal_places=12)]
# Names of records are never cleaned: tokens of one would be counted under another, or as a duplicate not at all.
USAGE_WORDING = Wording(
    words={"processing": {mode.value: mode.value for mode in Processing}},
    optional_names=frozenset({"agent", "provider", "model", "deliverable", "run", "parent_run"}),
    whole={"usage": VALUES_READ},
    exact=frozenset({"event_key", "team", "agent", "provider", "model", "deliverable", "run", "parent_run"}),
)
COUNTS = ("input_tokens", "cached_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")


EXAMPLE_RECORD: dict[str, JsonValue] = {
    "event_key": "call-4711",
    "team": "checkout",
    "agent": "reviewer",
    "model": "claude-haiku-4-5",
    "occurred_at": "2026-02-03T10:15:00Z",
    "input_tokens": 6225,
    "output_tokens": 6225,
    "deliverable": "PR-17",
}


class UsageIn(BaseModel):
    """The tokens of one LLM call: as counts, as a total, or as the provider's own usage object."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [EXAMPLE_RECORD]},
    )

    event_key: SentName = Field(
        description="Names this call for ever: sent again with the same key, it is a duplicate."
    )
    team: SentName = Field(description="Who spent it.")
    agent: SentName | None = Field(None, description="Which agent of the team.")
    provider: SentName | None = Field(
        None, description="Whose API it was; it follows from the model where that is clear."
    )
    model: SentName | None = Field(None, description="In any spelling. Not needed where `usage` names it (gen_ai.*).")
    occurred_at: LenientInstant = Field(
        description="When the call was made, UTC if it names no zone. Prices are of then."
    )
    input_tokens: Tokens | None = Field(None, description="Read by the model, cached and written ones included.")
    cached_tokens: Tokens | None = Field(None, description="Those of the input that came out of the cache.")
    cache_write_tokens: Tokens | None = Field(None, description="Those of the input that went into the cache.")
    output_tokens: Tokens | None = Field(None, description="Written by the model, reasoning included.")
    reasoning_tokens: Tokens | None = Field(None, description="Those of the output that were reasoning.")
    total_tokens: Tokens | None = Field(
        None, description="Instead of the counts, where the split is not known: half is taken as output (`estimated`)."
    )
    usage: dict[str, Any] | None = Field(
        None,
        description="Instead of the counts: the usage object of a provider, SDK or gateway, or gen_ai.* attributes. What "
        "was not understood of it is told. Of at most 1,000 commas and brackets.",
    )
    processing: ProcessingName | None = Field(None, description="standard if neither this nor usage says.")
    deliverable: SentName | None = Field(None, description="`ref` of the work that it was spent on.")
    run: SentName | None = Field(None, description="The session or task that it belongs to.")
    parent_run: SentName | None = Field(None, description="The run that started that one.")
    cost_usd: Usd | None = Field(None, description="What the provider says that the call cost.")
    event_id: UUID | None = Field(None, description="Event id of the error that it was spent on.")
    pattern_id: UUID | None = Field(None, description="Id of the pattern that it was spent on.")

    @model_validator(mode="after")
    def says_tokens_once(self) -> Self:
        """Refuse tokens in no form, or in two."""
        counts = [name for name in COUNTS if getattr(self, name) is not None]
        said = [name for name in ("total_tokens", "usage") if getattr(self, name) is not None] + counts[:1]
        if len(said) > 1:
            raise ValueError(f"{said[0]} and {said[1]} say the same thing: send one of them")
        if not said:
            raise ValueError("no tokens: send input_tokens and output_tokens, total_tokens, or usage")
        if counts and (self.input_tokens is None or self.output_tokens is None):
            raise ValueError("input_tokens and output_tokens go together: 0 where there were none")
        if self.model is None and self.usage is None:
            raise ValueError("model is needed")
        return self


class UsageBatchIn(BaseModel):
    """Usage records to store, 1 to 1,000."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"records": [EXAMPLE_RECORD]}]})

    records: list[UsageIn] = Field(min_length=1, description="In any order; each is stored or rejected alone.")


class DeliverableIn(BaseModel):
    """A finished piece of work that tokens are divided by."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"ref": "PR-17", "team": "checkout", "kind": "pull_request", "completed_at": "2026-02-03T12:00:00Z"}
            ]
        },
    )

    ref: Name = Field(description="Names it in this project, as usage records do: a ticket, a pull request.")
    team: Name = Field(description="Whose work it is.")
    kind: Name = Field(description="pull_request, ticket, report...")
    completed_at: Instant = Field(description="When it was finished: its month is the month of the report.")


class DeliverableAnswer(BaseModel):
    """What became of it."""

    ref: str = Field(description="As it was sent: usage records name it as `deliverable`.")
    outcome: str = Field(description="stored, or duplicate when one with this ref was there; that one is unchanged.")
