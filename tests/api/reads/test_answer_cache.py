"""Answers that a process holds: bounded with all that stands beside them, each coding made once."""

import asyncio
import gzip
import sys
from uuid import UUID

from api.reads.answer_cache import ENTRY_BYTES, LARGE_BYTES, AnswerCache, HeldAnswer, Question

MIB = 2**20


def test_copies_count_what_stands_beside_their_bodies() -> None:
    copies = AnswerCache(max_entries=10_000, max_bytes=MIB)
    for number in range(2_000):
        question = Question(UUID(int=number), "errors", "recent", (("service", "\U0001f600" * 200),))
        copies.keep(question, HeldAnswer("etag", "generation", 0.0, {"identity": ("identity", b"{}")}))
    assert len(copies.by_question) * sys.getsizeof("\U0001f600" * 200) < MIB
    assert copies.total_bytes <= MIB


async def test_a_coding_is_made_once_for_all_who_ask_and_a_small_body_is_sent_as_it_is() -> None:
    held = AnswerCache(max_entries=10, max_bytes=MIB)
    question = Question(UUID(int=1), "errors", "recent", ())
    large, small = b"[" + b"1," * LARGE_BYTES + b"1]", b"{}"
    copy = HeldAnswer("etag", "generation", 0.0, {"identity": ("identity", large)})
    held.keep(question, copy)
    before = held.total_bytes
    assert all(await asyncio.gather(*[held.encode(question, copy, "gzip") for _ in range(5)]))
    assert gzip.decompress(copy.bodies["gzip"][1]) == large
    assert held.total_bytes == before + len(copy.bodies["gzip"][1])
    tiny = HeldAnswer("etag", "generation", 0.0, {"identity": ("identity", small)})
    assert await held.encode(question, tiny, "br")
    assert tiny.bodies["br"] == ("identity", small)


async def test_a_copy_without_its_plain_body_can_be_sent_in_no_other_coding() -> None:
    held = AnswerCache(max_entries=10, max_bytes=MIB)
    copy = HeldAnswer("etag", "generation", 0.0, {"br": ("br", b"packed")})
    question = Question(UUID(int=1), "errors", "recent", ())
    assert await held.encode(question, copy, "br")
    assert not await held.encode(question, copy, "gzip")


def test_what_was_not_used_for_longest_goes_first_and_one_more_under_a_name_takes_its_place() -> None:
    held = AnswerCache(max_entries=2, max_bytes=MIB)
    one, two, three = (Question(UUID(int=1), "errors", name, ()) for name in ("one", "two", "three"))
    for question in (one, two):
        held.keep(question, HeldAnswer("etag", "generation", 0.0))
    held.touch(one)
    held.keep(three, HeldAnswer("etag", "generation", 0.0))
    assert list(held.by_question) == [one, three]
    held.keep(three, HeldAnswer("another", "generation", 0.0))
    assert (len(held.by_question), held.total_bytes) == (2, 2 * ENTRY_BYTES)


def test_equal_questions_are_one_and_their_place_in_the_cache_follows_the_generation() -> None:
    one, same = (Question(UUID(int=1), "errors", "recent", (("limit", 20),)) for _ in range(2))
    assert (one == same, hash(one) == hash(same)) == (True, True)
    assert one.key("g") == same.key("g") != one.key("h")
