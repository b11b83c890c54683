"""The answers that a process holds, each in the codings that were asked for: a coding is made when the first asks for it.

An answer that errors outdate is made twice a second while they come in; of its four codings mostly one is wanted, and
making all of them took half as long as the answer itself.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from api.http.single_flight import SingleFlight
from common.cache import Topic, answer_key
from common.cache.sealing import form_of
from common.compression import COMPRESS_FROM_BYTES, Encoding, compress_as

ENTRY_BYTES = 4_096  # of a copy beside its bodies: a question holds up to three names of 200 characters
LARGE_BYTES = 64 * 2**10  # from here, a quarter of a millisecond and more, others are answered meanwhile


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: equal questions have equal answers under one generation."""

    project_id: UUID
    topic: Topic
    name: str
    parameters: tuple[tuple[str, Any], ...]
    hashed: int = field(init=False, repr=False, compare=False)  # looked up three times for each answer

    def __post_init__(self) -> None:
        object.__setattr__(self, "hashed", hash((self.project_id, self.topic, self.name, self.parameters)))

    def __hash__(self) -> int:
        return self.hashed

    def key(self, generation: str) -> str:
        return answer_key(self.project_id, generation, self.name, **dict(self.parameters))


def name_answer(project_id: UUID, topic: Topic, name: str, model: type[BaseModel], params: dict[str, Any]) -> Question:
    """The question under which an answer of this model is kept: one of another form of it is another answer."""
    return Question(project_id, topic, name, tuple(sorted((params | {"form": form_of(model)}).items())))


@dataclass(slots=True)
class HeldAnswer:
    """An answer, and when it was last known good; `bodies` has the coding and the bytes for each that was asked for."""

    etag: str
    generation: str
    good_at: float
    bodies: dict[Encoding, tuple[Encoding, bytes]] = field(default_factory=dict)
    kept_bytes: int = 0


class AnswerCache:
    """Those of this process: the ones that were not used for longest go when there are too many, or too many bytes."""

    def __init__(self, max_entries: int, max_bytes: int) -> None:
        self.max_entries = max_entries
        self.max_bytes = max_bytes
        self.by_question: OrderedDict[Question, HeldAnswer] = OrderedDict()
        self.total_bytes = 0
        self.codings = SingleFlight[bytes](note_failure=lambda _: None)  # who waits is told

    def get(self, question: Question) -> HeldAnswer | None:
        return self.by_question.get(question)

    def keep(self, question: Question, copy: HeldAnswer) -> None:
        """Hold the copy instead of the one before, or count it again after it grew."""
        self.forget(self.by_question.pop(question, None))
        copy.kept_bytes = ENTRY_BYTES + sum(len(body) for _, body in copy.bodies.values())
        self.by_question[question] = copy
        self.total_bytes += copy.kept_bytes
        while len(self.by_question) > self.max_entries or self.total_bytes > self.max_bytes:
            self.forget(self.by_question.popitem(last=False)[1])

    def forget(self, copy: HeldAnswer | None) -> None:
        self.total_bytes -= copy.kept_bytes if copy else 0

    def touch(self, question: Question) -> None:
        """Note that it was used."""
        if question in self.by_question:
            self.by_question.move_to_end(question)

    async def encode(self, question: Question, copy: HeldAnswer, encoding: Encoding) -> bool:
        """See to it that the copy can be sent in this coding; False where the plain body is not at hand."""
        if encoding in copy.bodies:
            return True
        if "identity" not in copy.bodies:
            return False
        _, body = copy.bodies["identity"]
        if len(body) < COMPRESS_FROM_BYTES:
            copy.bodies[encoding] = ("identity", body)
        elif len(body) < LARGE_BYTES:
            copy.bodies[encoding] = (encoding, compress_as(encoding, body))
        else:
            begin = partial(asyncio.to_thread, compress_as, encoding, body)
            copy.bodies[encoding] = (encoding, await asyncio.shield(self.codings.join((copy.etag, encoding), begin)))
        if self.by_question.get(question) is copy:
            self.keep(question, copy)
        return True
