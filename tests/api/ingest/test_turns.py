"""A large body, in which every line may hold a secret, leaves the event loop to others."""

import asyncio
from uuid import uuid4

import pytest

from api.ingest import turns
from api.ingest.parsing import Item, Parsed, Rejected, SentError
from api.ingest.rows import Frame
from api.ingest.schemas import ErrorIn
from common.settings import Settings

LINES = 6_000
ITEMS = 4


def dear_items() -> list[Item[SentError]]:
    """Errors that take some hundred milliseconds together; one of them was rejected."""
    traces = ["\n".join(f"password={item}-{number} of bob" for number in range(LINES)) for item in range(ITEMS)]
    errors: list[SentError] = [
        ErrorIn(service="shop", severity="error", message="m", stack_trace=trace) for trace in traces
    ]
    items: list[Item[SentError]] = [Parsed(error, cleaned=False) for error in errors]
    return [items[0], Rejected("invalid_field", "no"), *items[1:]]


async def turns_of_others(body_bytes: int, pause_seconds: float = 0.0) -> int:
    """How often others ran while the rows were made."""
    count = 0

    async def count_turns() -> None:
        nonlocal count
        while True:
            count += 1
            await asyncio.sleep(pause_seconds)

    counting = asyncio.create_task(count_turns())
    frame = Frame.now(uuid4(), Settings())
    rows = await turns.Turns().make_rows(dear_items(), frame, body_bytes)
    counting.cancel()
    assert list(rows) == [0, 2, 3, 4]
    return count


async def test_others_get_their_turn_while_a_large_body_is_judged() -> None:
    assert await turns_of_others(turns.LARGE_BYTES + 1, 0.001) > 2 * ITEMS


async def test_a_small_body_gives_turns_between_its_errors() -> None:
    assert ITEMS - 1 <= await turns_of_others(0) <= 2 * ITEMS


async def test_without_slices_nobody_else_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    monkeypatch.setattr(turns, "SLICE_SECONDS", 60.0)
    assert await turns_of_others(0) <= 1
