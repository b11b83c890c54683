"""What a receiver is: it reads the bodies of one protocol, each as a batch of items. Pure.

A new one is a file here that has a `Receiver`, and a line where the receivers of its kind of item are listed
(`registry.py` for errors).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic

from api.http.problems import Unsupported
from api.ingest.receivers.items import Batch, ItemT
from common.settings import Settings

JSON, NDJSON = "application/json", "application/x-ndjson"


@dataclass(frozen=True, slots=True)
class Receiver(Generic[ItemT]):
    """One protocol: its name, the media types by which its bodies are told from those of others, and what reads a body,
    which is unpacked and within the limits of bodies. `read` raises Invalid where the body as a whole is none of its own."""

    name: str
    media_types: tuple[str, ...]
    read: Callable[[bytes, Settings], Batch[ItemT]]


class Receivers(Generic[ItemT]):
    """The receivers of one kind of item, by media type. What names no type is for the first one."""

    def __init__(self, *receivers: Receiver[ItemT]) -> None:
        self.first = receivers[0]
        self.by_media_type = {media_type: each for each in receivers for media_type in each.media_types}

    def __iter__(self) -> Iterator[Receiver[ItemT]]:
        return iter(dict.fromkeys(self.by_media_type.values()))

    def of(self, content_type: str | None) -> Receiver[ItemT]:
        """Whose body it is, by the header Content-Type. Raises Unsupported where nobody takes it."""
        if content_type is None:
            return self.first
        receiver = self.by_media_type.get(content_type) or self.by_media_type.get(read_media_type(content_type))
        if receiver is None:
            one, *others = self.by_media_type
            more = f", or {' or '.join(others)} to a batch route" if others else ""
            raise Unsupported(f"Content-Type {read_media_type(content_type)[:100]!r}: send {one}{more}")
        return receiver


def read_media_type(content_type: str) -> str:
    """The type alone, without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()
