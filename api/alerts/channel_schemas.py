"""What is sent about channels, and what is answered: where a channel leads to in a few words, never its secrets but for the
one moment in which one is made."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator
from typing_extensions import TypeAliasType

from api.fields import Name
from common.alerts.targets import URL_CHARS

Url = Annotated[str, Field(min_length=1, max_length=URL_CHARS)]
MailAddress = Annotated[str, Field(min_length=3, max_length=254)]
PerHour = Annotated[int, Field(ge=1, le=10_000)]
MAX_PER_HOUR = 60
CAP = f"Messages an hour at most, {MAX_PER_HOUR} if not said; what is beyond is held back, and counted."


class WebhookIn(BaseModel):
    """A URL that messages are posted to as JSON, signed by Standard Webhooks."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "hook", "kind": "webhook", "url": "https://shop.example/alerts"}]},
    )

    name: Name = Field(description="Names it in this project.")
    kind: Literal["webhook"] = Field(description="Which kind of channel it is.")
    url: Url = Field(description="http or https, without user and password.")
    max_per_hour: PerHour | None = Field(None, description=CAP)


class EmailIn(BaseModel):
    """Mail by an SMTP server of yours."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "on call",
                    "kind": "email",
                    "url": "smtp://mail.shop.example:587",
                    "from": "mayday@shop.example",
                    "to": ["ops@shop.example"],
                }
            ]
        },
    )

    name: Name = Field(description="Names it in this project.")
    kind: Literal["email"] = Field(description="Which kind of channel it is.")
    url: Url = Field(
        description="smtp://user:password@host:587 (a password goes over STARTTLS alone), or smtps://user:password@host:465."
    )
    sender: MailAddress = Field(alias="from", description="The address that mail is from.")
    recipients: list[MailAddress] = Field(alias="to", min_length=1, max_length=20, description="Who it is for.")
    max_per_hour: PerHour | None = Field(None, description=CAP)


class ChatIn(BaseModel):
    """A chat or a pager, by a URL of Apprise: Slack, Teams, Discord, Telegram, ntfy, PagerDuty and others."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "phone", "kind": "chat", "url": "ntfys://ntfy.shop.example/alerts"}]},
    )

    name: Name = Field(description="Names it in this project.")
    kind: Literal["chat"] = Field(description="Which kind of channel it is.")
    url: Url = Field(description="Such as slack://..., workflows://... (Teams), discord://..., pagerduty://...")
    max_per_hour: PerHour | None = Field(None, description=CAP)


ChannelIn = TypeAliasType("ChannelIn", Annotated[WebhookIn | EmailIn | ChatIn, Field(discriminator="kind")])


class ChannelChange(BaseModel):
    """What to change of a channel; its kind makes it another one. What it leads to is told anew as a whole."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"max_per_hour": 10}], "minProperties": 1}
    )

    name: Name | None = Field(None, description="Names it in this project from now on.")
    url: Url | None = Field(None, description="As when it was made. A webhook keeps its secret.")
    sender: MailAddress | None = Field(None, alias="from", description="Of e-mail.")
    recipients: list[MailAddress] | None = Field(
        None, alias="to", min_length=1, max_length=20, description="Of e-mail: these instead of all others."
    )
    max_per_hour: PerHour | None = Field(None, description="Messages an hour at most.")

    @model_validator(mode="after")
    def changes_something(self) -> Self:
        """Refuse a change that says nothing."""
        if not self.model_dump(exclude_none=True):
            raise ValueError("nothing to do: say name, url, from, to or max_per_hour")
        return self

    def place(self) -> dict[str, Any]:
        """What it says of where the channel leads to."""
        return self.model_dump(include={"url", "sender", "recipients"}, exclude_none=True)


class ChannelOut(BaseModel):
    """One channel."""

    id: UUID = Field(description="Stays through every change.")
    name: str = Field(description="Of one channel in the project; may be changed.")
    kind: str = Field(description="webhook, email or chat; more may come.")
    leads_to: str = Field(description="Where to, in a few words, without secrets.")
    max_per_hour: int = Field(description="Messages an hour at most.")
    created_at: datetime = Field(description="When it was made, UTC.")
    last_sent_at: datetime | None = Field(description="When the other side took a message last; null for never.")
    last_failed_at: datetime | None = Field(description="When it did not, or could not be reached.")
    last_failure: str | None = Field(description="What it said then, or why it could not be reached.")


class ChannelMade(ChannelOut):
    """A channel that was made just now."""

    secret: str | None = Field(
        description="Of a webhook: what its requests are signed with. It is shown now and never again. null for others."
    )


class ChannelPage(BaseModel):
    """Some channels, oldest first, and where to go on."""

    channels: list[ChannelOut] = Field(description="Oldest first.")
    next: UUID | None = Field(description="Give it as `cursor` for the channels after these; null at the end.")


class SecretMade(BaseModel):
    """A new secret of a webhook."""

    secret: str = Field(description="What requests are signed with from now on. It is shown now and never again.")
    old_secret_until: datetime = Field(description="Until then they are signed with the one before too, UTC.")


class ChannelTest(BaseModel):
    """A test message, and what became of it."""

    id: UUID = Field(description="Of the test; the message carries it.")
    channel_id: UUID = Field(description="Of the channel that it was sent through.")
    outcome: str = Field(description="accepted, failed, or waiting while the worker has not sent it yet.")
    told: str | None = Field(
        description="What the other side said, or why it could not be reached; null while waiting."
    )
    asked_at: datetime = Field(description="When the test was asked for, UTC.")
    answered_at: datetime | None = Field(description="When the worker knew how it went; null while waiting.")
