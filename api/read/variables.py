"""The values at the variable places of a pattern, from its template and its latest messages. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence

from common.fingerprint import HOLE


def variable_values(template: str, messages: Iterable[tuple[str, int]], top: int = 5) -> list[list[tuple[str, int]]]:
    """For each `<*>` of the template its most frequent values, with counts, from (message, count) pairs.

    A message that does not fit the template is passed over.
    """
    parts = template.split(HOLE)
    counts: list[Counter[str]] = [Counter() for _ in parts[1:]]
    for message, count in messages:
        for counter, value in zip(counts, _values(parts, " ".join(message.split())), strict=False):
            counter[value] += count
    return [sorted(counter.items(), key=lambda item: (-item[1], item[0]))[:top] for counter in counts]


def _values(parts: Sequence[str], message: str) -> list[str]:
    """What stands between the template's parts, each part taken where it first occurs: linear, not a search."""
    if not message.startswith(parts[0]):
        return []
    values, start = [], len(parts[0])
    for part in parts[1:-1]:
        end = message.find(part, start + 1)
        if end < 0:
            return []
        values.append(message[start:end])
        start = end + len(part)
    end = len(message) - len(parts[-1])
    return [*values, message[start:end]] if start <= end and message.endswith(parts[-1]) else []
