"""What a protocol tells of what an error is grouped by, beside its texts; kept with the error, so that whoever reads the row
comes to the same. Pure."""

import json
from collections.abc import Callable
from itertools import accumulate
from typing import Any, Final, NamedTuple, TypeGuard

from common.fingerprint.traces import ERRORS, FRAMES, LINE_CHARS, Trace

GROUPING: Final = "grouping"  # the first key of a context that has one
GROUPING_CHARS: Final = (FRAMES + 2 * ERRORS + 2) * (
    LINE_CHARS + 4
)  # of JSON, in which it stands for certain where it is ASCII
_START: Final = f'{{"{GROUPING}":'
decode = json.JSONDecoder().raw_decode


class Grouping(NamedTuple):
    """`trace`: of the frames that were told as such; else `template`: what the message was made of, with `<*>` where its
    values went."""

    trace: Trace | None = None
    template: str | None = None

    def as_json(self) -> dict[str, Any] | None:
        """As it is kept; None where there is nothing to keep."""
        if self.trace is not None:
            told = self.trace._asdict()
            return {name: list(value) if isinstance(value, tuple) else value for name, value in told.items() if value}
        return {"template": self.template} if self.template else None

    def change(self, change: Callable[[str], tuple[str, int]]) -> tuple["Grouping", int]:
        """Each text of it changed so, and the sum of the numbers that come with that."""
        types, frames, source, causes = self.trace or Trace((), ())
        texts, counts = zip(*map(change, (self.template or "", source, *types, *frames, *causes)), strict=True)
        ends = list(accumulate((2, len(types), len(frames))))
        trace = Trace(texts[2 : ends[1]], texts[ends[1] : ends[2]], texts[1], texts[ends[2] :])
        return Grouping(trace if self.trace is not None else None, texts[0] or None), sum(counts)


def read_grouping(context: str) -> Grouping | None:
    """That of a context by the beginning of its JSON text, GROUPING_CHARS long at least; None where it has none."""
    if not context.startswith(_START):
        return None
    try:
        value, _ = decode(context, len(_START))
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    types, frames, template = value.get("types", []), value.get("frames"), value.get("template")
    source, causes = value.get("source", ""), value.get("causes", [])
    if are_texts(types) and are_texts(frames) and frames and isinstance(source, str) and are_texts(causes):
        return Grouping(Trace(tuple(types), tuple(frames), source, tuple(causes)))
    return Grouping(template=template) if isinstance(template, str) and template else None


def are_texts(value: Any) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)
