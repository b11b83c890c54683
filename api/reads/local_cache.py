"""Answers that a process remembers, by what they were made of: bounded in bytes, since their sizes differ a thousandfold."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class LocalCache(Generic[Key, Value]):
    """What was not used for longest goes where it is too much. `size_of` is asked once for each value; a key is as good
    as nothing beside it. May be used by several threads."""

    def __init__(self, max_bytes: int, size_of: Callable[[Value], int]) -> None:
        self.max_bytes = max_bytes
        self.size_of = size_of
        self.held: OrderedDict[Key, tuple[Value, int]] = OrderedDict()
        self.total_bytes = 0
        self.lock = Lock()

    def get(self, key: Key) -> Value | None:
        with self.lock:
            found = self.held.get(key)
            if found is None:
                return None
            self.held.move_to_end(key)
            return found[0]

    def keep(self, key: Key, value: Value) -> None:
        """One that is larger than all together may be is not kept."""
        size_bytes = self.size_of(value)
        with self.lock:
            _, before = self.held.pop(key, (None, 0))
            self.held[key] = value, size_bytes
            self.total_bytes += size_bytes - before
            while self.total_bytes > self.max_bytes:
                _, (_, gone) = self.held.popitem(last=False)
                self.total_bytes -= gone
