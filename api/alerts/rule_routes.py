"""The routes that change rules of alerts, mute, and try a rule on what was."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import uuid_utils.compat
from fastapi import Request, Response
from pydantic import ValidationError
from sqlalchemy import Row
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from api.access.keys import AdminCaller, ReadCaller, TriageCaller
from api.access.routers import Router
from api.access.shares import share_of
from api.alerts.preview import preview_rule
from api.alerts.rule_schemas import MuteIn, MuteOut, Preview, PreviewIn, RuleChange, RuleIn, RuleOut
from api.http.problems import PROBLEM_RESPONSE, Conflict, Invalid, NotFound
from common.alerts import mutes, rule_rows
from common.alerts.channels import find_channel
from common.alerts.mutes import Mute
from common.alerts.rules import Rule, RuleTerms
from common.database.clock import CLOCK

router = Router(prefix="/api/alerts", tags=["alerts"])
NAME_TAKEN = "this project has a rule named {!r}: choose another name, or delete that one"
NO_RULE = "there is no rule with this id in this project: see /api/alerts/rules"
NO_CHANNEL = "channels: there is no channel {} in this project: see /api/alerts/channels"
TOO_MANY = f"a project has {rule_rows.RULES_MAX} rules at most: delete one first"
MUTE_MINUTES = 60
TERMS = set(RuleTerms.model_fields)


@router.post("/rules", status_code=201, responses={409: PROBLEM_RESPONSE}, summary="Make a rule")
async def create_alert_rule(request: Request, response: Response, caller: AdminCaller, sent: RuleIn) -> RuleOut:
    """Make a rule. One that is armed is gone by from the next change on."""
    async with share_of(request, caller.project_id).begin() as connection:
        await require_channels(connection, caller.project_id, sent.channels)
        if await rule_rows.count_rules(connection, caller.project_id) >= rule_rows.RULES_MAX:
            raise Conflict(TOO_MANY)
        rule_id = await rule_rows.add_rule(
            connection, caller.project_id, sent.name, sent, channels=sent.channels, is_armed=sent.armed
        )
        if rule_id is None:
            raise Conflict(NAME_TAKEN.format(sent.name))
        response.headers["Location"] = f"{router.prefix}/rules/{rule_id}"
        return describe(await require_rule(connection, caller.project_id, rule_id))


@router.patch("/rules/{rule_id}", responses={409: PROBLEM_RESPONSE}, summary="Change a rule, arm it, disarm it")
async def change_alert_rule(request: Request, caller: AdminCaller, rule_id: UUID, change: RuleChange) -> RuleOut:
    """Change what is said and leave the rest. It is gone by so from the next change of state on."""
    try:
        async with share_of(request, caller.project_id).begin() as connection:
            whole = merge(await require_rule(connection, caller.project_id, rule_id), change)
            await require_channels(connection, caller.project_id, whole.channels)
            await rule_rows.change_rule(
                connection, caller.project_id, rule_id,
                name=whole.name, terms=whole, channels=whole.channels, is_armed=whole.armed,
            )  # fmt: skip
            return describe(await require_rule(connection, caller.project_id, rule_id))
    except IntegrityError as error:
        raise Conflict(NAME_TAKEN.format(change.name)) from error


@router.delete("/rules/{rule_id}", status_code=204, summary="Delete a rule")
async def delete_alert_rule(request: Request, caller: AdminCaller, rule_id: UUID) -> Response:
    """Delete a rule. What it owed by then is still sent."""
    async with share_of(request, caller.project_id).begin() as connection:
        if not await rule_rows.remove_rule(connection, caller.project_id, rule_id):
            raise NotFound(NO_RULE)
    return Response(status_code=204)


@router.post("/preview", summary="What would a rule have sent?")
async def preview_alert_rule(request: Request, caller: ReadCaller, sent: PreviewIn) -> Preview:
    """What the rule would have sent in the last days, had it been armed, by the very evaluator that goes by armed rules, each
    message as it would have been. Mutes, and what a channel may get in an hour, are left out of it."""
    rule = Rule(rule_id=uuid_utils.compat.uuid7(), name=sent.name, **terms_of(sent))
    settings = request.state.settings
    async with share_of(request, caller.project_id).connect() as connection:
        return await preview_rule(connection, caller.project_id, rule, sent.days, settings.public_url)


@router.post("/mutes", status_code=201, summary="Mute a pattern, a rule, a channel for a while")
async def create_alert_mute(request: Request, response: Response, caller: TriageCaller, sent: MuteIn) -> MuteOut:
    """Nothing of it is sent from now on until then. What was not sent meanwhile is not sent later."""
    until = sent.until or CLOCK.now() + timedelta(minutes=sent.minutes or MUTE_MINUTES)
    if until <= CLOCK.now():
        raise Invalid("until must be in the future")
    mute = Mute(sent.pattern, sent.rule, sent.channel)
    async with share_of(request, caller.project_id).begin() as connection:
        mute_id = await mutes.add_mute(
            connection, caller.project_id, mute, until=until, made_by=caller.key_id, note=sent.note
        )
        rows = await mutes.list_rows(connection, caller.project_id)
    response.headers["Location"] = f"{router.prefix}/mutes/{mute_id}"
    return next(describe_mute(row) for row in rows if row.mute_id == mute_id)


@router.delete("/mutes/{mute_id}", status_code=204, summary="Hear of it again")
async def delete_alert_mute(request: Request, caller: TriageCaller, mute_id: UUID) -> Response:
    """End a mute before its time."""
    async with share_of(request, caller.project_id).begin() as connection:
        if not await mutes.remove_mute(connection, caller.project_id, mute_id):
            raise NotFound("there is no mute with this id in this project, or it is over")
    return Response(status_code=204)


async def require_rule(connection: AsyncConnection, project_id: UUID, rule_id: UUID) -> Row[Any]:
    """The rule as it is stored. Raises NotFound."""
    row = await rule_rows.find_rule(connection, project_id, rule_id)
    if row is None:
        raise NotFound(NO_RULE)
    return row


async def require_channels(connection: AsyncConnection, project_id: UUID, channels: list[UUID]) -> None:
    """Raises Invalid for one that the project does not have."""
    for channel_id in channels:
        if await find_channel(connection, project_id, channel_id) is None:
            raise Invalid(NO_CHANNEL.format(channel_id))


def merge(row: Row[Any], change: RuleChange) -> RuleIn:
    """The rule with what was said. Raises Invalid where that makes no rule."""
    stored = {**row.terms, "name": row.name, "channels": row.channels, "armed": row.is_armed}
    whole = {name: value for name, value in (stored | change.said()).items() if value is not None}
    try:
        return RuleIn.model_validate(whole)
    except ValidationError as error:
        raise Invalid("; ".join(str(one["msg"]).removeprefix("Value error, ") for one in error.errors())) from error


def terms_of(sent: RuleTerms) -> dict[str, Any]:
    return sent.model_dump(include=TERMS, by_alias=True)


def describe(row: Row[Any]) -> RuleOut:
    return RuleOut.model_validate(
        {
            **row.terms,
            "id": row.rule_id,
            "name": row.name,
            "channels": row.channels,
            "armed": row.is_armed,
            "created_at": row.created_at,
            "changed_at": row.changed_at,
            "fired_last_7_days": row.fired_last_7_days,
        }
    )


def describe_mute(row: Row[Any]) -> MuteOut:
    return MuteOut(
        id=row.mute_id, pattern=row.subject_id, rule=row.rule_id, channel=row.channel_id, made_at=row.made_at,
        until=row.until, made_by=row.made_by, note=row.note,
    )  # fmt: skip
