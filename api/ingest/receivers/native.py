"""From the bytes of a request to items that can be stored, and a reason for each that cannot. Pure.

A batch that is right is read at once where there is a way to. Any other is taken apart into the texts of its items,
and each is read by itself, as a line or a body that holds it alone is: by the plain reader (`plain`), else the models,
else in the form that it should have (`wording`). So an item means the same in any company, and a bad one is rejected
alone.
"""

from typing import TypeVar, cast

from pydantic import ValidationError

from api.http.problems import Invalid, plain_words
from api.ingest.receivers import JSON, NDJSON, Receiver
from api.ingest.receivers.items import Batch, Item, ItemKind, ItemT, Parsed, Rejected, sort_out
from api.ingest.receivers.json_bounds import VALUES_READ, is_vast
from api.ingest.receivers.json_text import (
    TooManyFields,
    repair_text,
    split_lines,
    split_list,
    split_object,
    split_only_list,
    to_utf8,
)
from api.ingest.receivers.plain import Json, PlainError, read_plain_batch, read_plain_error
from api.ingest.receivers.wording import (
    EMPTY,
    ERROR_WORDING,
    Bounds,
    NotExact,
    Reworded,
    TooManyValues,
    reword,
)
from api.ingest.sanitize.redaction import automaton
from api.ingest.schemas import ErrorIn
from common.settings import Settings

REASONS = {
    "missing": "missing_field",
    "extra_forbidden": "unknown_field",
    "model_type": "not_an_object",
    "json_invalid": "not_json",
}

T = TypeVar("T")
SentError = ErrorIn | PlainError[Json]
COUNTED_BYTES = 4 * 2**20  # the items of a larger batch are counted before anything is made of them
has_nul = automaton(r"\\u0000")  # a tenth of what a search by Python takes


ERRORS: ItemKind[SentError] = ItemKind("errors", ErrorIn, "errors", ERROR_WORDING, read_plain_batch, read_plain_error)


def native_receivers(kind: ItemKind[ItemT]) -> tuple[Receiver[ItemT], Receiver[ItemT]]:
    """Our own two ways of sending batches of a kind."""
    return (
        Receiver("json", (JSON,), lambda body, settings: parse_batch(body, kind, settings)),
        Receiver("ndjson", (NDJSON,), lambda body, settings: parse_lines(body, kind, settings)),
    )


def parse_batch(body: bytes, form: ItemKind[ItemT], settings: Settings) -> Batch[ItemT]:
    """The items of `{"errors": [...]}`. Raises Invalid when there are none to speak of, or too many."""
    items = form.read_plain_batch(body) if len(body) <= COUNTED_BYTES and is_storable(body) else None
    if items is not None:
        return Batch(in_bounds(list(items), form, settings))
    texts = split_batch(to_utf8(body), form, settings)
    return sort_out(parse_one(text, form, settings) for text in in_bounds(texts, form, settings))


def parse_lines(body: bytes, form: ItemKind[ItemT], settings: Settings) -> Batch[ItemT]:
    """The items of a body with one JSON object a line (NDJSON); blank lines do not count. Raises Invalid."""
    lines = in_bounds(split_lines(to_utf8(body), settings.batch_max_items), form, settings)
    return sort_out(parse_one(line, form, settings) for line in lines)


def parse_one(body: bytes, form: ItemKind[ItemT], settings: Settings) -> Item[ItemT]:
    """One item, as the whole body, as a line or as part of a batch."""
    item = read_as_sent(body, form, settings) if is_storable(body) else None
    return item if isinstance(item, Parsed) else read_apart(body, form, settings)


def read_as_sent(body: bytes, form: ItemKind[ItemT], settings: Settings) -> Item[ItemT] | None:
    """An item in its documented form; None where it may hold so much that it has to be cut before it is read."""
    if len(body) > settings.error_max_bytes and is_vast(body):
        return None
    plain = form.read_plain_item(body)
    if plain is not None:
        return Parsed(plain)
    return None if is_vast(body) else read_item(body, form)


def read_item(body: bytes, form: ItemKind[ItemT]) -> Item[ItemT]:
    """An item in its documented form, by the models."""
    try:
        return Parsed(cast("ItemT", form.item.model_validate_json(body)))
    except ValidationError as invalid:
        return describe_rejection(invalid)


def read_apart(body: bytes, form: ItemKind[ItemT], settings: Settings) -> Item[ItemT]:
    """An item field by field: cut, made readable, in the form that it should have."""
    try:
        meant = read_as_meant(to_utf8(body).strip(), form, settings)
    except NotExact as error:
        return refuse_name(str(error))
    except TooManyFields as error:
        return Rejected("unknown_field", f"{error}: no item has so many")
    except TooManyValues as error:
        return refuse_values(str(error), form.wording.whole[str(error)])
    except ValueError as error:
        return Rejected("not_json", f"not JSON: {error}")
    item = read_item(meant.text, form)
    return item if isinstance(item, Rejected) else Parsed(item.value, meant.adjustments)


def read_as_meant(text: bytes, form: ItemKind[ItemT], settings: Settings) -> Reworded:
    """The item as the models can read it. One level and one value more is kept than is stored, for those who cut there
    to tell it. Raises NotExact, TooManyValues, ValueError for an object that is not JSON."""
    if text.startswith(b"{"):
        bounds = Bounds(settings.json_max_depth, max(settings.json_max_keys, VALUES_READ))
        return reword(text, form.wording, bounds)
    if text.startswith(b"[") and is_vast(text):
        return Reworded(EMPTY[b"["], 0)
    return Reworded(repair_text(text, settings.json_max_depth + 1).text, 0)


def is_storable(body: bytes) -> bool:
    """False where the fast parsers would let something pass that Postgres cannot keep: an escaped NUL."""
    return not has_nul(body)


def split_batch(text: bytes, form: ItemKind[ItemT], settings: Settings) -> list[bytes]:
    """The texts of the items. Raises Invalid where the body is no JSON object with their list, and that alone."""
    only = split_only_list(text, form.name, settings.batch_max_items)
    if only is not None:
        return only
    try:
        fields = split_object(text)
        items = split_list(fields.pop(form.name, b""), settings.batch_max_items)
    except ValueError as error:
        raise Invalid(f'send a JSON object with a list, {{"{form.name}": [...]}}: {error}') from error
    if fields:
        raise Invalid(f"unknown field {min(fields)[:100]!r}: beside {form.name} there is none")
    return items


def in_bounds(items: list[T], form: ItemKind[ItemT], settings: Settings) -> list[T]:
    if not items:
        raise Invalid(f"no {form.name} in the body: send at least one")
    if len(items) > settings.batch_max_items:
        raise Invalid(f"over {settings.batch_max_items:,} {form.name} in one batch: send no more than that at once")
    return items


def refuse_name(name: str) -> Rejected:
    """Why a name is not made storable: two that differ in this alone would become one."""
    return Rejected(
        "invalid_field",
        f"{name}: it holds NUL, half a surrogate pair or bytes that are not UTF-8, which cannot be kept; it is a name, "
        "so nothing is put in their place: send another one",
        f"/{name}",
    )


def refuse_values(name: str, most: int) -> Rejected:
    """Why an object is not cut: what is left of it would say something else."""
    return Rejected(
        "invalid_field",
        f"{name}: over {most:,} commas and brackets, far more than it can have: send it without what is not part of it",
        f"/{name}",
    )


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
