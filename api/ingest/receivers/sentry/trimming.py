"""An event's context within its limits: what matters least goes first. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from pydantic_core import to_json

from api.ingest.receivers.json_bounds import count_values
from common.fingerprint import GROUPING_CHARS
from common.settings import Settings

Sections = dict[str, Any]
encode = msgspec.json.Encoder().encode
GROUPING_KEYS = 60  # two for each frame and type, roughly, and those that a section has more than the event
BREADCRUMBS_KEPT = (30, 10)  # at the first cut of them, and at the second
ENDS_KEPT = 20  # frames at either end of an error, where all are too many
TEXT_CHARS = 1_000  # of a text where nothing else helped
TEXTS_LEFT = 500  # texts and numbers of a section that is still too much


class Weight(NamedTuple):
    """Of a value as JSON: how many bytes it has, and keys and items at most."""

    size_bytes: int
    values: int


def fit(sections: Sections, settings: Settings) -> tuple[Sections, bool]:
    """The sections of a context as far as they may be kept, and whether something had to go. They are changed in place."""
    weights = {name: weigh(value) for name, value in sections.items()}
    if are_within(weights, settings):
        return sections, False
    for touched, trim in TRIMS:
        if not any(name in sections for name in touched):
            continue
        trim(sections)
        for name in touched:
            weights.pop(name, None)
            if name in sections:
                weights[name] = weigh(sections[name])
        if are_within(weights, settings):
            return sections, True
    return {name: value for name, value in sections.items() if name in {"exception", "trace_id", "span_id"}}, True


def weigh(value: Any) -> Weight:
    """Told by the text: a walk over its values takes ten times as long."""
    try:
        text = encode(value)
    except OverflowError:  # a long number
        text = to_json(value, inf_nan_mode="strings")
    return Weight(len(text), count_values(text))


def are_within(weights: Mapping[str, Weight], settings: Settings) -> bool:
    """Whether sections of these weights keep the limits of a context; some room is left for its grouping, which goes before."""
    most, size = settings.json_max_keys - GROUPING_KEYS, settings.error_max_bytes - GROUPING_CHARS
    size_bytes = sum(len(name) + 4 + weight.size_bytes for name, weight in weights.items()) + 1
    values = sum(weight.values for weight in weights.values()) + max(len(weights), 1)
    return size_bytes <= max(size, settings.error_max_bytes // 2) and values <= max(most, 1)


def is_within(sections: Sections, settings: Settings) -> bool:
    """The same of the sections themselves."""
    return are_within({name: weigh(value) for name, value in sections.items()}, settings)


def frames_of(sections: Sections) -> Iterator[dict[str, Any]]:
    """Those of the errors, each of which is ours."""
    for error in sections.get("exception", ()):
        yield from error.get("frames", ())


def without(*names: str) -> Callable[[Sections], None]:
    def trim(sections: Sections) -> None:
        for name in names:
            sections.pop(name, None)

    return trim


def with_breadcrumbs(most: int) -> Callable[[Sections], None]:
    def trim(sections: Sections) -> None:
        if "breadcrumbs" in sections:
            sections["breadcrumbs"] = sections["breadcrumbs"][-most:]

    return trim


def without_locals_of_libraries(sections: Sections) -> None:
    for frame in frames_of(sections):
        if frame.get("in_app") is not True:
            frame.pop("locals", None)


def without_locals(sections: Sections) -> None:
    for frame in frames_of(sections):
        frame.pop("locals", None)


def without_source_of_libraries(sections: Sections) -> None:
    for frame in frames_of(sections):
        if frame.get("in_app") is not True:
            drop_source(frame)


def without_source(sections: Sections) -> None:
    for frame in frames_of(sections):
        drop_source(frame)


def drop_source(frame: dict[str, Any]) -> None:
    frame.pop("source", None)
    frame.pop("source_from", None)


def with_ends_of_stacks(sections: Sections) -> None:
    """Of each error the frames where it was raised, and those where the program began."""
    for error in sections.get("exception", ()):
        frames = error.get("frames", ())
        if len(frames) > 2 * ENDS_KEPT:
            error["frames"] = [*frames[:ENDS_KEPT], *frames[-ENDS_KEPT:]]
            error["frames_left_out"] = len(frames) - 2 * ENDS_KEPT


def with_few_errors(sections: Sections) -> None:
    """The first errors of a chain: what was raised, and its causes."""
    if "exception" in sections:
        sections["exception"] = sections["exception"][:10]


def with_short_texts(sections: Sections) -> None:
    for name, value in sections.items():
        sections[name] = Shortener().shorten(value)


class Shortener:
    """Cuts the long texts of a value, and what comes after so many texts and numbers."""

    def __init__(self) -> None:
        self.left = TEXTS_LEFT

    def shorten(self, value: Any, depth: int = 16) -> Any:
        self.left -= 1
        if isinstance(value, str):
            return value if len(value) <= TEXT_CHARS else value[:TEXT_CHARS] + "\u2026"
        if not depth or self.left < 0:
            return None if isinstance(value, dict | list) else value
        if isinstance(value, dict):
            return {str(k)[:200]: self.shorten(v, depth - 1) for k, v in value.items() if self.left > 0}
        if isinstance(value, list):
            return [self.shorten(one, depth - 1) for one in value if self.left > 0]
        return value


SECTIONS = (
    "exception", "logged", "trace_id", "span_id", "transaction", "logger", "server_name", "dist", "user", "request",
    "breadcrumbs", "contexts", "extra", "threads", "platform", "sdk", "modules",
)  # fmt: skip
# In this order, until it fits; each with the sections that it touches.
TRIMS: tuple[tuple[Sequence[str], Callable[[Sections], None]], ...] = (
    (["modules"], without("modules")),
    (["threads"], without("threads")),
    (["breadcrumbs"], with_breadcrumbs(BREADCRUMBS_KEPT[0])),
    (["exception"], without_locals_of_libraries),
    (["breadcrumbs"], with_breadcrumbs(BREADCRUMBS_KEPT[1])),
    (["exception"], without_source_of_libraries),
    (["exception"], with_ends_of_stacks),
    (["exception"], without_locals),
    (["exception"], with_few_errors),
    (["extra"], without("extra")),
    (["exception"], without_source),
    (["contexts"], without("contexts")),
    (SECTIONS, with_short_texts),
    (["breadcrumbs", "sdk"], without("breadcrumbs", "sdk")),
    (["request"], without("request")),
)
