"""What clients tried and what they were told, and what that says about what must be stored. In Jepsen's words.

attempts      elements that were sent at least once
acknowledged  those that an answer called stored or duplicate
lost          acknowledged, and not stored
duplicated    stored more than once
recovered     stored, though no answer ever said so
unexpected    stored, and never sent, or stored with other content than was sent
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, astuple, dataclass, field
from pathlib import Path
from typing import Any, TextIO
from uuid import UUID

REFUSALS = (429, 503)
TAKEN = (200, 201, 207, 304)
SLOWEST_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Answer:
    """One request's end. `status` 0: the connection broke. `kind` says write or read."""

    at: float
    seconds: float
    kind: str
    status: int
    retry_after: bool
    api: str
    project: str = ""
    detail: str = ""

    @property
    def is_taken(self) -> bool:
        return self.status in TAKEN

    @property
    def is_fair_refusal(self) -> bool:
        return self.status in REFUSALS and self.retry_after


@dataclass(frozen=True, slots=True)
class Verdict:
    """Counts of elements, as above."""

    attempts: int
    acknowledged: int
    lost: int
    duplicated: int
    recovered: int
    unexpected: int

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.duplicated or self.unexpected)

    def __add__(self, other: "Verdict") -> "Verdict":
        return Verdict(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))

    def __str__(self) -> str:
        return ", ".join(f"{name} {count:,}" for name, count in asdict(self).items())


def judge(attempted: dict[UUID, str], acknowledged: set[UUID], stored: Iterable[tuple[UUID, str]]) -> Verdict:
    """What was sent (id to content) and acknowledged, against every row that is stored (id and content)."""
    found: Counter[UUID] = Counter()
    unexpected = 0
    for event_id, content in stored:
        found[event_id] += 1
        unexpected += attempted.get(event_id) != content
    return Verdict(
        attempts=len(attempted),
        acknowledged=len(acknowledged),
        lost=sum(event_id not in found for event_id in acknowledged),
        duplicated=sum(count > 1 for count in found.values()),
        recovered=sum(event_id not in acknowledged for event_id in found),
        unexpected=unexpected,
    )


@dataclass(slots=True)
class Journal:
    """Every attempt and every answer of a run; given a file, also as JSON lines, written before and after each try."""

    file: TextIO | None = None
    attempted: dict[UUID, str] = field(default_factory=dict)
    acknowledged: set[UUID] = field(default_factory=set)
    answers: list[Answer] = field(default_factory=list)
    under_way: set[float] = field(default_factory=set)  # when what has no answer yet was asked (monotonic)

    @classmethod
    @contextmanager
    def at(cls, path: Path) -> Iterator["Journal"]:
        with path.open("w") as file:
            yield cls(file)

    def attempt(self, elements: dict[UUID, str], api: str) -> None:
        """Note what is about to be sent."""
        self.attempted.update(elements)
        self.write(try_of=[event_id.hex for event_id in elements], api=api)

    def acknowledge(self, event_ids: Iterable[UUID]) -> None:
        """Note that an answer called these stored."""
        self.acknowledged.update(event_ids)

    def note(self, answer: Answer) -> None:
        self.answers.append(answer)
        if answer.kind == "write":
            self.write(status=answer.status, api=answer.api, seconds=round(answer.seconds, 4))

    def write(self, **line: Any) -> None:
        if self.file:
            self.file.write(json.dumps({"at": round(time.time(), 4), **line}) + "\n")

    def since(self, started: float) -> list[Answer]:
        """The answers to what was asked from `started` (monotonic) on, or was under way then."""
        return [answer for answer in self.answers if answer.at + answer.seconds >= started]

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Around a request: `wait_for_answers` waits for its end."""
        began = time.monotonic()
        self.under_way.add(began)
        try:
            yield
        finally:
            self.under_way.discard(began)

    async def wait_for_answers(self, until: float) -> None:
        """Until all that was asked before then (monotonic) has its answer."""
        while any(began < until for began in self.under_way):
            await asyncio.sleep(0.01)

    def judge(self, stored: Iterable[tuple[UUID, str]]) -> Verdict:
        return judge(self.attempted, self.acknowledged, stored)
