"""How the API stops: readiness fails first, then the port closes, then what is under way is answered."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import FrameType
from typing import Any

from fastapi import FastAPI

SIGNALS = (signal.SIGTERM, signal.SIGINT)
Lifespan = Callable[[FastAPI], Any]


def stopping_softly(lifespan: Lifespan, delay_seconds: float) -> Lifespan:
    """The lifespan, for a process whose server closes its port the moment that it is told to stop, as uvicorn does."""

    @asynccontextmanager
    async def soft(app: FastAPI) -> AsyncIterator[Any]:
        async with lifespan(app) as state:
            with delaying_signals(state["stopping"], delay_seconds):
                yield state

    return soft


@contextmanager
def delaying_signals(stopping: asyncio.Event, delay_seconds: float) -> Iterator[None]:
    """Stand before the server's handlers: set the event at once, and let them have the signal after the delay.

    Who presses Ctrl-C again waits no longer.
    """
    loop = asyncio.get_running_loop()
    handlers = {number: signal.getsignal(number) for number in SIGNALS}

    def pass_on(number: int, frame: FrameType | None) -> None:
        handler = handlers[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    def handle(number: int, frame: FrameType | None) -> None:
        is_first = not stopping.is_set()
        stopping.set()
        if is_first and delay_seconds:
            loop.call_soon_threadsafe(loop.call_later, delay_seconds, pass_on, number, None)
        elif is_first or number == signal.SIGINT:
            pass_on(number, frame)

    for number in SIGNALS:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
