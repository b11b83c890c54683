"""Test messages: the API asks for them, the worker sends them and notes how that went. The only writer of `channel_tests`."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import uuid_utils.compat
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from common.alerts.message import Receipt

WAITING_MAX = 3  # tests of a project that nobody has answered yet
KEPT_HOURS = 24
GIVEN_UP_SECONDS = 60  # who asked has long gone

# Ask for a test, unless too many of the project wait.
ASK_TEST = text(
    """
    INSERT INTO channel_tests (project_id, test_id, channel_id, asked_at)
    SELECT :project_id, :test_id, :channel_id, now()
    WHERE (SELECT count(*) FROM channel_tests WHERE project_id = :project_id AND answered_at IS NULL
           AND asked_at > now() - make_interval(secs => :seconds)) < :most
    RETURNING test_id
    """
)
FIND_TEST = text(
    """
    SELECT test_id, channel_id, asked_at, answered_at, is_accepted, told FROM channel_tests
    WHERE project_id = :project_id AND test_id = :test_id
    """
)
# The tests of all projects that wait to be sent, with the names that the message says.
LIST_WAITING = text(
    """
    SELECT t.project_id, t.test_id, t.channel_id, t.asked_at, c.name AS channel_name, p.name AS project_name
    FROM channel_tests t JOIN alert_channels c ON c.project_id = t.project_id AND c.channel_id = t.channel_id
    JOIN projects p ON p.project_id = t.project_id
    WHERE t.answered_at IS NULL AND t.asked_at > now() - make_interval(secs => :seconds) ORDER BY t.asked_at LIMIT :most
    """
)
# How a test went; once.
ANSWER_TEST = text(
    """
    UPDATE channel_tests SET answered_at = now(), is_accepted = :accepted, told = :told
    WHERE project_id = :project_id AND test_id = :test_id AND answered_at IS NULL
    """
)
DELETE_OLD = text(
    "DELETE FROM channel_tests WHERE project_id = :project_id AND asked_at < now() - make_interval(hours => :hours)"
)


async def ask_test(connection: AsyncConnection, project_id: UUID, channel_id: UUID) -> UUID | None:
    """Ask the worker for a test message; its id, None where WAITING_MAX of the project wait. Raises sqlalchemy's
    IntegrityError where there is no such channel."""
    values = {
        "project_id": project_id,
        "test_id": uuid_utils.compat.uuid7(),
        "channel_id": channel_id,
        "seconds": GIVEN_UP_SECONDS,
        "most": WAITING_MAX,
    }
    asked: UUID | None = await connection.scalar(ASK_TEST, values)
    return asked


async def find_test(connection: AsyncConnection, project_id: UUID, test_id: UUID) -> Row[Any] | None:
    return (await connection.execute(FIND_TEST, {"project_id": project_id, "test_id": test_id})).first()


async def list_waiting(engine: AsyncEngine, most: int) -> Sequence[Row[Any]]:
    """Those that wait, the oldest first."""
    async with engine.connect() as connection:
        return (await connection.execute(LIST_WAITING, {"seconds": GIVEN_UP_SECONDS, "most": most})).all()


async def answer_test(connection: AsyncConnection, project_id: UUID, test_id: UUID, receipt: Receipt) -> None:
    values = {
        "project_id": project_id,
        "test_id": test_id,
        "accepted": receipt.accepted,
        "told": receipt.told,
    }
    await connection.execute(ANSWER_TEST, values)


async def delete_old_tests(engine: AsyncEngine, project_id: UUID) -> int:
    """Delete what is older than KEPT_HOURS; how many."""
    async with engine.begin() as connection:
        return (await connection.execute(DELETE_OLD, {"project_id": project_id, "hours": KEPT_HOURS})).rowcount
