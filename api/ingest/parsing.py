"""From the bytes of a request to errors that can be stored, and a reason for each that cannot. Pure.

A body that is right is parsed and validated in one pass in Rust. Anything else goes item by item: cleaned first, then
validated, so that a bad item is rejected alone.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from pydantic import ValidationError

from api.ingest.cleaning import clean_value, load_tolerantly
from api.ingest.schemas import ErrorBatchIn, ErrorIn
from api.problems import Invalid, ProblemPlace
from common.settings import Settings

REASONS = {"missing": "missing_field", "extra_forbidden": "unknown_field", "model_type": "not_an_object"}


class Parsed(NamedTuple):
    """One item that can go on; `cleaned` when it is not quite what was sent."""

    error: ErrorIn
    cleaned: bool = False


@dataclass(frozen=True, slots=True)
class Rejected:
    """One item that cannot, and why."""

    reason: str
    detail: str
    pointer: str = ""


Item = Parsed | Rejected
T = TypeVar("T")


def parse_batch(body: bytes, settings: Settings) -> Sequence[Item]:
    """The items of `{"errors": [...]}`, in order. Raises Invalid when there are none to speak of, or too many."""
    if is_plain(body):
        try:
            return in_bounds([Parsed(e) for e in ErrorBatchIn.model_validate_json(body).errors], settings)
        except ValidationError:
            pass  # one by one, then, to keep the good ones
    return in_bounds([parse_value(item, settings) for item in list_of_errors(load(body, settings))], settings)


def parse_lines(body: bytes, settings: Settings) -> Sequence[Item]:
    """The items of a body with one JSON object a line (NDJSON); blank lines do not count. Raises Invalid."""
    lines = in_bounds([line for line in body.splitlines() if line.strip()], settings)
    return [parse_one(line, settings) for line in lines]


def parse_one(body: bytes, settings: Settings) -> Item:
    """One error, as the whole body or as a line of it."""
    if is_plain(body):
        try:
            return Parsed(ErrorIn.model_validate_json(body))
        except ValidationError:
            pass
    try:
        return parse_value(load(body, settings), settings)
    except Invalid as error:
        return Rejected("not_json", str(error.detail))


def is_plain(body: bytes) -> bool:
    """False where the fast parser would let something pass that Postgres cannot keep: an escaped NUL."""
    return b"\\u0000" not in body


def load(body: bytes, settings: Settings) -> Any:
    """Parse strictly, else tolerantly. Raises Invalid."""
    try:
        return load_tolerantly(body, settings.json_max_depth + 3)  # the context stands three levels deep in a batch
    except (ValueError, RecursionError) as error:
        raise Invalid(f"the body is not JSON: {error}") from error


def list_of_errors(document: Any) -> list[Any]:
    if not isinstance(document, dict) or not isinstance(document.get("errors"), list):
        raise Invalid('send an object with a list: {"errors": [...]}')
    unknown = sorted(set(map(str, document)) - {"errors"})
    if unknown:
        raise Invalid(f"unknown field {unknown[0][:100]!r}: beside errors there is none")
    return list(document["errors"])


def in_bounds(items: list[T], settings: Settings) -> list[T]:
    if not items:
        raise Invalid("no errors in the body: send at least one")
    if len(items) > settings.batch_max_items:
        raise Invalid(f"{len(items):,} errors in one batch: send at most {settings.batch_max_items:,}")
    return items


def parse_value(value: Any, settings: Settings) -> Item:
    """Clean and validate one parsed item, by the same rules as on the fast way."""
    cleaned = clean_value(value, settings.json_max_depth + 1, settings.json_max_keys)
    try:
        error = ErrorIn.model_validate_json(json.dumps(cleaned))
    except ValidationError as invalid:
        return describe_rejection(invalid)
    return Parsed(error, cleaned=cleaned != value)


def describe_rejection(invalid: ValidationError) -> Rejected:
    """The first thing that is wrong, without the input; the others are counted."""
    first, *others = invalid.errors(include_url=False, include_input=False)
    path = [str(part)[:100] for part in first["loc"]]
    name = f"{'.'.join(path)}: " if path else ""
    more = f" (and {len(others)} more)" if others else ""
    return Rejected(
        REASONS.get(first["type"], "invalid_field"), f"{name}{first['msg'].lower()}{more}", "/".join(["", *path])
    )


def describe_places(rejected: Sequence[tuple[int, Rejected]]) -> list[ProblemPlace]:
    """The rejected items of a batch as places in its body."""
    return [describe_place(item, f"/errors/{index}") for index, item in rejected]


def describe_place(item: Rejected, prefix: str = "") -> ProblemPlace:
    return ProblemPlace(pointer=prefix + item.pointer, reason=item.reason, detail=item.detail)
