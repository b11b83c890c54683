"""Inputs are read in a thread, a few batches ahead, and what waits goes on after a second."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.send.batching import Handover, Reading, read_head
from cli.send.decoding import Input
from cli.send.delivery import Batch, Tally
from cli.send.mapping import Line
from cli.send.sniffing import Form
from tests.cli.send.reading import OPTIONS


def test_batches_are_full_and_know_how_far_their_files_were_read(tmp_path: Path) -> None:
    for name in ("a.log", "b.log"):
        (tmp_path / name).write_text("ERROR it failed\n" * 250)
    inputs = [Input(tmp_path / name) for name in ("a.log", "b.log")]
    batches = list(Reading(Form.auto, OPTIONS, 100, Tally()).read(iter(inputs)))
    assert [len(batch.lines) for batch in batches] == [100, 100, 50, 100, 100, 50]
    assert batches[-1].position == sum(one.size_bytes for one in inputs)


def test_a_pause_sends_what_waits() -> None:
    line = Line("x:1", b"{}")
    batches = list(Reading(Form.auto, OPTIONS, 100, Tally()).gather(iter([line, None, line])))
    assert [len(batch.lines) for batch in batches] == [1, 1]


def test_the_head_is_up_to_the_first_line() -> None:
    chunks = iter([None, b"ab", None, b"c\nd", b"e"])
    assert read_head(chunks) == (b"abc\nd", [b"ab", b"c\nd"])
    assert list(chunks) == [b"e"]


async def test_no_more_is_read_than_a_few_batches_ahead() -> None:
    read: list[int] = []

    def batches() -> Iterator[Batch]:
        for number in range(100):
            read.append(number)
            yield Batch([], number)

    handover = Handover(batches(), 3)
    handover.start()
    await asyncio.sleep(0.3)
    assert len(read) <= 4
    received = [batch.position async for batch in taken(handover)]
    assert received == list(range(100))
    assert await handover.next() is None  # and for all others who ask


async def taken(handover: Handover):  # type: ignore[no-untyped-def]
    while (batch := await handover.next()) is not None:
        yield batch


async def test_what_fails_in_the_thread_is_raised_where_it_is_waited_for() -> None:
    def batches() -> Iterator[Batch]:
        yield Batch([])
        raise ValueError("torn")

    handover = Handover(batches(), 3)
    handover.start()
    assert await handover.next() == Batch([])
    with pytest.raises(ValueError, match="torn"):
        await handover.next()
