"""Two controls: with a protection taken away the same harness must find what the protection prevents.

Run as a program (`python -m tests.chaos.controls`) this is an API that acknowledges before the commit.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from api.storing.admission import Reservation
from api.storing.flusher import Outcome
from api.storing.writer import Writer
from cli.programs import api
from tests.chaos.faults_postgres import cut_commit
from tests.chaos.journal import Verdict
from tests.chaos.stack import Stack, run_programs
from tests.chaos.stores import Stores

EARLY_COMMAND = ("-m", "tests.chaos.controls")
DROP_KEY = "ALTER TABLE errors DROP CONSTRAINT errors_pkey"


async def acknowledge_before_commit(stores: Stores, folder: Path, database: str) -> Verdict:
    """The API answers 201 as soon as it has the rows, and is killed: it must be found to lose some."""
    async with run_programs(stores, folder, database=database, apis=1, workers=1, api_command=EARLY_COMMAND) as stack:
        async with stack.traffic():
            await wait_for_acknowledgements(stack)
            stores.database.hang()  # so that rows wait when the kill comes
            await wait_for_acknowledgements(stack)
            await stack.apis[0].kill()
            stores.database.cut()
            stores.database.resume()
            await stack.heal()
        return await stack.verdict()


async def store_without_key(stores: Stores, folder: Path, database: str) -> Verdict:
    """No unique key on `errors`, and answers to COMMIT are cut: it must be found to store twice."""
    await stores.sql(DROP_KEY, database=database)
    async with run_programs(stores, folder, database=database, apis=1, workers=1) as stack:
        async with stack.traffic():
            await cut_commit(stack)
        return await stack.verdict()


async def wait_for_acknowledgements(stack: Stack) -> None:
    """Until an error was acknowledged after this moment. Raises TimeoutError."""
    before = len(stack.journal.acknowledged)
    async with asyncio.timeout(20):
        while len(stack.journal.acknowledged) == before:
            await asyncio.sleep(0.01)


submit = Writer.submit


def submit_and_answer(
    writer: Writer[Any], rows: Sequence[Any], place: Reservation | None = None, *, requests: int = 1
) -> "asyncio.Future[list[Outcome]]":
    """The writer's promise taken away: the answer comes before the commit."""
    submit(writer, rows, place, requests=requests)
    answered: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()
    answered.set_result([Outcome.stored] * len(rows))
    return answered


if __name__ == "__main__":
    Writer.submit = submit_and_answer  # type: ignore[method-assign, assignment]
    api(processes=1)
