"""How requests are answered that the connection took itself (api/ingest/fast.py): once each, in time, and counted."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from time import perf_counter
from typing import Any, TypeVar

import structlog

from api.access.quotas import charge
from api.http.exchange import Exchange
from api.http.middleware import RequestLines, as_problem, count_answer
from api.http.problems import Problem, QuotaExceeded, respond
from api.http.responses import Ready, Reply, as_ready, changing_lines, compress, note
from common.compression import COMPRESS_FROM_BYTES

log = structlog.get_logger()

Told = TypeVar("Told")


class Responder:
    """Sends the answers of one process, each with its id, its quotas and the headers that every answer has."""

    def __init__(self, request_seconds: float, lines: RequestLines) -> None:
        self.request_seconds = request_seconds
        self.lines = lines
        self.tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Told]) -> "asyncio.Task[Told]":
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def admit(self, exchange: Exchange) -> bool:
        """Charge for a request whose body is whole; False, and answered so, where a quota is used up."""
        try:
            charge(exchange.allowance)
        except QuotaExceeded as error:
            self.fail(exchange, error)
            return False
        return True

    def answer_after(
        self, exchanges: Sequence[Exchange], outcome: "asyncio.Future[Told]", answer: Callable[[Told], None]
    ) -> None:
        """Have `answer` tell each of these what became of it, or tell them that it did not come in the time of the
        oldest."""
        left = self.request_seconds - (perf_counter() - min([exchange.started for exchange in exchanges]))
        timer = outcome.get_loop().call_later(left, outcome.cancel)
        outcome.add_done_callback(partial(self.finish, exchanges, timer, answer))

    def finish(
        self,
        exchanges: Sequence[Exchange],
        timer: asyncio.TimerHandle,
        answer: Callable[[Told], None],
        outcome: "asyncio.Future[Told]",
    ) -> None:
        timer.cancel()
        try:
            told = outcome.result()
        except asyncio.CancelledError:
            self.fail_all(exchanges, TimeoutError())
        except Exception as error:  # noqa: BLE001 - the last line of defence: every request is answered
            self.fail_all(exchanges, error)
        else:
            answer(told)

    def fail_all(self, exchanges: Sequence[Exchange], error: Exception) -> None:
        for exchange in exchanges:
            self.fail(exchange, error)

    def fail(self, exchange: Exchange, error: Exception) -> None:
        """Answer with the problem that this is."""
        problem = as_problem(error)
        response = respond(problem, exchange.posted.path, exchange.request_id)
        answer = Reply(response.status_code, response.raw_headers, bytes(response.body))
        self.answer(exchange, answer, error if problem.status == Problem.status else None)

    def answer(self, exchange: Exchange, answer: Reply, defect: Exception | None = None) -> None:
        if len(answer.body) < COMPRESS_FROM_BYTES:
            self.end(exchange, as_ready(answer), exchange.allowance.lines(), defect)
        else:
            self.start(self.compress_and_end(exchange, answer, defect))

    async def compress_and_end(self, exchange: Exchange, answer: Reply, defect: Exception | None) -> None:
        try:
            answer = await compress(answer, exchange.posted.headers)
        except Exception as error:  # noqa: BLE001 - it is answered all the same, plain
            defect = error
        self.end(exchange, as_ready(answer), exchange.allowance.lines(), defect)

    def end(self, exchange: Exchange, same: Ready, quotas: bytes, defect: Exception | None = None) -> None:
        """Send the answer, with the lines that no two have alike, and count it. `quotas` are those of its allowance.

        What comes after an answer is a defect that the client does not see: it would take it for the answer to its next
        request.
        """
        ready = Ready(same.status, same.head + changing_lines(exchange.request_id, quotas), same.body)
        if not exchange.complete():
            log.error("answered_again", path=exchange.posted.path, status=same.status, exc_info=defect)
            return
        exchange.send(exchange, ready)
        seconds, path = perf_counter() - exchange.started, exchange.posted.path
        note(self.lines, ("POST", path), (same.status, seconds), exchange.request_id, exchange.caller, defect)

    def abandon(self, exchange: Exchange) -> None:
        """Count a request whose client went away before its body was whole."""
        if exchange.complete():
            count_answer("POST", exchange.posted.path, 0, perf_counter() - exchange.started)


def as_json(status: int, body: bytes, *headers: tuple[bytes, bytes]) -> Reply:
    """With the headers that Starlette's Response would give it, at a quarter of the price."""
    return Reply(
        status, [(b"content-length", b"%d" % len(body)), (b"content-type", b"application/json"), *headers], body
    )
