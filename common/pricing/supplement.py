"""What providers charge and the catalog does not say yet. Each has its source and the day on which it was read. Pure.

An entry goes as soon as the catalog has it: `tests/common/pricing/test_supplement.py` says when.
"""

import re
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING

from common.pricing.counts import Processing

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo

# Anthropic, "Data residency": inference in the US costs 1.1 times the price of all kinds of token (2026-11-29).
_GEO_FACTORS = {("anthropic", "us"): Decimal("1.1")}
# Places that cost what the list says.
_GEO_PLAIN = frozenset({"", "global", "not_available"})
# Anthropic, "Fast mode": six times the standard price for these two; later models have rates of their own (2026-11-29).
_MODE_FACTORS = {
    ("claude-opus-4-6", Processing.fast): Decimal(6),
    ("claude-opus-4-7", Processing.fast): Decimal(6),
}
# OpenAI, "Pricing", fine-tuning: USD per million tokens of input, cached input and output (2026-11-29).
_FINE_TUNED = {
    "gpt-4.1": ("3", "0.75", "12"),
    "gpt-4.1-mini": ("0.8", "0.2", "3.2"),
    "gpt-4.1-nano": ("0.2", "0.05", "0.8"),
    "o4-mini": ("4", "1", "16"),
}
_FINE_TUNED_NAME = re.compile(r"^ft:(gpt-4\.1(?:-mini|-nano)?|o4-mini)(?:-\d{4}-\d{2}-\d{2})?(?::|$)")


def find_geo_factor(provider: str, geo: str) -> Decimal | None:
    """By what the price of tokens is multiplied for where the call ran; None where that is not known."""
    return Decimal(1) if geo in _GEO_PLAIN else _GEO_FACTORS.get((provider, geo))


def find_mode_factor(model: str, processing: Processing) -> Decimal | None:
    """By what a mode multiplies the standard rates of a model that has none of its own for it; None where not known."""
    return _MODE_FACTORS.get((model, processing))


def find_fine_tuned(name: str) -> "ModelInfo | None":
    """A model that was trained further and that the catalog lacks: `ft:gpt-4.1-mini-2025-04-14:acme::id`."""
    found = _FINE_TUNED_NAME.match(name)
    return list_fine_tuned()[found[1]] if found else None


@cache
def list_fine_tuned() -> "dict[str, ModelInfo]":
    from genai_prices.types import ClauseStartsWith, ModelInfo, ModelPrice

    return {
        base: ModelInfo(
            id=f"ft:{base}",
            match=ClauseStartsWith(f"ft:{base}"),
            prices=ModelPrice(input_mtok=Decimal(read), cache_read_mtok=Decimal(cached), output_mtok=Decimal(made)),
        )
        for base, (read, cached, made) in _FINE_TUNED.items()
    }
