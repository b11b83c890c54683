"""The routes that change channels and test them. What stands in them is read through the catalogue (`channel_reads.py`).

The API never speaks to the outside: a test is a row that the worker sends, and this waits for its answer.
"""

import asyncio
import time
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from fastapi import Request, Response
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from api.access.keys import AdminCaller
from api.access.routers import Router
from api.access.shares import share_of
from api.alerts.channel_reads import NO_CHANNEL, describe_test, require_channel
from api.alerts.channel_schemas import (
    MAX_PER_HOUR,
    ChannelChange,
    ChannelIn,
    ChannelMade,
    ChannelOut,
    ChannelTest,
    SecretMade,
)
from api.http.problems import PROBLEM_RESPONSE, Conflict, Invalid, NotFound, QuotaExceeded, Unavailable
from common.alerts import channel_tests as tests
from common.alerts import channels as store
from common.alerts.addresses import AllowList
from common.alerts.kinds import KINDS, webhook
from common.alerts.kinds.config import Config
from common.alerts.message import OpenedChannel
from common.database.clock import CLOCK
from common.sealing import NotOpened, Sealer, SecretKeyMissing
from common.settings import Settings

router = Router(prefix="/api/alerts/channels", tags=["alerts"])
CHANNELS_MAX = 100
NAME_TAKEN = "this project has a channel named {!r}: choose another name, or delete that one"
WAIT_SECONDS, LOOK_AGAIN_SECONDS = 10.0, 0.2  # for a test's answer: less than MAYDAY_REQUEST_SECONDS


@router.post("", status_code=201, responses={409: PROBLEM_RESPONSE}, summary="Make a channel")
async def create_channel(request: Request, response: Response, caller: AdminCaller, sent: ChannelIn) -> ChannelMade:
    """Make a channel. Its URL and passwords are kept encrypted, and shown by no answer; the secret of a webhook is shown in
    this one alone."""
    config = make_config(request, sent.kind, sent.model_dump(include={"url", "sender", "recipients"}))
    async with share_of(request, caller.project_id).begin() as connection:
        if await store.count_channels(connection, caller.project_id) >= CHANNELS_MAX:
            raise Invalid(f"this project has {CHANNELS_MAX} channels: delete one first")
        try:
            channel_id = await store.add_channel(
                connection, sealer_of(request), caller.project_id, name=sent.name, kind=sent.kind, config=config,
                hint=KINDS[sent.kind].hint(config), max_per_hour=sent.max_per_hour or MAX_PER_HOUR,
            )  # fmt: skip
        except SecretKeyMissing as error:
            raise Unavailable(str(error)) from None
        if channel_id is None:
            raise Conflict(NAME_TAKEN.format(sent.name))
        made = await require_channel(connection, caller.project_id, channel_id)
    response.headers["Location"] = f"{router.prefix}/{channel_id}"
    response.headers["Cache-Control"] = "no-store"
    return ChannelMade(**made.model_dump(), secret=newest_secret(config))


@router.patch("/{channel_id}", responses={409: PROBLEM_RESPONSE}, summary="Change a channel")
async def change_channel(request: Request, caller: AdminCaller, channel_id: UUID, change: ChannelChange) -> ChannelOut:
    """Change what is said and leave the rest."""
    try:
        async with share_of(request, caller.project_id).begin() as connection:
            place: dict[str, Any] = {}
            if change.place():
                channel = await open_held(request, connection, caller.project_id, channel_id)
                if channel.kind != "email" and (change.sender or change.recipients):
                    raise Invalid("from and to are of channels of the kind email")
                config = make_config(request, channel.kind, {**channel.config, **change.place()}, channel.config)
                place = {"config": config, "hint": KINDS[channel.kind].hint(config)}
            await store.change_channel(
                connection, sealer_of(request), caller.project_id, channel_id,
                name=change.name, max_per_hour=change.max_per_hour, **place,
            )  # fmt: skip
            return await require_channel(connection, caller.project_id, channel_id)
    except IntegrityError:
        raise Conflict(NAME_TAKEN.format(change.name)) from None


@router.delete("/{channel_id}", status_code=204, summary="Delete a channel")
async def delete_channel(request: Request, caller: AdminCaller, channel_id: UUID) -> Response:
    """Delete a channel with its secrets. What was owed to it is not sent any more."""
    async with share_of(request, caller.project_id).begin() as connection:
        if not await store.remove_channel(connection, caller.project_id, channel_id):
            raise NotFound(NO_CHANNEL)
    return Response(status_code=204)


@router.post("/{channel_id}/secret", summary="Give a webhook a new secret")
async def rotate_secret(request: Request, response: Response, caller: AdminCaller, channel_id: UUID) -> SecretMade:
    """Requests are signed with both secrets for a day, so that the receiver can be changed meanwhile; one before these is
    valid no more. The new one is shown in this answer alone."""
    async with share_of(request, caller.project_id).begin() as connection:
        channel = await open_held(request, connection, caller.project_id, channel_id)
        if channel.kind != webhook.KIND.name:
            raise Invalid("only webhooks have a secret: give others their new URL with PATCH")
        config = webhook.rotate(channel.config, CLOCK.now())
        await store.change_channel(connection, sealer_of(request), caller.project_id, channel_id, config=config)
    response.headers["Cache-Control"] = "no-store"
    until = datetime.fromisoformat(config["secrets"][1]["until"])
    return SecretMade(secret=config["secrets"][0]["secret"], old_secret_until=until)


@router.post("/{channel_id}/test", summary="Send a test message")
async def test_channel(request: Request, caller: AdminCaller, channel_id: UUID) -> ChannelTest:
    """The worker sends a message marked as a test through the channel, as it would any other, and this answers what the
    other side said. Where that takes longer than 10 s the outcome is `waiting`: ask `/api/alerts/tests/{id}`."""
    share = share_of(request, caller.project_id)
    async with share.begin() as connection:
        await require_channel(connection, caller.project_id, channel_id)
        test_id = await tests.ask_test(connection, caller.project_id, channel_id)
    if test_id is None:
        raise QuotaExceeded(
            f"{tests.WAITING_MAX} tests of this project wait for their answer", [], retry_after_seconds=5
        )
    until = time.monotonic() + WAIT_SECONDS
    while True:
        async with share.connect() as connection:
            row = await tests.find_test(connection, caller.project_id, test_id)
        if row is None:
            raise NotFound(NO_CHANNEL)  # deleted meanwhile, and its tests with it
        if row.answered_at is not None or time.monotonic() > until:
            return describe_test(row)
        await asyncio.sleep(LOOK_AGAIN_SECONDS)


def make_config(request: Request, kind: str, sent: Config, before: Config | None = None) -> dict[str, Any]:
    """What is sealed of a channel. Raises Invalid with what is wrong, without what was sent."""
    try:
        config = KINDS[kind].make(sent, before)
        KINDS[kind].refuse_addresses(config, AllowList.parse(settings_of(request).alerts_allow))
    except ValueError as error:
        raise Invalid(f"url: {error}") from None
    return config


async def open_held(request: Request, connection: AsyncConnection, project_id: UUID, channel_id: UUID) -> OpenedChannel:
    """The channel with its secrets, which nobody changes meanwhile. Raises NotFound, Unavailable, Invalid."""
    try:
        channel = await store.open_channel(connection, sealer_of(request), project_id, channel_id, hold=True)
    except SecretKeyMissing as error:
        raise Unavailable(str(error)) from None
    except NotOpened as error:
        raise Invalid(f"the channel cannot be opened: {error}; delete it and make it again") from None
    if channel is None:
        raise NotFound(NO_CHANNEL)
    return channel


def newest_secret(config: Config) -> str | None:
    return config["secrets"][0]["secret"] if "secrets" in config else None


def settings_of(request: Request) -> Settings:
    return cast("Settings", request.state.settings)


def sealer_of(request: Request) -> Sealer:
    return Sealer.of(settings_of(request).secret_key)
