"""What a kind of channel is. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Config = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """`make` turns what was sent (`url` and what else the kind needs) into the config that is sealed, and raises ValueError
    with what is wrong; `hint` is what may be shown of it; `secrets` are the texts in it that may be shown nowhere."""

    name: str
    make: Callable[[Config], dict[str, Any]]
    hint: Callable[[Config], str]
    secrets: Callable[[Config], list[str]]
