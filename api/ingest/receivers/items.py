"""What receivers give: the items of a request that can go on, and a reason for each that cannot. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from pydantic import BaseModel

from api.http.problems import ProblemPlace
from api.ingest.receivers.wording import Wording

ItemT = TypeVar("ItemT")


def read_none(_body: bytes) -> None:
    """Nothing is plain."""


@dataclass(frozen=True, slots=True)
class ItemKind(Generic[ItemT]):
    """What a batch is made of: the name of its list, the model of an item; `kind` is for the metrics. A batch or an item
    that is plain can be read by a shorter way, which gives None for any that it does not read."""

    name: str
    item: type[BaseModel]
    kind: str
    wording: Wording
    read_plain_batch: Callable[[bytes], Sequence[ItemT] | None] = read_none
    read_plain_item: Callable[[bytes], ItemT | None] = read_none


class Parsed(NamedTuple, Generic[ItemT]):
    """One item that can go on, and how it was adjusted (flags of Adjustment) to make it so."""

    value: ItemT
    adjustments: int = 0


@dataclass(frozen=True, slots=True)
class Rejected:
    """One item that cannot, and why."""

    reason: str
    detail: str
    pointer: str = ""


Item = Parsed[ItemT] | Rejected


@dataclass(frozen=True, slots=True)
class Batch(Generic[ItemT]):
    """What one request brought: the items that can go on, in order, how some of these (by their number) were adjusted,
    those that cannot, by their place in the body; and how many were discarded, by what they are: things that the protocol
    knows and Mayday does not keep, which have no place."""

    items: list[ItemT]
    adjusted: Mapping[int, int] = field(default_factory=dict)
    rejected: Mapping[int, Rejected] = field(default_factory=dict)
    discarded: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.items) + len(self.rejected)

    @property
    def places(self) -> Sequence[int]:
        """The place in the body of each item that can go on."""
        return (
            [place for place in range(len(self)) if place not in self.rejected] if self.rejected else range(len(self))
        )


def sort_out(items: Iterable[Item[ItemT]]) -> Batch[ItemT]:
    """What can go on apart from what cannot; items in the order of their places."""
    parsed: list[Parsed[ItemT]] = []
    rejected: dict[int, Rejected] = {}
    for place, item in enumerate(items):
        if isinstance(item, Rejected):
            rejected[place] = item
        else:
            parsed.append(item)
    adjusted = {number: item.adjustments for number, item in enumerate(parsed) if item.adjustments}
    return Batch([item.value for item in parsed], adjusted, rejected)


def describe_places(rejected: Mapping[int, Rejected], form: ItemKind[ItemT]) -> list[ProblemPlace]:
    """The rejected items of a batch as places in its body."""
    return [describe_place(item, f"/{form.name}/{place}") for place, item in rejected.items()]


def describe_place(item: Rejected, prefix: str = "") -> ProblemPlace:
    return ProblemPlace(pointer=prefix + item.pointer, reason=item.reason, detail=item.detail)
