"""Spans of LLM calls, as OpenTelemetry's conventions for generative AI have them, become usage records. Pure.

Only spans of inference count: that of an agent or a tool says again what its children spent.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from pydantic import ValidationError

from api.ingest.receivers.building import cut_name
from api.ingest.receivers.items import Batch, Item, Parsed, Rejected, sort_out
from api.ingest.receivers.native import describe_rejection
from api.ingest.receivers.otlp.encodings import Encoding, receivers_of
from api.ingest.receivers.otlp.errors import find_text, name_service, to_time
from api.ingest.receivers.otlp.records import Attributes, Bounds, Group, Origin, Signal, Span, Unreadable
from api.ingest.receivers.otlp.spans import SPANS, find_recorded
from api.spending.usage_leaves import NAME_MAX_CHARS
from api.spending.usage_objects import MODEL_NAMES, PROVIDER_NAMES
from api.spending.usage_schemas import UsageIn
from common.settings import Settings

GEN_AI = b"gen_ai."
TOKENS = (
    "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"
)  # fmt: skip
NAMES = frozenset((*MODEL_NAMES, *PROVIDER_NAMES))
USAGE = ("gen_ai.usage.", "llm.token_count.", "llm.usage.", "ai.usage.")
OPERATION, RESPONSE_ID, AGENT = "gen_ai.operation.name", "gen_ai.response.id", "gen_ai.agent.name"
INFERENCE = frozenset({"chat", "text_completion", "generate_content", "embeddings"})
# What spans without an operation go by that are none of inference: their names begin so, or have this attribute.
AGENT_WORDS = ("invoke_agent", "create_agent", "execute_tool")
FRAMEWORK_KIND = "traceloop.span.kind"
# The team is named by an attribute of span or resource; a namespace is that of the team that owns the service.
TEAM_NAMES, NAMESPACE = ("mayday.team", "team"), "service.namespace"
DELIVERABLE = "mayday.deliverable"
NO_TEAM = "unknown"
ANCESTORS_MAX = 32
DISCARDED = "gen_ai_spans"  # beside spans that have only a word in common with them


def may_hold_usage(encoding: Encoding, body: bytes) -> bool:
    """Whether some span of a body may be one of an LLM call."""
    return encoding.may_say(body, GEN_AI)


def read_usage_spans(encoding: Encoding, body: bytes, settings: Settings) -> Batch[UsageIn]:
    """The usage records in a request of spans. Raises Invalid, BodyTooLarge."""
    reading = UsageReading(encoding, settings)
    for group in encoding.groups(body, Signal.traces):
        reading.read_group(group)
    records = sort_out(reading.walk_records())
    return replace(records, discarded=reading.discarded)


RECEIVERS = receivers_of(read_usage_spans)


class UsageReading:
    """Reads the groups of one request: spans that speak of generative AI, and the agents that these name."""

    def __init__(self, encoding: Encoding, settings: Settings) -> None:
        self.encoding = encoding
        self.bounds = Bounds.of(settings)
        self.spans: list[tuple[Origin, Span]] = []
        self.agents: dict[tuple[str, str], tuple[str, str | None]] = {}  # of a span: its parent, and the agent it names
        self.discarded = Counter[str]()

    def read_group(self, group: Group) -> None:
        origin: Origin | None = None
        for raw in group.records:
            if not self.encoding.may_say(raw, GEN_AI):
                continue
            try:
                span = self.encoding.read_span(raw, self.bounds)
                origin = origin or self.encoding.read_origin(group.resource, group.scope, self.bounds)
            except Unreadable:
                self.discarded[SPANS] += 1
                continue
            self.spans.append((origin, span))
            self.agents[span.trace_id, span.span_id] = span.parent_span_id, find_text(span.attributes, (AGENT,))

    def walk_records(self) -> Iterator[Item[UsageIn]]:
        for origin, span in self.spans:
            if is_inference(span):
                yield make_record(span, origin, self.find_agent(span))
            elif not any(find_recorded(span)):  # which makes an error of it
                self.discarded[DISCARDED if speaks_of_ai(span) else SPANS] += 1

    def find_agent(self, span: Span) -> str | None:
        """The agent that a span names, or one of those around it."""
        place = span.span_id
        for _ in range(ANCESTORS_MAX):
            place, agent = self.agents.get((span.trace_id, place), ("", None))
            if agent or not place:
                return agent
        return None


def speaks_of_ai(span: Span) -> bool:
    return any(name.startswith(GEN_AI.decode()) for name in span.attributes)


def is_inference(span: Span) -> bool:
    """Whether a span is that of one call to a model, with the tokens that it took."""
    attributes = span.attributes
    if not any(attributes.get(name) is not None for name in TOKENS):
        return False
    operation = attributes.get(OPERATION)
    if operation is None:
        return FRAMEWORK_KIND not in attributes and not span.name.startswith(AGENT_WORDS)
    return str(operation).lower() in INFERENCE


def is_of_usage(name: str) -> bool:
    """Whether an attribute is about what was spent: also one that is not known yet, so that it is told."""
    return name in NAMES or name.startswith(USAGE) or name.endswith(("service_tier", "inference_geo"))


def make_record(span: Span, origin: Origin, agent: str | None) -> Item[UsageIn]:
    attributes = span.attributes
    occurred_at = to_time(span.start_ns or span.end_ns)
    if occurred_at is None:
        return Rejected("missing_field", "start_time_unix_nano: a span of an LLM call without a time")
    team, service = name_team(attributes, origin.resource)
    try:
        record = UsageIn(
            event_key=name_call(span),
            team=team,
            agent=cut_name(agent or service),
            occurred_at=occurred_at,
            usage={name: value for name, value in attributes.items() if is_of_usage(name)},
            deliverable=cut_name(find_text(attributes, (DELIVERABLE,))),
        )
    except ValidationError as invalid:
        return describe_rejection(invalid)
    return Parsed(record)


def name_team(attributes: Attributes, resource: Attributes) -> tuple[str, str | None]:
    """The team, and the service where that is not the team's name already."""
    told = find_text(attributes, TEAM_NAMES) or find_text(resource, (*TEAM_NAMES, NAMESPACE))
    service = name_service(resource) or None
    return (cut_name(told) or NO_TEAM, service) if told else (cut_name(service) or NO_TEAM, None)


def name_call(span: Span) -> str:
    """What names the call for ever: the provider's id of its response, else the span's."""
    response_id = find_text(span.attributes, (RESPONSE_ID,))
    if response_id and len(response_id) <= NAME_MAX_CHARS:
        return response_id
    return f"{span.trace_id}:{span.span_id}"
