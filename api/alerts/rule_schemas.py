"""What is sent about rules of alerts, and what is answered."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from api.fields import NO_NUL, Instant, Name
from common.alerts.rules import AlertWord, Digest, If, QuietHours, RuleTerms, Trigger

Channels = Annotated[list[UUID], Field(max_length=20)]


class RuleIn(RuleTerms):
    """A rule: when, if, then."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        json_schema_extra={
            "examples": [
                {
                    "name": "new in production",
                    "when": ["new", "regressed", {"more_than": {"errors": 100, "minutes": 5}}],
                    "if": {"all": [{"environment": "production"}, {"least_severity": "error"}]},
                    "channels": [],
                    "armed": False,
                }
            ]
        },
    )

    name: Name = Field(description="Names it in this project.")
    channels: Channels = Field([], description="Ids of the channels that it tells; see /api/alerts/channels.")
    armed: bool = Field(False, strict=True, description="Whether it is gone by. One that is armed needs a channel.")

    @model_validator(mode="after")
    def has_somewhere_to_go(self) -> Self:
        """Refuse an armed rule that tells nobody."""
        if self.armed and not self.channels:
            raise ValueError(
                "channels: a rule that is armed needs one at least; make it with armed false to try it first"
            )
        return self


class RuleChange(BaseModel):
    """What to change of a rule; the rest stays."""

    model_config = ConfigDict(
        extra="forbid", populate_by_name=True, json_schema_extra={"examples": [{"armed": True}], "minProperties": 1}
    )

    name: Name | None = Field(None, description="Names it from now on.")
    when: list[AlertWord | Trigger] | None = Field(None, min_length=1, max_length=20, description="These instead.")
    if_: If | None = Field(None, alias="if", description="These instead; null: none.")
    throttle_minutes: int | None = Field(None, ge=0, le=43_200, strict=True, description="As in a new rule.")
    gather_minutes: int | None = Field(None, ge=0, le=1_440, strict=True, description="As in a new rule.")
    follow_up: bool | None = Field(None, strict=True, description="As in a new rule.")
    digest: Digest | None = Field(None, description="null: none.")
    quiet: QuietHours | None = Field(None, description="null: none.")
    channels: Channels | None = Field(None, description="These instead.")
    armed: bool | None = Field(None, strict=True, description="Whether it is gone by.")

    @model_validator(mode="after")
    def changes_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("nothing to do: say what to change")
        return self

    def said(self) -> dict[str, Any]:
        """What was said, as `RuleIn` takes it; null for what is to be as in a rule that says nothing of it."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


class RuleOut(RuleTerms):
    """One rule."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    id: UUID = Field(description="Stays through every change.")
    name: str = Field(description="Of one rule in the project.")
    channels: list[UUID] = Field(description="Ids of the channels that it tells.")
    armed: bool = Field(description="Whether it is gone by.")
    created_at: datetime = Field(description="UTC.")
    changed_at: datetime = Field(description="UTC.")
    fired_last_7_days: int = Field(
        description="How many messages it made in the last seven days; one to several channels is one."
    )


class RulePage(BaseModel):
    """Rules, oldest first."""

    rules: list[RuleOut] = Field(description="Those of this page.")
    next: UUID | None = Field(description="What to send as `cursor` for the next page; null on the last.")


class PreviewIn(RuleTerms):
    """A rule as it may be sent to be stored, and how far to look back. Name, channels and armed change nothing."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        json_schema_extra={"examples": [{"when": ["new"], "if": {"all": [{"environment": "production"}]}, "days": 7}]},
    )

    days: int = Field(7, ge=1, le=30, strict=True, description="How far to look back.")
    name: Name = Field("preview", description="What its messages say that they are of.")
    channels: Channels = Field([], description="Of no effect.")
    armed: bool = Field(False, description="Of no effect.")


class PreviewedMessage(BaseModel):
    """One message as it would have been sent."""

    fired_at: datetime = Field(description="When what it tells happened, the first of it.")
    due_at: datetime = Field(description="When it would have been sent: later with a digest and in quiet hours.")
    kind: str = Field(description="What its first change is called: new, regressed, spiking...; more may come.")
    title: str = Field(description="Its first line.")
    lines: list[str] = Field(description="What it says.")
    incident: str = Field(description="Messages of one thread have one.")
    severity: str | None = Field(description="The worst; null where it tells of no errors.")
    service: str | None = Field(description="The one with most errors.")
    environment: str | None = Field(description="The one with most errors.")
    changes: int = Field(description="How many changes it tells.")


class Preview(BaseModel):
    """What a rule would have sent."""

    since: datetime = Field(description="From when on, UTC.")
    until: datetime = Field(description="Up to when: now.")
    fired: int = Field(description="Messages, to each of its channels.")
    per_day: float = Field(description="The same by the day, over the time of which something is known.")
    messages: list[PreviewedMessage] = Field(description="The latest hundred, newest first.")
    unanswered: list[str] = Field(description="What history cannot answer, in sentences; empty where it can.")


class MuteIn(BaseModel):
    """What nobody wants to hear of for a while: all that meets what is said; of a pattern, by a rule, on a channel."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"pattern": "01981e5f-6a00-7000-8000-000000000000", "minutes": 60}],
            "minProperties": 1,
        },
    )

    pattern: UUID | None = Field(None, description="Id of a pattern, or of an incident, a budget.")
    rule: UUID | None = Field(None, description="Id of a rule.")
    channel: UUID | None = Field(None, description="Id of a channel.")
    everything: bool = Field(False, strict=True, description="All messages of the project; alone.")
    minutes: int | None = Field(None, ge=1, le=525_600, strict=True, description="For so long. Neither: an hour.")
    until: Instant | None = Field(None, description="Until then.")
    note: str | None = Field(None, max_length=2_000, pattern=NO_NUL, description="Why.")

    @model_validator(mode="after")
    def says_what(self) -> Self:
        """Refuse a mute of nothing in particular that does not say so, and two ends."""
        is_some = any(one is not None for one in (self.pattern, self.rule, self.channel))
        if is_some == self.everything:
            raise ValueError("say pattern, rule or channel, or everything alone")
        if self.minutes is not None and self.until is not None:
            raise ValueError("minutes and until cannot be said at once")
        return self


class MuteOut(BaseModel):
    """One mute that holds."""

    id: UUID = Field(description="Names this mute.")
    pattern: UUID | None = Field(description="Of what; null: of anything.")
    rule: UUID | None = Field(description="By which rule; null: by any.")
    channel: UUID | None = Field(description="On which channel; null: on any.")
    made_at: datetime = Field(description="UTC.")
    until: datetime = Field(description="When it is over, UTC.")
    made_by: str = Field(description="Id of the key.")
    note: str | None = Field(description="Why.")


class MuteList(BaseModel):
    """The mutes that hold now, oldest first."""

    mutes: list[MuteOut] = Field(description="Those that hold.")


class NotificationOut(BaseModel):
    """One message that was owed to one channel."""

    id: UUID = Field(description="The same in every try: receivers know a duplicate by it.")
    rule: UUID | None = Field(description="Id of the rule; null for what a channel is told of itself.")
    channel: UUID = Field(description="Id of the channel.")
    state: str = Field(
        description="due, sent, dead (given up after a day), muted, held (beyond what the channel may get in an hour),"
        " reported (held, and a later message said so); more may come."
    )
    title: str = Field(description="Of its first change.")
    kind: str = Field(description="What its first change is called.")
    changes: int = Field(description="How many changes it tells.")
    made_at: datetime = Field(description="With the change that it tells, UTC.")
    due_at: datetime = Field(description="When it is to be sent, UTC.")
    ended_at: datetime | None = Field(description="When it was sent, or given up; null while it is due.")
    attempts: int = Field(description="Tries so far.")
    told: str = Field(description="What the receiver said last.")


class NotificationPage(BaseModel):
    """Messages, newest first."""

    notifications: list[NotificationOut] = Field(description="Those of this page.")
    next: UUID | None = Field(description="What to send as `cursor` for the next page; null on the last.")
