"""From the bytes of a request to items that can be stored, and a reason for each that cannot. Pure.

A body that is plain is read without the models where there is a way to (`plain`), one that is right is parsed and
validated by them in one pass in Rust. Anything else goes item by item: cleaned first, then validated, so that a bad
item is rejected alone.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar, cast

from pydantic import BaseModel, ValidationError

from api.ingest.cleaning import clean_value, load_tolerantly
from api.ingest.plain import Json, PlainError, read_plain_batch, read_plain_error
from api.ingest.redaction import automaton
from api.ingest.schemas import ErrorBatchIn, ErrorIn
from api.problems import Invalid, ProblemPlace, plain_words
from common.settings import Settings

REASONS = {"missing": "missing_field", "extra_forbidden": "unknown_field", "model_type": "not_an_object"}


ItemT = TypeVar("ItemT")
T = TypeVar("T")
SentError = ErrorIn | PlainError[Json]
has_nul = automaton(r"\\u0000")  # a tenth of what a search by Python takes


def read_none(_body: bytes) -> None:
    """Nothing is plain."""


@dataclass(frozen=True, slots=True)
class Form(Generic[ItemT]):
    """What a batch is made of: its model, the name of its list, the model of an item; `kind` is for the metrics. A body
    or an item that is plain can be read by a shorter way, which gives None for any that is not."""

    batch: type[BaseModel]
    name: str
    item: type[BaseModel]
    kind: str
    read_plain_batch: Callable[[bytes], Sequence[ItemT] | None] = read_none
    read_plain_item: Callable[[bytes], ItemT | None] = read_none


ERRORS: Form[SentError] = Form(ErrorBatchIn, "errors", ErrorIn, "errors", read_plain_batch, read_plain_error)


class Parsed(NamedTuple, Generic[ItemT]):
    """One item that can go on; `is_cleaned` when it is not quite what was sent."""

    value: ItemT
    is_cleaned: bool = False


@dataclass(frozen=True, slots=True)
class Rejected:
    """One item that cannot, and why."""

    reason: str
    detail: str
    pointer: str = ""


Item = Parsed[ItemT] | Rejected


@dataclass(frozen=True, slots=True)
class Batch(Generic[ItemT]):
    """What one request brought: the items that can go on, in order, which of these (by their number) are not quite what
    was sent, and those that cannot, by their place in the body."""

    items: Sequence[ItemT]
    cleaned: frozenset[int] = frozenset()
    rejected: Mapping[int, Rejected] = field(default_factory=dict)

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
    cleaned = frozenset(number for number, item in enumerate(parsed) if item.is_cleaned)
    return Batch([item.value for item in parsed], cleaned, rejected)


def parse_batch(body: bytes, form: Form[ItemT], settings: Settings) -> Batch[ItemT]:
    """The items of `{"errors": [...]}`. Raises Invalid when there are none to speak of, or too many."""
    if is_storable(body):
        try:
            items = form.read_plain_batch(body) or getattr(form.batch.model_validate_json(body), form.name)
            return Batch(in_bounds(items, form, settings))
        except ValidationError:
            pass  # one by one, then, to keep the good ones
    values = list_values(load(body, settings), form)
    return sort_out(parse_value(value, form, settings) for value in in_bounds(values, form, settings))


def parse_lines(body: bytes, form: Form[ItemT], settings: Settings) -> Batch[ItemT]:
    """The items of a body with one JSON object a line (NDJSON); blank lines do not count. Raises Invalid."""
    lines = in_bounds([line for line in body.splitlines() if line.strip()], form, settings)
    return sort_out(parse_one(line, form, settings) for line in lines)


def parse_one(body: bytes, form: Form[ItemT], settings: Settings) -> Item[ItemT]:
    """One item, as the whole body or as a line of it."""
    if is_storable(body):
        try:
            return Parsed(form.read_plain_item(body) or cast("ItemT", form.item.model_validate_json(body)))
        except ValidationError:
            pass
    try:
        return parse_value(load(body, settings), form, settings)
    except Invalid as error:
        return Rejected("not_json", str(error.detail))


def is_storable(body: bytes) -> bool:
    """False where the fast parsers would let something pass that Postgres cannot keep: an escaped NUL."""
    return not has_nul(body)


def load(body: bytes, settings: Settings) -> Any:
    """Parse strictly, else tolerantly. Raises Invalid."""
    try:
        return load_tolerantly(body, settings.json_max_depth + 3)  # the context stands three levels deep in a batch
    except (ValueError, RecursionError) as error:
        raise Invalid(f"the body is not JSON: {error}") from error


def list_values(document: Any, form: Form[ItemT]) -> list[Any]:
    if not isinstance(document, dict) or not isinstance(document.get(form.name), list):
        raise Invalid(f'send an object with a list: {{"{form.name}": [...]}}')
    unknown = sorted(set(map(str, document)) - {form.name})
    if unknown:
        raise Invalid(f"unknown field {unknown[0][:100]!r}: beside {form.name} there is none")
    return list(document[form.name])


def in_bounds(items: Sequence[T], form: Form[ItemT], settings: Settings) -> Sequence[T]:
    if not items:
        raise Invalid(f"no {form.name} in the body: send at least one")
    if len(items) > settings.batch_max_items:
        raise Invalid(f"{len(items):,} {form.name} in one batch: send at most {settings.batch_max_items:,}")
    return items


def parse_value(value: Any, form: Form[ItemT], settings: Settings) -> Item[ItemT]:
    """Clean and validate one parsed item, by the same rules as on the fast way."""
    cleaned = clean_value(value, settings.json_max_depth + 1, settings.json_max_keys)
    try:
        item = form.item.model_validate_json(json.dumps(cleaned))
    except ValidationError as invalid:
        return describe_rejection(invalid)
    return Parsed(cast("ItemT", item), is_cleaned=cleaned != value)


def describe_rejection(invalid: ValidationError) -> Rejected:
    """The first thing that is wrong, without the input; the others are counted."""
    first, *others = invalid.errors(include_url=False, include_input=False)
    path = [str(part)[:100] for part in first["loc"]]
    name = f"{'.'.join(path)}: " if path else ""
    message = plain_words(first["msg"])
    more = f" (and {len(others)} more)" if others else ""
    return Rejected(
        REASONS.get(first["type"], "invalid_field"),
        f"{name}{message[:1].lower()}{message[1:]}{more}",
        "/".join(["", *path]),
    )


def describe_places(rejected: Mapping[int, Rejected], form: Form[ItemT]) -> list[ProblemPlace]:
    """The rejected items of a batch as places in its body."""
    return [describe_place(item, f"/{form.name}/{place}") for place, item in rejected.items()]


def describe_place(item: Rejected, prefix: str = "") -> ProblemPlace:
    return ProblemPlace(pointer=prefix + item.pointer, reason=item.reason, detail=item.detail)
