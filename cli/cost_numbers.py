"""Reads the numbers of a cost log's cells, or refuses them: a number is never guessed. Pure.

Units stand in the cell (`3.1K/deliverable`, `0.03 USD`, `4 tasks`) or in the column's header (`Tokens (K)`).
"""

import re
from decimal import Decimal

_NOTHING = frozenset({"", "-", "\u2013", "\u2014", "n/a", "na", "none", "unpriced", "tbd", "?"})
_GROUPED = re.compile(r"[1-9][0-9]{0,2}(?:([, '])[0-9]{3})(?:\1[0-9]{3})*|[0-9]+")
_SCALED = re.compile(r"((?:[1-9][0-9]{0,2}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?) ?([KM])", re.IGNORECASE)
_BESIDE = re.compile(r" ?(?:/|\bof\b) ?[0-9][0-9,.']*[KM]?$| ?\([0-9.]+ ?%[^)]*\)$", re.IGNORECASE)
_MONEY = re.compile(r"(?:[1-9][0-9]{0,2}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+")
_ABOUT = re.compile(r"^[~≈]\s*")
# What a number may be said to be of, and for: behind it in a cell.
_THING = r"(?:deliverables?|deliv\.?|tasks?|items?|tickets?|stories|story|issues?|features?|prs?|each)"
_TOKENS = re.compile(r"(?<![^\W\d_])\s*(?:tokens?|toks?)\b\.?|(?<=[0-9KM])\s?tok(?:en)?s?\b\.?", re.IGNORECASE)
_PER_THING = re.compile(rf"\s?(?:/|\bper\b)\s?{_THING}(?!\w)", re.IGNORECASE)
_THINGS = re.compile(rf"(?<=[0-9])\s?{_THING}$", re.IGNORECASE)
_SO_FAR = re.compile(r"\s?(?:(?:/|\bper\b|\bthis\b)\s?(?:mo|month)\b\.?|\(?\bMTD\b\)?|\bso far\b)", re.IGNORECASE)
_DOLLARS = re.compile(r"\bUSD\b|\bdollars?\b|\bUS(?=\$)|\s", re.IGNORECASE)
_EACH = re.compile(r"([~≈]? ?[0-9](?:[0-9,.' ]*[0-9])?(?: ?[KM]\b)?)((?:[^\w$€£%][^0-9$€£%]*)?)", re.IGNORECASE)
_HEADER_UNIT = re.compile(r"(?:^|[\s(\[,])(k|m|thousands?|millions?)(?=$|[\s)\],])", re.IGNORECASE)


class NumberUnreadable(ValueError):
    """A number that could be two things, or none."""


def read_unit(header: str) -> tuple[str, str]:
    """A header without the unit that it gives its column, and that: `K`, `M` or nothing. `Tokens (K)`, `Usage in millions`."""
    found = _HEADER_UNIT.search(header)
    if not found:
        return header, ""
    name = header[: found.start()] + " " + header[found.end() :]
    return re.sub(r"\bin\b", " ", name, flags=re.IGNORECASE), "K" if found[1][0] in "kKtT" else "M"


def read_tokens(text: str, unit: str = "") -> int | None:
    """Tokens of a cell: `126,600`, `126600`, `126 600`, `12.4K`, `126,600 / 200,000 (63.3 %)`; None where it is empty.

    `unit` is the column's, for a number without one. Raises NumberUnreadable on all else, `126.600` among it, which is 127
    to some and 126,600 to others.
    """
    value = _read_number(text, _SO_FAR.sub("", text), unit)
    if value is not None and value != value.to_integral_value():
        raise _not_tokens(text)
    return None if value is None else int(value)


def read_count(text: str) -> int | None:
    """How many deliverables: `4`, `4 tasks`. Raises NumberUnreadable."""
    return read_tokens(_THINGS.sub("", " ".join(text.split())))


def read_usd(text: str, unit: str = "") -> Decimal | None:
    """Dollars of a cell: `$0.037`, `1,234.50 USD`, `$1.2K`; None where it says nothing. Raises NumberUnreadable."""
    plain = _DOLLARS.sub("", _PER_THING.sub("", _SO_FAR.sub("", _ABOUT.sub("", text.strip()))))
    if plain.lower() in _NOTHING:
        return None
    plain = plain.removeprefix("$").removesuffix("$")
    if scaled := _SCALED.fullmatch(plain) or _SCALED.fullmatch(plain + unit):
        return _scale(scaled)
    if not _MONEY.fullmatch(plain):
        raise NumberUnreadable(f"{text.strip()[:40]!r} is not an amount in dollars")
    return Decimal(plain.replace(",", ""))


def read_each(text: str, unit: str = "") -> tuple[Decimal | None, str]:
    """Tokens per deliverable and the word beside it: `3.1K (ok)`, `3.1K/deliverable OK`. Raises NumberUnreadable."""
    plain = _PER_THING.sub("", _TOKENS.sub("", " ".join(text.split()))).strip()
    first, _, word = plain.partition(" ")
    if first.lower() in _NOTHING:
        return None, bare_word(word)
    found = _EACH.fullmatch(plain)
    if not found:
        raise _not_tokens(text)
    return _read_number(text, found[1], unit), bare_word(found[2])


def _read_number(shown: str, text: str, unit: str) -> Decimal | None:
    """A number of tokens, whole or not; `shown` is what a refusal names."""
    plain = _ABOUT.sub("", _TOKENS.sub("", " ".join(text.split())).strip())
    plain = _BESIDE.sub("", _BESIDE.sub("", plain))
    if plain.lower() in _NOTHING:
        return None
    if scaled := _SCALED.fullmatch(plain) or (_SCALED.fullmatch(plain + unit) if unit else None):
        return _scale(scaled)
    if not _GROUPED.fullmatch(plain):
        raise _not_tokens(shown)
    return Decimal(re.sub(r"[, ']", "", plain)) * _FACTORS[unit]


def _not_tokens(text: str) -> NumberUnreadable:
    return NumberUnreadable(f"{text.strip()[:40]!r} is not a whole number of tokens")


_FACTORS = {"": 1, "K": 1_000, "M": 1_000_000}


def _scale(match: re.Match[str]) -> Decimal:
    return Decimal(match[1].replace(",", "")) * _FACTORS[match[2].upper()]


def bare_word(text: str) -> str:
    """The letters of a cell, lower case, signs and emoji dropped."""
    return " ".join(re.findall(r"[^\W\d_]+", text)).lower()
