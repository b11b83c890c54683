"""The reads of alerts: rules, mutes, what was sent and what is owed, as entries of the catalogue."""

from typing import Any, Literal
from uuid import UUID

from pydantic import Field
from typing_extensions import TypeAliasType

from api.alerts.notifications import list_notifications
from api.alerts.rule_routes import describe, describe_mute, require_rule
from api.alerts.rule_schemas import MuteList, MuteOut, NotificationOut, NotificationPage, RuleOut, RulePage
from api.reads.catalogue import Asked, BuildContext, Read, seconds
from api.reads.forms import Table, alone, names_of
from api.reads.parameters import FormQuery, some_of
from common.alerts import mutes, rule_rows

RULES = Table("rules", names_of(RuleOut), ("id", "name", "armed", "when", "if", "channels"))
RULE = alone(RuleOut)
MUTES = Table("mutes", tuple(MuteOut.model_fields), ("id", "pattern", "rule", "channel", "until", "note"))
NOTIFICATIONS = Table(
    "notifications", tuple(NotificationOut.model_fields), ("made_at", "state", "kind", "title", "attempts", "told")
)
NotificationState = TypeAliasType("NotificationState", Literal["due", "sent", "dead", "muted", "held", "reported"])


class RulesQuery(FormQuery):
    """Which rules are wanted."""

    fields: str | None = some_of(RULES)
    limit: int = Field(100, ge=1, le=200, description="How many at most.")
    cursor: UUID | None = Field(None, description="`next` of the page before.")


class RuleQuery(FormQuery):
    """The form that one rule is wanted in."""

    fields: str | None = some_of(RULE)


class MutesQuery(FormQuery):
    """The form that the mutes are wanted in."""

    fields: str | None = some_of(MUTES)


class NotificationsQuery(FormQuery):
    """Which messages are wanted."""

    fields: str | None = some_of(NOTIFICATIONS)
    state: NotificationState | None = Field(None, description="Only those of this state.")
    limit: int = Field(100, ge=1, le=200, description="How many at most.")
    cursor: UUID | None = Field(None, description="`next` of the page before.")


async def build_rule_page(context: BuildContext, asked: Asked[RulesQuery]) -> bytes:
    limit = asked.params.limit
    async with context.deciding(asked.project_id).connect() as connection:
        rows = await rule_rows.list_rules(connection, asked.project_id, limit=limit + 1, after=asked.params.cursor)
    page = RulePage(
        rules=[describe(row) for row in rows[:limit]], next=rows[limit - 1].rule_id if len(rows) > limit else None
    )
    return page.model_dump_json(by_alias=True).encode()


async def build_rule(context: BuildContext, asked: Asked[RuleQuery]) -> bytes:
    """Raises NotFound."""
    async with context.deciding(asked.project_id).connect() as connection:
        row = await require_rule(connection, asked.project_id, asked.id)
    return describe(row).model_dump_json(by_alias=True).encode()


async def build_mutes(context: BuildContext, asked: Asked[MutesQuery]) -> bytes:
    async with context.deciding(asked.project_id).connect() as connection:
        rows = await mutes.list_rows(connection, asked.project_id)
    return MuteList(mutes=[describe_mute(row) for row in rows]).model_dump_json().encode()


async def build_notifications(context: BuildContext, asked: Asked[NotificationsQuery]) -> bytes:
    params = asked.params
    async with context.reading(asked.project_id).connect() as connection:
        page = await list_notifications(
            connection, asked.project_id, state=params.state, limit=params.limit, after=params.cursor
        )
    return page.model_dump_json().encode()


RULE_PAGE = Read(
    operation="list_alert_rules",
    path="/api/alerts/rules",
    tags=("alerts",),
    summary="Rules of this project",
    description="The rules, oldest first, page by page. Each project has some from the start, unarmed.",
    params=RulesQuery,
    answer=RulePage,
    table=RULES,
    build=build_rule_page,
    max_age_seconds=seconds(0),
)
ONE_RULE = Read(
    operation="get_alert_rule",
    path="/api/alerts/rules/{rule_id}",
    tags=("alerts",),
    summary="One rule",
    description="",
    params=RuleQuery,
    answer=RuleOut,
    table=RULE,
    build=build_rule,
    max_age_seconds=seconds(0),
)
MUTE_LIST = Read(
    operation="list_alert_mutes",
    path="/api/alerts/mutes",
    tags=("alerts",),
    summary="What is muted",
    description="The mutes that hold now, oldest first.",
    params=MutesQuery,
    answer=MuteList,
    table=MUTES,
    build=build_mutes,
    max_age_seconds=seconds(0),
)
NOTIFICATION_PAGE = Read(
    operation="list_notifications",
    path="/api/alerts/notifications",
    tags=("alerts",),
    summary="Messages that were sent, and that are owed",
    description="One for each message and channel, newest first, with what its receiver said.",
    params=NotificationsQuery,
    answer=NotificationPage,
    table=NOTIFICATIONS,
    build=build_notifications,
    max_age_seconds=seconds(0),
)
READS: tuple[Read[Any], ...] = (RULE_PAGE, ONE_RULE, MUTE_LIST, NOTIFICATION_PAGE)
