"""What is answered about channels and tests of them, as entries of the catalogue."""

from typing import Any
from uuid import UUID

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from api.alerts.channel_schemas import ChannelOut, ChannelPage, ChannelTest
from api.http.problems import NotFound
from api.reads.catalogue import Asked, BuildContext, Read, seconds
from api.reads.forms import Table, alone
from api.reads.parameters import FormQuery, some_of
from common.alerts import channel_tests as tests
from common.alerts import channels as store

NO_CHANNEL = "there is no channel with this id in this project"
CHANNELS = Table(
    "channels", tuple(ChannelOut.model_fields), ("name", "kind", "leads_to", "last_sent_at", "last_failure")
)
CHANNEL, TEST = alone(ChannelOut), alone(ChannelTest)


class ChannelsQuery(FormQuery):
    """Which channels are wanted."""

    fields: str | None = some_of(CHANNELS)
    limit: int = Field(100, ge=1, le=200, description="How many at most.")
    cursor: UUID | None = Field(None, description="`next` of the page before.")


class ChannelQuery(FormQuery):
    """The form that one channel is wanted in."""

    fields: str | None = some_of(CHANNEL)


class TestQuery(FormQuery):
    """The form that a test is wanted in."""

    __test__ = False  # pytest takes it for one
    fields: str | None = some_of(TEST)


def describe(row: Any) -> ChannelOut:
    return ChannelOut(id=row.channel_id, leads_to=row.hint, **fields_of(row, ChannelOut, {"id", "leads_to"}))


def describe_test(row: Any) -> ChannelTest:
    outcome = "waiting" if row.answered_at is None else "accepted" if row.is_accepted else "failed"
    return ChannelTest(id=row.test_id, outcome=outcome, **fields_of(row, ChannelTest, {"id", "outcome"}))


def fields_of(row: Any, model: type[ChannelOut | ChannelTest], but: set[str]) -> dict[str, Any]:
    """What a row has of a model's fields by their own names."""
    return {name: getattr(row, name) for name in model.model_fields if name not in but}


async def require_channel(connection: AsyncConnection, project_id: UUID, channel_id: UUID) -> ChannelOut:
    """What may be shown of it. Raises NotFound."""
    row = await store.find_channel(connection, project_id, channel_id)
    if row is None:
        raise NotFound(NO_CHANNEL)
    return describe(row)


async def build_channel_page(context: BuildContext, asked: Asked[ChannelsQuery]) -> bytes:
    limit, after = asked.params.limit, asked.params.cursor
    async with context.reading(asked.project_id).connect() as connection:
        found = await store.list_channels(connection, asked.project_id, most=limit + 1, after=after)
    page = found[:limit]
    last = page[-1].channel_id if len(found) > len(page) else None
    return ChannelPage(channels=[describe(one) for one in page], next=last).model_dump_json().encode()


async def build_channel(context: BuildContext, asked: Asked[ChannelQuery]) -> bytes:
    """Raises NotFound."""
    async with context.reading(asked.project_id).connect() as connection:
        return (await require_channel(connection, asked.project_id, asked.id)).model_dump_json().encode()


async def build_test(context: BuildContext, asked: Asked[TestQuery]) -> bytes:
    """Raises NotFound."""
    async with context.reading(asked.project_id).connect() as connection:
        row = await tests.find_test(connection, asked.project_id, asked.id)
    if row is None:
        raise NotFound("there is no test with this id in this project: they are kept for a day")
    return describe_test(row).model_dump_json().encode()


CHANNEL_PAGE = Read(
    operation="list_channels",
    path="/api/alerts/channels",
    tags=("alerts",),
    summary="Channels of this project",
    description="Where alerts may go to, oldest first, page by page, each with how sending went last.",
    params=ChannelsQuery,
    answer=ChannelPage,
    table=CHANNELS,
    build=build_channel_page,
    max_age_seconds=seconds(0),
)
ONE_CHANNEL = Read(
    operation="get_channel",
    path="/api/alerts/channels/{channel_id}",
    tags=("alerts",),
    summary="One channel",
    description="",
    params=ChannelQuery,
    answer=ChannelOut,
    table=CHANNEL,
    build=build_channel,
    max_age_seconds=seconds(0),
)
ONE_TEST = Read(
    operation="get_channel_test",
    path="/api/alerts/tests/{test_id}",
    tags=("alerts",),
    summary="What became of a test message",
    description="Kept for a day.",
    params=TestQuery,
    answer=ChannelTest,
    table=TEST,
    build=build_test,
    max_age_seconds=seconds(0),
)
READS = (CHANNEL_PAGE, ONE_CHANNEL, ONE_TEST)
