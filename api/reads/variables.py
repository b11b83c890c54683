"""The values at the variable places of a pattern, from its template and its latest messages. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator

from common.fingerprint import HOLE


def variable_values(template: str, messages: Iterable[str], top: int = 5) -> list[list[tuple[str, int]]]:
    """For each `<*>` of the template its most frequent values, most first and then by name, with their counts.

    A message that does not fit the template is passed over.
    """
    first, *parts = template.split(HOLE)
    if not parts:
        return []
    found = zip(*find_values(first, parts, messages), strict=True)
    return [most_frequent(Counter(values), top) for values in found] or [[] for _ in parts]


def find_values(first: str, parts: list[str], messages: Iterable[str]) -> Iterator[list[str]]:
    """What stands between the template's parts in each message that fits, each part taken where it first occurs: linear,
    not a search."""
    *middle, last = parts
    for message in messages:
        text = " ".join(message.split())
        if not (text.startswith(first) and text.endswith(last)):
            continue
        values, start = [], len(first)
        for part in middle:
            end = text.find(part, start + 1)
            if end < 0:
                break
            values.append(text[start:end])
            start = end + len(part)
        else:
            end = len(text) - len(last)
            if start <= end:
                values.append(text[start:end])
                yield values


def most_frequent(counts: Counter[str], top: int) -> list[tuple[str, int]]:
    by_name = sorted(counts)
    return [(value, counts[value]) for value in sorted(by_name, key=counts.__getitem__, reverse=True)[:top]]
