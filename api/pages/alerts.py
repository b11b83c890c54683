"""Alerts on a page: the rules with how often each fired, the channels with how sending went, what is muted.

What is changed here is changed by the routes of `api/alerts/`. The secret of a new webhook is shown on the page that answers
the form, and nowhere else: neither an address nor a cookie carries it.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from fastapi import Request, Response
from pydantic import TypeAdapter

from api.access.keys import Caller
from api.alerts import channel_routes, rule_routes
from api.alerts.channel_reads import CHANNEL_PAGE
from api.alerts.channel_schemas import ChannelChange, ChannelIn, ChannelTest
from api.alerts.rule_reads import MUTE_LIST, NOTIFICATION_PAGE, RULE_PAGE
from api.alerts.rule_schemas import MuteIn, MuteOut, RuleChange
from api.http.problems import Invalid
from api.pages.addresses import home_of
from api.pages.decide import one_of, read_ids, read_number
from api.pages.documents import ask
from api.pages.frame import show
from api.pages.routers import Admin, Decider, PageRouter, Reader, go_to, read_form
from api.pages.rule_forms import CONDITION_WORDS, WORDS
from api.pages.rules import ask_model

SHOWN = 100
MESSAGES_SHOWN = 20
MUTE_HOURS_MAX = 24 * 30
CHANNEL_IN: TypeAdapter[Any] = TypeAdapter(ChannelIn)
NOTHING = "this is nothing that can be done with {}: open the page anew, and try again there"

router = PageRouter()


class Secret(NamedTuple):
    """What a webhook's requests are signed with, shown once."""

    channel: str
    secret: str


@router.get("/p/{project_id}/alerts")
async def show_alerts(request: Request, caller: Reader) -> Response:
    """Rules, channels, what is muted, and the latest messages."""
    return await show_alerts_page(request, caller)


async def show_alerts_page(
    request: Request, caller: Caller, *, secret: Secret | None = None, tested: ChannelTest | None = None
) -> Response:
    """The page, with what was just made or tried."""
    rules, channels, mutes, messages = await asyncio.gather(
        ask_model(request, caller, RULE_PAGE, {"limit": SHOWN}),
        ask(request, caller, CHANNEL_PAGE, {"limit": SHOWN}),
        ask(request, caller, MUTE_LIST, {}),
        ask(request, caller, NOTIFICATION_PAGE, {"limit": MESSAGES_SHOWN}),
    )
    held: list[MuteOut] = mutes.value.mutes
    answer = await show(
        request, "alerts.html", "Alerts",
        rules=rules.rules, channels=channels.value.channels, mutes=held, messages=messages.value.notifications,
        names={one.id: one.name for one in (*rules.rules, *channels.value.channels)},
        quiet=quiet_until(held), secret=secret, tested=tested, words=WORDS, condition_words=CONDITION_WORDS,
    )  # fmt: skip
    answer.headers["Cache-Control"] = "no-store"
    return answer


def quiet_until(mutes: list[MuteOut]) -> dict[UUID, datetime]:
    """Until when a rule or a channel tells nothing at all."""
    until: dict[UUID, datetime] = {}
    for mute in mutes:
        said = [one for one in (mute.rule, mute.channel, mute.pattern) if one is not None]
        if len(said) == 1 and mute.pattern is None:
            until[said[0]] = max(mute.until, until.get(said[0], mute.until))
    return until


@router.post("/p/{project_id}/alerts/arm")
async def arm_rule(request: Request, caller: Admin) -> Response:
    """Arm a rule, or disarm it."""
    form = await read_form(request)
    what, rule_id = one_of(form, "do"), require_id(form, "rule")
    if what not in ("arm", "disarm"):
        raise Invalid(NOTHING.format("a rule"))
    change = RuleChange.model_validate({"armed": what == "arm"})
    await rule_routes.change_alert_rule(request, caller, rule_id, change)
    return go_to(f"{home_of(caller.project_id)}alerts?done={what}")


@router.post("/p/{project_id}/alerts/channels")
async def change_channels(request: Request, caller: Admin) -> Response:
    """Make a channel, change how much it may get, test it, give it another secret, or delete it."""
    form = await read_form(request)
    what = one_of(form, "do")
    if what == "make":
        sent = CHANNEL_IN.validate_python(read_channel(form))
        made = await channel_routes.create_channel(request, Response(), caller, sent)
        if made.secret is None:
            return go_to(f"{home_of(caller.project_id)}alerts?done=save#channels")
        return await show_alerts_page(request, caller, secret=Secret(made.name, made.secret))
    channel_id = require_id(form, "channel")
    if what == "test":
        tested = await channel_routes.test_channel(request, caller, channel_id)
        return await show_alerts_page(request, caller, tested=tested)
    if what == "secret":
        renewed = await channel_routes.rotate_secret(request, Response(), caller, channel_id)
        return await show_alerts_page(request, caller, secret=Secret(one_of(form, "name", ""), renewed.secret))
    if what == "remove":
        await channel_routes.delete_channel(request, caller, channel_id)
    elif what == "limit":
        most = read_number(one_of(form, "max_per_hour"), 10_000)
        await channel_routes.change_channel(request, caller, channel_id, ChannelChange(max_per_hour=most))
    else:
        raise Invalid(NOTHING.format("a channel"))
    return go_to(f"{home_of(caller.project_id)}alerts?done={'remove' if what == 'remove' else 'save'}#channels")


@router.post("/p/{project_id}/alerts/mutes")
async def change_mutes(request: Request, caller: Decider) -> Response:
    """Mute a rule or a channel for hours, or end a mute."""
    form = await read_form(request)
    what = one_of(form, "do")
    if what == "mute":
        minutes = 60 * read_number(one_of(form, "hours"), MUTE_HOURS_MAX)
        said = {name: require_id(form, name) for name in ("rule", "channel") if name in form}
        await rule_routes.create_alert_mute(
            request, Response(), caller, MuteIn.model_validate({**said, "minutes": minutes})
        )
    elif what == "unmute":
        await rule_routes.delete_alert_mute(request, caller, require_id(form, "mute"))
    else:
        raise Invalid(NOTHING.format("a mute"))
    return go_to(f"{home_of(caller.project_id)}alerts?done={what}")


def read_channel(form: Mapping[str, list[str]]) -> dict[str, Any]:
    """A channel as the API is sent it."""
    said: dict[str, Any] = {name: one_of(form, name, "").strip() for name in ("name", "kind", "url")}
    most = one_of(form, "max_per_hour", "").strip()
    said |= {"max_per_hour": read_number(most, 10_000)} if most else {}
    if said["kind"] == "email":
        said |= {"from": one_of(form, "from", "").strip(), "to": one_of(form, "to", "").split()}
    return said


def require_id(form: Mapping[str, list[str]], name: str) -> UUID:
    """The only id of this name in the form. Raises Invalid."""
    found = read_ids(form.get(name, []))
    if len(found) != 1:
        raise Invalid(f"{name}: give one")
    return found[0]
