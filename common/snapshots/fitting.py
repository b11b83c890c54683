"""Whether a document that another release may have written has all that ours has in it. Pure.

Read by msgspec, whose types are made of the model's: to make models of a large answer takes ten times as long.
"""

from functools import cache, reduce
from operator import or_
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

import msgspec
from pydantic import BaseModel


def fits(body: bytes, model: type[BaseModel]) -> bool:
    """Whether the JSON has every field of the model, each of its type; it may have more."""
    try:
        decoder_of(model).decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return False
    return True


@cache
def decoder_of(model: type[BaseModel]) -> "msgspec.json.Decoder[Any]":
    return msgspec.json.Decoder(as_struct(model))


def as_struct(kind: Any) -> Any:
    """The type with structs in place of models."""
    origin, inner = get_origin(kind), [as_struct(one) for one in get_args(kind)]
    if origin in (Union, UnionType):
        return reduce(or_, inner)
    if origin is not None:
        return origin[*inner]
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        fields = [(name, as_struct(field.annotation)) for name, field in kind.model_fields.items()]
        return msgspec.defstruct(kind.__name__, fields, frozen=True)
    return None if kind is NoneType else kind
