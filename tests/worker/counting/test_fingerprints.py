"""What is the same at ingest: what a fingerprint's row says, and what it says while no error of it can be read."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from common.fingerprint import FINGERPRINT_VERSION
from tests.worker.running import fold_deltas
from tests.worker.stored import OTHER_PROJECT, PROJECT, Error, ago, now_errors, rows, store
from worker.counting.fingerprints import UNKNOWN_VERSION, first_pattern_id, name_of, texts_without_example


async def test_a_fingerprint_knows_when_it_was_seen_and_what_it_says(engine: AsyncEngine) -> None:
    first, last = ago(hours=3), ago(hours=1)
    await store(engine, [Error("user 17 not found", last, error_type="KeyError")])
    await fold_deltas(engine, 48)
    await store(engine, [Error("user 4 not found", first, error_type="KeyError")])
    await fold_deltas(engine, 48)
    kept = "SELECT skeleton, title, grouped_by, error_type, count, first_seen, last_seen FROM fingerprints"
    expected = ("user <*> not found", "KeyError: user <*> not found", "message", "KeyError", 2, first, last)
    assert await rows(engine, kept) == [expected]


async def test_a_fingerprint_whose_error_is_gone_gets_its_texts_later(engine: AsyncEngine) -> None:
    await store(engine, now_errors("disk full"))
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM errors"))
    await fold_deltas(engine, 48)
    assert await rows(engine, "SELECT version, count FROM fingerprints") == [(0, 1)]
    await store(engine, now_errors("disk full"))
    await fold_deltas(engine, 48)
    assert await rows(engine, "SELECT version, title, count FROM fingerprints") == [
        (FINGERPRINT_VERSION, "disk full", 2)
    ]


def test_a_fingerprint_founds_the_same_pattern_each_time_and_another_in_each_project() -> None:
    assert first_pattern_id(PROJECT, 7) == first_pattern_id(PROJECT, 7)
    assert len({first_pattern_id(PROJECT, 7), first_pattern_id(PROJECT, 8), first_pattern_id(OTHER_PROJECT, 7)}) == 3


def test_a_fingerprint_is_named_by_its_64_bits_negative_ones_too() -> None:
    assert name_of(255) == "00000000000000ff"
    assert name_of(-1) == "f" * 16


def test_fingerprints_without_an_example_have_texts_that_group_them_with_nothing() -> None:
    one, other = texts_without_example(1), texts_without_example(2)
    assert one["version"] == UNKNOWN_VERSION
    assert (one["origin"], one["skeleton"]) != (other["origin"], other["skeleton"])
