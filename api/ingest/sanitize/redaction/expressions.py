"""What redaction searches with: expressions, and the automata that say in Rust where a search is worth its time. Pure."""

import re
from collections.abc import Callable
from typing import NamedTuple

from pydantic_core import SchemaValidator, core_schema

from common.fingerprint import REDACTED

# What may stand before a word that begins in the middle of letters: an escape of JSON or of a URL.
ESCAPE = r"\\(?:[a-z]|u[0-9a-f]{4})|%[0-9A-Fa-f]{2}"
START = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt])|(?<=%[0-9A-Fa-f]{2}))"


def automaton(hint: str) -> Callable[[str | bytes], bool]:
    """Whether a text, or what is one in UTF-8, has this, told in Rust; such expressions know no look-around. Of what is
    not UTF-8 (lone surrogates) it knows nothing and says no."""
    return SchemaValidator(core_schema.str_schema(pattern=hint)).isinstance_python


class Finder(NamedTuple):
    """What takes a kind of secret out of a text, and a hint that is in every text that it would change."""

    hint: str
    redact: Callable[[str], tuple[str, int]]
    has_hint: Callable[[str | bytes], bool]


def finder(hint: str, redact: Callable[[str], tuple[str, int]]) -> Finder:
    return Finder(hint, redact, automaton(hint))


def expression(hint: str, secret: str) -> Finder:
    """By one expression; its first group is what stays before the secret."""
    pattern = re.compile(secret, re.ASCII)
    return finder(hint, lambda text: pattern.subn(rf"\1{REDACTED}", text))
