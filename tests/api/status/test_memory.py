"""What a process needed for a moment does not stay with it."""

import asyncio
import os

import pytest

from api.status.background import in_background
from api.status.memory import find_trim, give_back_memory, resident_bytes

MEBIBYTE = 2**20

pytestmark = pytest.mark.skipif(find_trim() is None, reason="the allocator is not glibc's")


def hold_for_a_moment() -> list[bytes]:
    """Takes 200 MiB in small pieces, and keeps each hundredth of them, between those that are free then."""
    return [os.urandom(32_768) for _ in range(6_400)][::100]


async def test_memory_of_a_moment_comes_back_to_the_system() -> None:
    async with in_background(give_back_memory(look_seconds=0.2), "test"):
        await asyncio.sleep(0)
        kept = hold_for_a_moment()
        before = resident_bytes()
        async with asyncio.timeout(20):
            while before - resident_bytes() < 100 * MEBIBYTE:
                await asyncio.sleep(0.1)
    assert len(kept) == 64
