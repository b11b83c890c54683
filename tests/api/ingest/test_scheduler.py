"""A large body, in which every line may hold a secret, leaves the event loop to others."""

import asyncio
import threading
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from api.ingest import errors, scheduler
from api.ingest.errors import make_rows
from api.ingest.receivers import native
from api.ingest.receivers.items import Batch, Rejected
from api.ingest.receivers.native import SentError
from api.ingest.rows import CLEANED, RequestContext
from api.ingest.schemas import ErrorIn
from common.settings import Settings
from tests.conftest import Service

LINES = 6_000
LINES_OF_LARGE = 30_000  # of which an error takes longer than the interpreter leaves a thread to itself, 5 ms
ITEMS = 4


def dear_batch(lines: int = LINES) -> Batch[SentError]:
    """Errors that take long; the second was rejected, the third cleaned."""
    traces = ["\n".join(f"password={item}-{number} of bob" for number in range(lines)) for item in range(ITEMS)]
    errors: list[SentError] = [
        ErrorIn(service="shop", severity="error", message="m", stack_trace=trace) for trace in traces
    ]
    return Batch(errors, {1: CLEANED}, {1: Rejected("invalid_field", "no")})


async def turns_of_others(body_bytes: int, lines: int = LINES) -> int:
    """How often others ran while the rows were made."""
    count = 0

    async def count_turns() -> None:
        nonlocal count
        while True:
            count += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count_turns())
    frame = RequestContext.now(uuid4(), Settings())
    rows = await make_rows(scheduler.BodyScheduler(), dear_batch(lines), frame, body_bytes)
    counting.cancel()
    assert [bool(row.adjustments & CLEANED) for row in rows] == [False, True, False, False]
    return count


async def test_others_get_their_turn_while_a_large_body_is_judged() -> None:
    assert await turns_of_others(scheduler.LARGE_BYTES + 1, LINES_OF_LARGE) > ITEMS


async def test_a_small_body_gives_turns_between_its_errors() -> None:
    assert ITEMS - 1 <= await turns_of_others(0) <= 2 * ITEMS


async def test_without_slices_nobody_else_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    monkeypatch.setattr(scheduler, "SLICE_SECONDS", 60.0)
    assert await turns_of_others(0) <= 1


ERROR = b'{"service":"s","severity":"error","message":"m"}'
RECORD = b'{"event_key":"%d","team":"t","model":"m","occurred_at":"2026-11-01T00:00:00Z","total_tokens":1}'
ROUTES = {
    "/api/errors/batch": (native, "parse_batch", b'{"errors":[%s]}' % ERROR),
    "/api/errors/log": (errors, "parse_one", ERROR),
    "/api/usage/batch": (native, "parse_batch", b'{"records":[%s]}' % (RECORD % 1)),
}


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("is_large", [False, True])
async def test_a_large_body_is_parsed_beside_the_event_loop(
    service: Service, monkeypatch: pytest.MonkeyPatch, path: str, *, is_large: bool
) -> None:
    module, name, body = ROUTES[path]
    parse, threads = getattr(module, name), list[int]()

    def note(*given: Any) -> Any:
        threads.append(threading.get_ident())
        return parse(*given)

    monkeypatch.setattr(module, name, note)
    project = await service.project()
    answer = await project.ingest.post(path, content=body + b" " * (scheduler.LARGE_BYTES if is_large else 0))
    assert answer.status_code in (201, 422), answer.text
    assert (threads[0] != threading.get_ident()) == is_large


async def test_what_a_caller_left_who_went_away_is_over_before_the_next_large_body_begins() -> None:
    given, began, go_on = scheduler.BodyScheduler(), list[str](), threading.Event()

    def work(name: str) -> str:
        began.append(name)
        go_on.wait(10)
        return name

    async def judge(name: str) -> str:
        async with given.for_body(scheduler.LARGE_BYTES + 1):
            return await given.parse(scheduler.LARGE_BYTES + 1, partial(work, name))

    left = asyncio.create_task(judge("left"))
    while not began:
        await asyncio.sleep(0.001)
    following = [asyncio.create_task(judge(name)) for name in ("second", "third")]
    left.cancel()
    await asyncio.sleep(0.05)
    assert began == ["left"]
    go_on.set()
    assert await asyncio.gather(*following) == ["second", "third"]
