"""How requests of the fast lane (api/http/fast_lane.py) are answered: once each, in time, counted, and told in log and trace."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from time import perf_counter
from typing import Any, TypeVar

import structlog

from api.http.exchange import Asker, Exchange
from api.http.head import Head
from api.http.middleware import QuotaFields, RequestLines, as_problem, choose_request_id, count_answer
from api.http.problems import Problem, respond
from api.http.responses import Ready, Reply, as_ready, changing_lines, compress
from common.compression import COMPRESS_FROM_BYTES
from common.telemetry import traces

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

    def answer_at_once(
        self,
        head: Head,
        asker: Asker,
        quotas: QuotaFields,
        started: float,
        status: int,
        same: bytes,
        body: bytes,
        route: str = "",
    ) -> Ready:
        """The answer to a request without a body: the header lines that are the `same` in all of its kind, and those that
        no two have alike. It is counted as sent, under the template of its path where that is another. `started` is by
        `perf_counter`."""
        request_id = choose_request_id(head.fields.get(b"x-request-id"))
        ready = Ready(status, same + changing_lines(request_id, quotas.lines()), body)
        seconds = perf_counter() - started
        if traces.is_on():
            span = traces.begin_request(head.method, path_of(head), head.fields.get(b"traceparent"), seconds)
            traces.end_request(span, head.method, route or head.path, status, request_id)
        self.note(head, status, seconds, request_id, asker, route=route)
        return ready

    def answer_after(
        self,
        exchanges: Sequence[Exchange],
        outcome: "asyncio.Future[Told]",
        answer: Callable[[Told], None],
        fail: Callable[[Exception], None] | None = None,
    ) -> None:
        """Have `answer` tell each of these what became of it, or tell them that it did not come in the time of the
        oldest. `fail` is given what was raised instead; without it they are answered with that."""
        left = self.request_seconds - (perf_counter() - min([exchange.started for exchange in exchanges]))
        timer = outcome.get_loop().call_later(left, outcome.cancel)
        outcome.add_done_callback(partial(self.finish, exchanges, timer, answer, fail))

    def finish(
        self,
        exchanges: Sequence[Exchange],
        timer: asyncio.TimerHandle,
        answer: Callable[[Told], None],
        fail: Callable[[Exception], None] | None,
        outcome: "asyncio.Future[Told]",
    ) -> None:
        timer.cancel()
        try:
            told = outcome.result()
        except asyncio.CancelledError:
            self.fail_all(exchanges, TimeoutError())
        except Exception as error:  # noqa: BLE001 - the last line of defence: every request is answered
            if fail is None:
                self.fail_all(exchanges, error)
            else:
                fail(error)
        else:
            answer(told)

    def fail_all(self, exchanges: Sequence[Exchange], error: Exception) -> None:
        for exchange in exchanges:
            self.fail(exchange, error)

    def fail(self, exchange: Exchange, error: Exception) -> None:
        """Answer with the problem that this is."""
        problem = exchange.problem = as_problem(error)
        response = respond(problem, exchange.head.path, exchange.request_id)
        answer = Reply(response.status_code, response.raw_headers, bytes(response.body))
        self.answer(exchange, answer, error if problem.status == Problem.status else None)

    def answer(self, exchange: Exchange, answer: Reply, defect: Exception | None = None) -> None:
        if len(answer.body) < COMPRESS_FROM_BYTES:
            self.end(exchange, as_ready(answer), exchange.quotas.lines(), defect)
        else:
            self.start(self.compress_and_end(exchange, answer, defect))

    async def compress_and_end(self, exchange: Exchange, answer: Reply, defect: Exception | None) -> None:
        try:
            answer = await compress(answer, exchange.head.sent)
        except Exception as error:  # noqa: BLE001 - it is answered all the same, plain
            defect = error
        self.end(exchange, as_ready(answer), exchange.quotas.lines(), defect)

    def end(self, exchange: Exchange, same: Ready, quotas: bytes, defect: Exception | None = None) -> None:
        """Send the answer, with the lines that no two have alike, and count it. `quotas` are the lines of its own.

        What comes after an answer is a defect that the client does not see: it would take it for the answer to its next
        request.
        """
        ready = Ready(same.status, same.head + changing_lines(exchange.request_id, quotas), same.body)
        if not exchange.complete():
            log.error("answered_again", path=exchange.head.path, status=same.status, exc_info=defect)
            return
        exchange.send(exchange, ready)
        head, seconds = exchange.head, perf_counter() - exchange.started
        if exchange.span is not None:
            traces.end_request(exchange.span, head.method, exchange.route, same.status, exchange.request_id)
        self.note(
            head, same.status, seconds, exchange.request_id, exchange.asker, defect, exchange.route, exchange.problem
        )

    def abandon(self, exchange: Exchange) -> None:
        """Count a request whose client went away before its body was whole."""
        if exchange.complete():
            head = exchange.head
            traces.end_request(exchange.span, head.method, exchange.route, 0, exchange.request_id)
            count_answer(head.method, exchange.route, 0, perf_counter() - exchange.started, "lane")

    def note(
        self,
        head: Head,
        status: int,
        seconds: float,
        request_id: str,
        asker: Asker,
        defect: Exception | None = None,
        route: str = "",
        problem: Problem | None = None,
    ) -> None:
        """Count a request that was answered with this status after so many seconds, under the template of its path where that
        is another, and write its line if it has one, with the problem that it was answered with."""
        count_answer(head.method, route or head.path, status, seconds, "lane")
        if defect is not None or status >= 500 or self.lines.is_due():
            told = {} if problem is None else {"problem": problem.slug, "detail": problem.detail}
            with structlog.contextvars.bound_contextvars(request_id=request_id, **asker.log_fields(), **told):
                self.lines.write(head.method, path_of(head), status, seconds, defect)


def path_of(head: Head) -> str:
    """Without the query, in which people may look for what no log should hold."""
    return head.path.partition("?")[0]
