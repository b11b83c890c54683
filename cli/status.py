"""`mayday status`: how the whole installation does, for whoever may reach its database."""

import asyncio
from typing import TYPE_CHECKING

import typer

from cli.migrate import failing_in_a_sentence
from cli.state import find_database
from common.database import make_engine
from common.settings import Settings

if TYPE_CHECKING:
    from api.status.schemas import OperatorStatus


def status() -> None:
    """Print as JSON what GET /api/status says of the service, and what all projects together take."""
    with failing_in_a_sentence():
        typer.echo(asyncio.run(describe(find_database())).model_dump_json(indent=2))


async def describe(settings: Settings) -> "OperatorStatus":
    from api.status.facts import find_installation, find_service
    from api.status.schemas import OperatorStatus

    engine = make_engine(settings, "cli", pool_size=1)
    try:
        return OperatorStatus(
            service=await find_service(engine, settings), installation=await find_installation(engine, settings)
        )
    finally:
        await engine.dispose()
