"""Reads the numbers of a cost log's cells, or refuses them: a number is never guessed. Pure."""

import re
from decimal import Decimal

_NOTHING = frozenset({"", "-", "\u2013", "\u2014", "n/a", "na", "none", "unpriced", "tbd", "?"})
_GROUPED = re.compile(r"[1-9][0-9]{0,2}(?:([, '])[0-9]{3})(?:\1[0-9]{3})*|[0-9]+")
_SCALED = re.compile(r"((?:[1-9][0-9]{0,2}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?) ?([KM])", re.IGNORECASE)
_BESIDE = re.compile(r" ?(?:/|\bof\b) ?[0-9][0-9,.']*[KM]?$| ?\([0-9.]+ ?%[^)]*\)$", re.IGNORECASE)
_MONEY = re.compile(r"(?:[1-9][0-9]{0,2}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+")


class NumberUnreadable(ValueError):
    """A number that could be two things, or none."""


def read_tokens(text: str) -> int | None:
    """Tokens of a cell: `126,600`, `126600`, `126 600`, `12.4K`, `126,600 / 200,000 (63.3 %)`; None where it is empty.

    Raises NumberUnreadable on all else, `126.600` among it, which is 127 to some and 126,600 to others.
    """
    plain = re.sub(r"\s*\b(?:tokens?|toks?)\b\.?|^[~≈]\s*", "", " ".join(text.split()), flags=re.IGNORECASE).strip()
    plain = _BESIDE.sub("", _BESIDE.sub("", plain))
    if plain.lower() in _NOTHING:
        return None
    if _GROUPED.fullmatch(plain):
        return int(re.sub(r"[, ']", "", plain))
    scaled = _SCALED.fullmatch(plain)
    value = _scale(scaled) if scaled else Decimal("0.5")
    if value != value.to_integral_value():
        raise NumberUnreadable(f"{text.strip()[:40]!r} is not a whole number of tokens")
    return int(value)


def read_usd(text: str) -> Decimal | None:
    """Dollars of a cell: `$0.037`, `1,234.50 USD`; None where it says nothing. Raises NumberUnreadable."""
    plain = re.sub(r"\bUSD\b|^[~≈]\s*|\s", "", text.strip(), flags=re.IGNORECASE)
    if plain.lower() in _NOTHING:
        return None
    plain = plain.removeprefix("$")
    if not _MONEY.fullmatch(plain):
        raise NumberUnreadable(f"{text.strip()[:40]!r} is not an amount in dollars")
    return Decimal(plain.replace(",", ""))


def read_each(text: str) -> tuple[Decimal | None, str]:
    """Tokens per deliverable and the word beside it: `3.1K (ok)`. Raises NumberUnreadable."""
    number, _, word = text.strip().partition(" ")
    if number.lower() in _NOTHING:
        return None, bare_word(word)
    scaled = _SCALED.fullmatch(number)
    value = _scale(scaled) if scaled else read_tokens(number)
    return None if value is None else Decimal(value), bare_word(word)


def _scale(match: re.Match[str]) -> Decimal:
    return Decimal(match[1].replace(",", "")) * (1000 if match[2] in "kK" else 1_000_000)


def bare_word(text: str) -> str:
    """The letters of a cell, lower case, signs and emoji dropped."""
    return " ".join(re.findall(r"[^\W\d_]+", text)).lower()
