"""Senders that give up no batch before it is acknowledged, whatever is restarted meanwhile."""

import itertools
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import httpx

SENDERS = 3
BATCH = 20
GIVE_UP_SECONDS = 90.0
PAUSE_SECONDS = 0.2


@dataclass(slots=True)
class Load:
    """What was sent and acknowledged: ids to messages, and the problems of those that gave up."""

    addresses: Sequence[str]
    key: str
    attempted: dict[UUID, str] = field(default_factory=dict)
    acknowledged: set[UUID] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)
    tries: int = 0
    batches: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    def send_until_ended(self, turns: Iterator[str]) -> None:
        with httpx.Client(headers={"Authorization": f"Bearer {self.key}"}, timeout=10, trust_env=False) as client:
            while not self.ended.wait(PAUSE_SECONDS) and not self.problems:
                self.send_batch(client, turns)

    def send_batch(self, client: httpx.Client, turns: Iterator[str]) -> None:
        """One batch, to one API after another until it is taken."""
        errors = {uuid4(): f"order {number} failed: no answer from the bank" for number in range(BATCH)}
        body = [
            {"event_id": str(event_id), "service": "shop", "severity": "error", "message": message}
            for event_id, message in errors.items()
        ]
        self.attempted.update(errors)
        until = time.monotonic() + GIVE_UP_SECONDS
        while not self.is_taken(client, next(turns), body):
            if time.monotonic() > until:
                self.problems.append(f"a batch was not taken for {GIVE_UP_SECONDS:.0f} s")
                return
            time.sleep(PAUSE_SECONDS)
        self.acknowledged.update(errors)
        self.batches += 1

    def is_taken(self, client: httpx.Client, address: str, body: list[dict[str, str]]) -> bool:
        """Whether all of it is stored; what is refused for good is a problem."""
        self.tries += 1
        try:
            answer = client.post(f"http://{address}/api/errors/batch", json={"errors": body})
        except httpx.TransportError:
            return False
        if answer.status_code not in (201, 503, 429):
            self.problems.append(f"{answer.status_code}: {answer.text}")
        return answer.status_code == 201


@contextmanager
def under_load(addresses: Sequence[str], key: str) -> Iterator[Load]:
    """Send to these APIs meanwhile; at the end every batch that was begun is waited for."""
    load = Load(addresses, key)
    turns = [
        itertools.cycle([*addresses[n % len(addresses) :], *addresses[: n % len(addresses)]]) for n in range(SENDERS)
    ]
    threads = [threading.Thread(target=load.send_until_ended, args=(turn,), daemon=True) for turn in turns]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        load.ended.set()
        for thread in threads:
            thread.join(2 * GIVE_UP_SECONDS)
