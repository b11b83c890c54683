"""Rules of alerts: when, if, then, as they are sent and stored, and whether a change meets one. Pure.

One definition for all who speak of rules: the API that takes them, the worker that goes by them, the preview.
"""

from collections.abc import Callable, Mapping
from datetime import time
from functools import cached_property
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_serializer, model_validator
from typing_extensions import TypeAliasType

from common.alerts.changes import Change
from common.buckets import BUCKET_MINUTES
from common.budgets.periods import find_zone
from common.severities import Severity, SeverityWord

AlertWord = TypeAliasType(
    "AlertWord",
    Literal[
        "new",
        "regressed",
        "spiking",
        "rising",
        "incident",
        "first_in_release",
        "resolved",
        "budget",
        "breach",
        "spend",
        "silent",
        "worker_late",
        "disk",
        "undelivered",
    ],
)
RuleState = TypeAliasType("RuleState", Literal["new", "ongoing", "regressed", "resolved"])
RateScope = TypeAliasType("RateScope", Literal["pattern", "project"])
RuleSeverity = TypeAliasType("RuleSeverity", SeverityWord)
Text = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00]*$")]
Texts = Text | Annotated[list[Text], Field(min_length=1, max_length=50)]
DEFAULT_CHANCE = 0.5
CHANCE_STEPS = 20  # chances are told in steps of a twentieth
LOCAL_TIME = r"^([01]\d|2[0-3]):[0-5]\d$"
MAX_CONDITIONS = 20

STRICT = ConfigDict(extra="forbid", frozen=True)


class Rate(BaseModel):
    """More than so many errors within so many minutes."""

    model_config = STRICT

    errors: int = Field(ge=1, le=10**12, strict=True, description="More than so many.")
    minutes: int = Field(
        ge=BUCKET_MINUTES,
        le=1_440,
        multiple_of=BUCKET_MINUTES,
        strict=True,
        description="Within so many, in steps of five: the buckets that errors are counted in.",
    )
    per: RateScope = Field("pattern", description="Of one pattern, or of all errors together that meet `if`.")


class OneOf(BaseModel):
    """Says exactly one of its fields, and is written as no more than that."""

    model_config = STRICT | ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    @model_serializer(mode="wrap")
    def write(self, handler):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201, RUF100 - a type would be the answer's schema
        """What is said."""
        return {name: value for name, value in handler(self).items() if value is not None}


class Trigger(OneOf):
    """One change that is told, with a number: exactly one field."""

    more_than: Rate | None = Field(None, description="More than N errors in M minutes.")
    budget: float | None = Field(
        None, gt=0, le=1_000, description="A budget crossed one of its thresholds, of so many percent or more."
    )
    breach: float | None = Field(
        None, gt=0, lt=1, description="The chance that a budget will be exceeded reached this, in steps of 0.05."
    )

    @model_validator(mode="after")
    def says_one_thing(self) -> Self:
        """Refuse none, two, and chances between the steps."""
        if len(self.model_dump()) != 1:
            raise ValueError("one of more_than, budget and breach; several changes are several entries of `when`")
        if self.breach is not None and abs(self.breach * CHANCE_STEPS - round(self.breach * CHANCE_STEPS)) > 1e-9:
            raise ValueError("breach is a chance in steps of 0.05, such as 0.8")
        return self


class Tag(BaseModel):
    """A tag that the latest error has."""

    model_config = STRICT

    name: Text = Field(description="What it is called.")
    value: Text | None = Field(None, description="Any, if not said.")


class Condition(OneOf):
    """One thing that must be so: exactly one field. Of a list, one of its entries."""

    service: Texts | None = Field(None, description="Some of the errors are of this service.")
    environment: Texts | None = Field(
        None, description='Some are of this environment; "" is that of those without one.'
    )
    severity: RuleSeverity | list[RuleSeverity] | None = Field(None, description="The worst of them has it.")
    least_severity: RuleSeverity | None = Field(None, description="The worst of them has it, or a worse one.")
    release: Texts | None = Field(None, description="The latest error is of this release.")
    title: Texts | None = Field(None, description="Part of the title, in any case of letters.")
    tag: Tag | None = Field(None, description="The latest error has this tag.")
    state: RuleState | list[RuleState] | None = Field(None, description="Of the pattern.")
    least_count: int | None = Field(None, ge=1, le=10**15, strict=True, description="So many errors, or more.")

    @model_validator(mode="after")
    def says_one_thing(self) -> Self:
        """Refuse none, and two."""
        if len(self.model_dump()) != 1:
            raise ValueError(f"each condition says one of {', '.join(type(self).model_fields)}")
        return self

    @cached_property
    def field(self) -> str:
        return next(iter(self.model_dump()))

    @property
    def said(self) -> Any:
        return getattr(self, self.field)

    def holds(self, facts: Mapping[str, Any]) -> bool | None:
        """Whether it is so; None where these facts know nothing of it, since a budget has no service."""
        key, compare = COMPARED[self.field]
        return compare(self.said, facts[key]) if key in facts else None


def listed(said: Any) -> list[Any]:
    return said if isinstance(said, list) else [said]


def is_among(said: Any, there: Any) -> bool:
    return not set(listed(said)).isdisjoint(there)


def is_one(said: Any, there: Any) -> bool:
    return there in listed(said)


def is_at_least(said: str, there: str) -> bool:
    return there in Severity.__members__ and Severity[there] >= Severity[said]


def is_part(said: Any, there: str) -> bool:
    return any(part.casefold() in there.casefold() for part in listed(said))


def has_tag(said: Tag, there: Mapping[str, str]) -> bool:
    return said.name in there if said.value is None else there.get(said.name) == said.value


# The fact that each condition asks for, and how they are compared.
COMPARED: Mapping[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "service": ("services", is_among),
    "environment": ("environments", is_among),
    "severity": ("severity", is_one),
    "least_severity": ("severity", is_at_least),
    "release": ("releases", is_among),
    "title": ("title", is_part),
    "tag": ("tags", has_tag),
    "state": ("state", is_one),
    "least_count": ("count", lambda said, there: there >= said),
}

Conditions = Annotated[tuple[Condition, ...], Field(max_length=MAX_CONDITIONS)]


class If(BaseModel):
    """What must be so beside the change: all of these, any of those, none of those."""

    model_config = STRICT

    all: Conditions = Field((), description="Each of them holds.")
    any: Conditions = Field((), description="One of them holds at least, if there are any.")
    none: Conditions = Field((), description="None of them holds.")

    @model_validator(mode="before")
    @classmethod
    def takes_short_forms(cls, sent: Any) -> Any:
        """A list stands for `all`, and a single condition for a list of it."""
        if isinstance(sent, list):
            return {"all": sent}
        if isinstance(sent, dict) and sent and not sent.keys() & {"all", "any", "none"}:
            return {"all": [{name: value} for name, value in sent.items()]}
        return sent

    def holds(self, facts: Mapping[str, Any]) -> bool:
        """A condition of which the facts know nothing forbids nothing."""
        told = [[one.holds(facts) for one in some] for some in (self.all, self.any, self.none)]
        known = [value for value in told[1] if value is not None]
        return False not in told[0] and (not known or True in known) and True not in told[2]


class LocalDay(BaseModel):
    """What times of the day are said in."""

    model_config = STRICT

    timezone: str = Field("UTC", max_length=60, description="IANA name.")

    @field_validator("timezone")
    @classmethod
    def is_known(cls, name: str) -> str:
        find_zone(name)
        return name


class Digest(LocalDay):
    """All of a day in one message."""

    at: str = Field(pattern=LOCAL_TIME, description="Local time at which it is sent, as 09:00.")

    @property
    def time(self) -> time:
        return time.fromisoformat(self.at)


class QuietHours(LocalDay):
    """When nothing is sent; what waits is sent after them in one message."""

    model_config = STRICT | ConfigDict(populate_by_name=True)

    since: str = Field(alias="from", pattern=LOCAL_TIME, description="Local time, as 22:00.")
    to: str = Field(pattern=LOCAL_TIME, description="Local time, as 07:00; before `from` it is on the next day.")

    @model_validator(mode="after")
    def is_not_empty(self) -> Self:
        if self.since == self.to:
            raise ValueError("quiet hours begin and end at different times; to send nothing at all, disarm the rule")
        return self

    def holds(self, local: time) -> bool:
        begin, end = time.fromisoformat(self.since), time.fromisoformat(self.to)
        return begin <= local < end if begin < end else local >= begin or local < end


class RuleTerms(BaseModel):
    """When a rule fires, for what, and how often: what is stored of it beside its name and channels."""

    model_config = STRICT | ConfigDict(populate_by_name=True)

    when: tuple[AlertWord | Trigger, ...] = Field(
        min_length=1,
        max_length=20,
        description="Any of these changes. Words, or an object where a number belongs to it.",
    )
    if_: If = Field(If(), alias="if", description="What must be so beside it.")
    throttle_minutes: int = Field(
        60,
        ge=0,
        le=43_200,
        strict=True,
        description="So long nothing more is sent of one pattern, unless it got worse.",
    )
    gather_minutes: int = Field(
        0,
        ge=0,
        le=1_440,
        strict=True,
        description="After something of a service was told, what else comes of it within so many minutes goes into one message "
        "at their end, unless it is worse.",
    )
    follow_up: bool = Field(
        True,
        strict=True,
        description="Whether it is also told, in the same thread, that what was told got worse or is over.",
    )
    digest: Digest | None = Field(None, description="One message a day instead of one a time.")
    quiet: QuietHours | None = Field(None, description="Hours in which nothing is sent.")

    @property
    def rates(self) -> tuple[Rate, ...]:
        return tuple(one.more_than for one in self.when if isinstance(one, Trigger) and one.more_than is not None)


class Rule(RuleTerms):
    """One rule of a project, as it is gone by."""

    rule_id: UUID
    name: str
    channels: tuple[UUID, ...] = ()

    def wants(self, change: Change) -> bool:
        """Whether the change is one that it is about, and what must be so beside it is. What people ignore is never told."""
        if change.facts.get("state") == "ignored":
            return False
        is_met = any(self.is_met(one, change) for one in self.when)
        # where many errors are told, those that meet `if` were counted
        return is_met and (change.name == "many" or self.if_.holds(change.facts))

    def is_met(self, trigger: AlertWord | Trigger, change: Change) -> bool:
        facts = change.facts
        if not isinstance(trigger, Trigger):
            return WORDS[trigger](change)
        if trigger.more_than is not None:
            return (
                change.name == "many" and facts.get("rule") == str(self.rule_id) and is_rate(trigger.more_than, facts)
            )
        if trigger.budget is not None:
            return change.name == "crossed" and facts.get("percent", 0) >= trigger.budget
        return reaches(change, trigger.breach or DEFAULT_CHANCE)


def is_rate(rate: Rate, facts: Mapping[str, Any]) -> bool:
    return facts.get("rate") == rate.model_dump()


def reaches(change: Change, chance: float) -> bool:
    """Whether the chance of a breach reached this one now, and had not before."""
    bar = chance - 1e-9
    return change.name == "breach" and change.facts.get("chance", 0) >= bar > change.facts.get("chance_before", 0)


def is_named(name: str) -> Callable[[Change], bool]:
    return lambda change: change.name == name


ALIKE = ("new", "regressed", "spiking", "rising", "incident", "resolved", "spend", "silent", "disk", "undelivered")
WORDS: Mapping[str, Callable[[Change], bool]] = {
    **{name: is_named(name) for name in ALIKE},
    "first_in_release": lambda change: change.name in {"new", "regressed"} and bool(change.facts.get("is_new_release")),
    "budget": is_named("crossed"),
    "breach": lambda change: reaches(change, DEFAULT_CHANCE),
    "worker_late": is_named("late"),
}
