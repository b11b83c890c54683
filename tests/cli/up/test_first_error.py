"""The first error that comes while `mayday up` runs: said once, when it is counted; what was there before is none."""

import asyncio

from cli.up.first_error import FirstError
from tests.cli.conftest import ERROR, Mayday


async def look(watcher: FirstError) -> str:
    await asyncio.sleep(1.1)  # recent errors may be a second old
    return await asyncio.to_thread(watcher.look)


async def test_the_first_one_is_said_when_it_is_counted_and_no_other(mayday: Mayday) -> None:
    await mayday.project.send(ERROR | {"message": "was there before"})
    await mayday.service.run_worker()
    await asyncio.sleep(1.1)
    watcher = await asyncio.to_thread(FirstError, mayday.environment["MAYDAY_URL"], mayday.environment["MAYDAY_KEY"])
    await mayday.project.send(ERROR | {"message": "card \x1b[2J declined", "service": "sh\u202eop"})
    assert await look(watcher) == ""  # not counted yet
    await mayday.service.run_worker()
    said = await look(watcher)
    assert said.splitlines()[0] == r"first error: error of sh\u202eop: card \x1b[2J declined"
    [pattern] = [
        one for one in (await mayday.project.get("/api/errors/patterns"))["patterns"] if "declined" in one["title"]
    ]
    assert f"./mayday show {pattern['id'][-8:]} " in said
    await mayday.project.send(ERROR)
    await mayday.service.run_worker()
    assert await look(watcher) == ""
    watcher.close()


async def test_an_api_that_does_not_answer_is_asked_again() -> None:
    gone = FirstError("http://127.0.0.1:1", "key")
    assert await look(gone) == ""
    assert not gone.is_over
    gone.close()
