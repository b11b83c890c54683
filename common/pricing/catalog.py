"""The price catalog, `genai-prices`, its data as installed and never updated: whose model a name is."""

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, Provider

MODEL_MAX_CHARS = 200
_GATEWAYS = frozenset({"", "litellm"})
_CLAUDE_FAMILY = re.compile(r"(?:haiku|sonnet|opus|fable|mythos)-")
_BEDROCK_CLAUDE = re.compile(r"(?:[a-z-]+\.)?anthropic\.(claude-[^:]+?)(?:-v\d+)?(?::\d+)?$")


@cache
def load_catalog() -> "tuple[Provider, ...]":
    """The providers of the catalog as installed. Takes 0.5 s the first time."""
    from genai_prices.data_snapshot import get_snapshot

    return tuple(get_snapshot().providers)


# bounded, and past the library's own lookup, which remembers every name that it is ever asked for
@lru_cache(maxsize=4096)
def find_model(provider: str, model: str) -> "ModelInfo | Literal['provider_unknown', 'model_unknown']":
    """The catalog's entry for any spelling of a model, or why there is none."""
    if len(model) > MODEL_MAX_CHARS or len(provider) > MODEL_MAX_CHARS:
        return "model_unknown"
    if spell(provider) in _GATEWAYS:
        return find_anywhere(model) or "model_unknown"
    home = find_provider(provider)
    if home is None:
        return "provider_unknown"
    found = (home.find_model(name, all_providers=list(load_catalog())) for name in list_spellings(model))
    return next((one for one in found if one), "model_unknown")


def name_model(provider: str, model: str) -> str:
    """What all spellings of a model are summed up as: the catalog's name of it, else the name as sent, spelt alike."""
    found = find_model(provider, model)
    return spell(model) if isinstance(found, str) else found.id


def find_anywhere(model: str) -> "ModelInfo | None":
    """The entry of a model without a provider: of the one that its prefix names, else of the one whose model it is."""
    prefix, _, tail = spell(model).partition("/")
    home = find_provider(prefix) if tail else None
    if home and (found := home.find_model(tail)):
        return found
    for name in list_spellings(model):
        for one in load_catalog():
            if one.model_match and one.model_match.is_match(name) and (found := one.find_model(name)):
                return found
    return None


def find_provider(name: str) -> "Provider | None":
    """The catalog's provider of that name or one of its other names (`bedrock` is `aws`)."""
    from genai_prices.data_snapshot import find_provider_by_id

    return find_provider_by_id(list(load_catalog()), name)


@lru_cache(maxsize=4096)
def spell(name: str) -> str:
    """Lower case, hyphens for spaces and underscores."""
    return re.sub(r"[\s_]+", "-", name.strip().lower())


@lru_cache(maxsize=4096)
def list_spellings(model: str) -> tuple[str, ...]:
    """How the catalog may know a model: as written, without a provider's prefix, with `claude-` before its family."""
    names = [spell(model)]
    names += [name.rpartition("/")[2] for name in names if "/" in name]
    names += [match[1] for name in names if (match := _BEDROCK_CLAUDE.match(name))]
    names += [f"claude-{name}" for name in names if _CLAUDE_FAMILY.match(name)]
    return tuple(names)
