"""Gives memory back to the system that was in use for a moment: the allocator would keep it for as long as the process lives."""

import asyncio
import ctypes
import time
from collections.abc import Callable
from pathlib import Path

LOOK_SECONDS = 10.0
# What a process may have grown by since its start before anything is done.
GROWN_BYTES = 32 * 2**20
# Allocations wait meanwhile: 70 ms where 200 MB are given back, one where nothing is. So it is left until the process
# uses less than this share of a processor.
RESTING_SHARE = 0.25
RESIDENT_KILOBYTES = b"VmRSS:"
STATUS = Path("/proc/self/status")


async def give_back_memory(look_seconds: float = LOOK_SECONDS) -> None:
    """Look for as long as the process lives; ends at once where the allocator is not glibc's."""
    trim = find_trim()
    if trim is None:
        return
    at_start = resident_bytes()
    while True:
        used_seconds = time.process_time()
        await asyncio.sleep(look_seconds)
        is_resting = time.process_time() - used_seconds < RESTING_SHARE * look_seconds
        if is_resting and resident_bytes() - at_start > GROWN_BYTES:
            await asyncio.to_thread(trim, 0)


def find_trim() -> Callable[[int], int] | None:
    """glibc's malloc_trim, which gives back the free pages of all arenas; None on other systems."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim if STATUS.exists() else None


def resident_bytes() -> int:
    """Memory of this process that is neither given back nor swapped."""
    lines = (line.split() for line in STATUS.read_bytes().splitlines())
    return next(int(line[1]) * 1024 for line in lines if line and line[0] == RESIDENT_KILOBYTES)
