"""Values of an event as they should be, whatever stands in their place: an SDK sends nothing again. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic_core import to_json

NONE: Mapping[str, Any] = {}


def as_text(value: Any) -> str:
    """A text as it is, nothing as an empty one, all else as JSON has it."""
    if isinstance(value, str):
        return value
    return "" if value is None else to_json(value, inf_nan_mode="strings").decode()


def as_name(value: Any) -> str | None:
    """A text that may stand as a name; None for nothing, and for what is no scalar."""
    return None if isinstance(value, dict | list) else as_text(value).strip() or None


def as_object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else NONE


def as_list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def as_count(value: Any) -> int | None:
    """A whole number that is not negative, which may have been sent as text."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else None


def as_flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def list_values(value: Any) -> list[Mapping[str, Any]]:
    """The objects of an interface: in `{"values": [...]}`, in a bare list, or one alone."""
    if isinstance(value, dict):
        values = value.get("values")
        value = values if isinstance(values, list) else [value]
    return [one for one in as_list(value) if isinstance(one, dict)]


def as_pairs(value: Any) -> Iterable[tuple[str, Any]]:
    """The pairs of a map, of a list of pairs, or of a list of objects with `key` and `value`."""
    if isinstance(value, dict):
        yield from value.items()
        return
    for one in as_list(value):
        if isinstance(one, list) and len(one) == 2:
            yield as_text(one[0]), one[1]
        elif isinstance(one, dict) and "key" in one:
            yield as_text(one["key"]), one.get("value")


def without_nothing(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What of these says something."""
    return {name: value for name, value in facts.items() if value or not (value is None or value == "" or value == {})}
