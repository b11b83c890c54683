"""Whether a count is beyond all that a pattern has done, whatever its counts look like otherwise. Pure.

A pattern that comes in bursts has counts whose tail no mean and dispersion tell well: what is likely by these may still be
half again as much as anything seen in two weeks.
"""

from collections.abc import Sequence
from itertools import accumulate

LEAST_HOURS = 72  # of a past; of fewer the highest says little
RECORD_RATIO = 1.5


def is_record(count: int, past: Sequence[int], hours: int) -> bool:
    """Whether `count`, of a window of so many hours, is `RECORD_RATIO` times the most that any such window of the past had.

    `past`: errors per clock hour, the newest last; of fewer than `LEAST_HOURS` there is no record.
    """
    return len(past) >= LEAST_HOURS and count >= RECORD_RATIO * find_most(past, hours)


def find_most(past: Sequence[int], hours: int) -> int:
    """The most errors of so many clock hours on end."""
    sums = list(accumulate(past, initial=0))
    return max(after - before for before, after in zip(sums, sums[hours:], strict=False))
