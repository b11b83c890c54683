"""Answers that a process holds: bounded with all that stands beside them, each coding made once."""

import sys
from uuid import UUID

from api.reads.answer_cache import AnswerCache, HeldAnswer, Question

MIB = 2**20


def test_copies_count_what_stands_beside_their_bodies() -> None:
    copies = AnswerCache(max_entries=10_000, max_bytes=MIB)
    for number in range(2_000):
        question = Question(UUID(int=number), "errors", "recent", (("service", "\U0001f600" * 200),))
        copies.keep(question, HeldAnswer("etag", "generation", 0.0, {"identity": ("identity", b"{}")}))
    assert len(copies.by_question) * sys.getsizeof("\U0001f600" * 200) < MIB
    assert copies.total_bytes <= MIB
