"""Records on their way to the API: those of one call are one, some batches go at once, and each is sent until it is answered."""

import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Any, Self

from cli.client import Api, ApiFailed
from cli.usage.records import UsageRecord
from cli.usage.summary import ImportSummary

BATCH_RECORDS, HELD_RECORDS = 500, 5_000
GIVE_UP_SECONDS, PAUSE_SECONDS = 300.0, (0.2, 10.0)


class Held:
    """The last records that were read, of which a later one of the same call takes the place: it has more tokens. What is
    beyond that is given on; the server judges the same of what it has."""

    def __init__(self, give: Callable[[list[UsageRecord]], None], most: int = HELD_RECORDS) -> None:
        self.give = give
        self.most = most
        self.records: OrderedDict[str, UsageRecord] = OrderedDict()

    def add(self, record: UsageRecord) -> None:
        before = self.records.pop(record.event_key, None)
        self.records[record.event_key] = record if before is None or size_of(record) >= size_of(before) else before
        if len(self.records) >= self.most + BATCH_RECORDS:
            self.give([self.records.popitem(last=False)[1] for _ in range(BATCH_RECORDS)])

    def give_rest(self) -> None:
        while self.records:
            self.give([self.records.popitem(last=False)[1] for _ in range(min(BATCH_RECORDS, len(self.records)))])


def size_of(record: UsageRecord) -> int:
    """What snapshots of one call grow in: the tokens that are told at the top."""
    return sum(number for number in record.usage.values() if type(number) is int)


class UsageDelivery:
    """Posts batches, a few at once, each again while that may help; keeps no more of them than are under way."""

    def __init__(self, api: Api | None, summary: ImportSummary, in_flight: int) -> None:
        """`api` None: nothing is sent."""
        self.api = api
        self.summary = summary
        self.in_flight = in_flight
        self.pool = ThreadPoolExecutor(in_flight)
        self.under_way: set[Future[tuple[int, dict[str, Any] | ApiFailed]]] = set()
        self.failure: ApiFailed | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.pool.shutdown(cancel_futures=True)

    def send(self, records: list[UsageRecord]) -> None:
        """Raises ApiFailed after a batch was refused for good: the others would be too."""
        if self.api is None or not records:
            return
        while len(self.under_way) >= self.in_flight:
            self.take_answers()
        body = {"records": [record.as_json() for record in records]}
        self.under_way.add(self.pool.submit(deliver, self.api, body))

    def finish(self) -> None:
        """Wait for what is under way. Raises ApiFailed."""
        while self.under_way:
            self.take_answers()

    def take_answers(self) -> None:
        done, self.under_way = wait(self.under_way, return_when=FIRST_COMPLETED)
        for one in done:
            sent, answer = one.result()
            if isinstance(answer, ApiFailed):
                self.summary.undelivered += sent
                raise answer
            self.summary.stored += answer["count"]
            self.summary.duplicates += answer["duplicates"]
            self.summary.rejected += len(answer["rejected"])
            for item in answer["rejected"]:
                self.summary.unread[f"refused: {item['detail']}"] += 1


def deliver(api: Api, body: dict[str, Any]) -> tuple[int, dict[str, Any] | ApiFailed]:
    """How many were sent, and the answer for good."""
    ends_at, pause = time.monotonic() + GIVE_UP_SECONDS, PAUSE_SECONDS[0]
    while True:
        try:
            return len(body["records"]), api.post("/api/usage/batch", body)
        except ApiFailed as error:
            if not error.may_pass or time.monotonic() > ends_at:
                return len(body["records"]), error
            time.sleep(max(pause, min(error.retry_after_seconds, PAUSE_SECONDS[1])))
            pause = min(2 * pause, PAUSE_SECONDS[1])
