"""The price catalog, `genai-prices`, its data as installed and never updated: whose model a name is."""

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Literal

from common.pricing.naming import (
    BEDROCK,
    is_of_bedrock,
    is_of_vertex,
    list_bare_names,
    list_provider_names,
    list_spellings,
    spell,
    strip_bedrock,
)
from common.pricing.supplement import find_fine_tuned

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, Provider

MODEL_MAX_CHARS = 200
# They pass on calls to whose model it is, at that one's price.
_GATEWAYS = frozenset({"", "litellm", "litellm-proxy", "gateway", "vercel", "portkey", "helicone"})
# Whose names for their own models are those of sums; each knows its models by how the name begins.
_MAKERS = ("anthropic", "openai", "google", "mistral", "x-ai", "deepseek", "cohere", "moonshotai", "zhipuai", "minimax")
# How names begin that are a maker's too, and that the catalog asks for the provider of.
_ALSO_MADE = {
    "openai": ("text-embedding-", "chatgpt-", "codex-", "computer-use"),
    "mistral": ("mistral-embed", "open-mi"),
}
_VARIANT = re.compile(r"[:@]|-fast$")


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
    home = find_seller(provider, model)
    if home is None and spell(provider) not in _GATEWAYS:
        return "provider_unknown"
    found = find_anywhere(model) if home is None else find_at(home, model)
    return found or "model_unknown"


def find_home(provider: str, model: str) -> str:
    """The catalog's id of who sold a call, as far as provider and model say; that of the maker where they do not."""
    if home := find_seller(provider, model):
        return home.id
    prefix, _, tail = model.strip().partition("/")
    if tail and (home := find_provider(prefix)):
        return home.id
    made = find_made(model)
    return next((maker for maker in _MAKERS if made and made in getattr(find_provider(maker), "models", ())), "")


def find_seller(provider: str, model: str) -> "Provider | None":
    """The provider that is named; that whose form the model's name has where only the maker is, or a gateway."""
    home = None if spell(provider) in _GATEWAYS else find_provider(provider)
    is_open = home.id in _MAKERS if home else spell(provider) in _GATEWAYS
    return find_provider("aws") if is_open and is_of_bedrock(spell(model)) else home


@lru_cache(maxsize=2048)
def name_model(provider: str, model: str) -> str:
    """What all spellings of a model are summed up as, whoever sold it: the name that its maker has in the catalog, else the
    catalog's own name of it, bare, else the name as sent, spelt alike."""
    if len(model) > MODEL_MAX_CHARS:
        return spell(model)
    if own := find_made(model):
        return own.id
    found = find_model(provider, model)
    return strip_sellers(spell(model)) if isinstance(found, str) else name_bare(found.id)


def strip_sellers(name: str) -> str:
    """A name without the providers and gateways before it: `openrouter/openai/gpt-99`."""
    head, _, tail = name.partition("/")
    while tail and (head in _GATEWAYS or find_provider(head)):
        name = tail
        head, _, tail = name.partition("/")
    return name


def name_bare(entry: str) -> str:
    """An entry's name without whose it is: `meta-llama/llama-3.3-70b-instruct` and `meta.llama...` lose their vendors."""
    return strip_bedrock(spell(entry).rpartition("/")[2].partition(":")[0]).removesuffix("-v1") or entry


def find_made(model: str) -> "ModelInfo | None":
    """The entry of a model at the one who made it."""
    for name in list_bare_names(model):
        if found := find_fine_tuned(name):
            return found
        for maker in _MAKERS:
            home = find_provider(maker)
            if home and knows(home, name) and (found := home.find_model(name)):
                return found
    return None


def knows(home: "Provider", name: str) -> bool:
    """Whether a name begins as those of a maker's models do; one that was trained further is a model of that one too."""
    bare = name.removeprefix("ft:")
    is_own = home.model_match is not None and home.model_match.is_match(bare)
    return is_own or bare.startswith(_ALSO_MADE.get(home.id, ("\0",)))


def find_at(home: "Provider", model: str) -> "ModelInfo | None":
    """The entry of a model at one provider: by how the catalog says that it is spelt there, else as the same model."""
    for name in list_spellings(model):
        if found := find_fine_tuned(name) if home.id in ("openai", "azure") else None:
            return found
        if found := home.find_model(name):
            return found
    if (made := find_made(model)) and (found := pick_entry(home.id, made.id, model)):
        return found
    everyone = list(load_catalog())
    return next(
        (found for name in list_spellings(model) if (found := home.find_model(name, all_providers=everyone))), None
    )


def pick_entry(home: str, made: str, model: str) -> "ModelInfo | None":
    """A provider's entry of a maker's model: on Bedrock that of a region unless `global.` is said."""
    entries = list_entries(home).get(made, ())
    found = BEDROCK.match(spell(model).rpartition("/")[2])
    is_global = bool(found and found["region"] == "global")
    fitting = [one for one in entries if one.id.startswith("global.") == is_global] or list(entries)
    return min(fitting, key=lambda one: len(one.id), default=None)


@lru_cache(maxsize=128)
def list_entries(home: str) -> "Mapping[str, tuple[ModelInfo, ...]]":
    """The entries of a provider by the maker's name of their models, without those of another price (free, batch, fast)."""
    listed: dict[str, list[ModelInfo]] = {}
    provider = find_provider(home)
    for one in provider.models if provider else ():
        plain = strip_bedrock(one.id) if home == "aws" else one.id
        if not _VARIANT.search(plain) and (made := find_made(one.id)):
            listed.setdefault(made.id, []).append(one)
    return {made: tuple(entries) for made, entries in listed.items()}


def find_anywhere(model: str) -> "ModelInfo | None":
    """The entry of a model without a provider: of the one that its prefix or its form names, else of the one whose model it
    is."""
    prefix, _, tail = model.strip().partition("/")
    home = find_provider(prefix) if tail else None
    if home and (found := find_at(home, tail)):
        return found
    if is_of_vertex(spell(model)) and (google := find_provider("google")) and (found := find_at(google, model)):
        return found
    for name in list_spellings(model):
        if found := find_fine_tuned(name):
            return found
        for one in load_catalog():
            if knows(one, name) and (found := one.find_model(name)):
                return found
    return None


@lru_cache(maxsize=512)
def find_provider(name: str) -> "Provider | None":
    """The catalog's provider of that name or one of its other names (`bedrock` is `aws`, `gcp.gen_ai` is `google`)."""
    from genai_prices.data_snapshot import find_provider_by_id

    if len(name) > MODEL_MAX_CHARS:
        return None
    everyone = list(load_catalog())
    return next((found for one in list_provider_names(name) if (found := find_provider_by_id(everyone, one))), None)
