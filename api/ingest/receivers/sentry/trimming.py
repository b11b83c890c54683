"""An event's context within its limits: what matters least goes first. Pure."""

from collections.abc import Callable, Iterator
from typing import Any

from pydantic_core import to_json

from api.ingest.receivers.json_bounds import has_more_values_than
from common.fingerprint import GROUPING_CHARS
from common.settings import Settings

Sections = dict[str, Any]
GROUPING_KEYS = 60  # two for each frame and type, roughly, and those that a section has more than the event
BREADCRUMBS_KEPT = (30, 10)  # at the first cut of them, and at the second
ENDS_KEPT = 20  # frames at either end of an error, where all are too many
TEXT_CHARS = 1_000  # of a text where nothing else helped
TEXTS_LEFT = 500  # texts and numbers of a section that is still too much


def fit(sections: Sections, settings: Settings) -> tuple[Sections, bool]:
    """The sections of a context as far as they may be kept, and whether something had to go. They are changed in place."""
    if is_within(sections, settings):
        return sections, False
    for trim in TRIMS:
        trim(sections)
        if is_within(sections, settings):
            return sections, True
    return {name: value for name, value in sections.items() if name in {"exception", "trace_id", "span_id"}}, True


def is_within(sections: Sections, settings: Settings) -> bool:
    """Whether a context keeps its limits, told by its text: a walk over its values takes ten times as long."""
    return may_keep(to_json(sections, inf_nan_mode="strings").decode(), settings)


def may_keep(text: str, settings: Settings) -> bool:
    """Whether what a JSON text says keeps the limits of a context; some room is left for its grouping, which goes before."""
    most, size = settings.json_max_keys - GROUPING_KEYS, settings.error_max_bytes - GROUPING_CHARS
    return len(text) <= max(size, settings.error_max_bytes // 2) and not has_more_values_than(text, max(most, 1))


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


# In this order, until it fits.
TRIMS: tuple[Callable[[Sections], None], ...] = (
    without("modules", "debug_meta"),
    without("threads"),
    with_breadcrumbs(BREADCRUMBS_KEPT[0]),
    without_locals_of_libraries,
    with_breadcrumbs(BREADCRUMBS_KEPT[1]),
    without_source_of_libraries,
    with_ends_of_stacks,
    without_locals,
    with_few_errors,
    without("extra"),
    without_source,
    without("contexts"),
    with_short_texts,
    without("breadcrumbs", "sdk"),
    without("request"),
)
