"""How models are called: the many names that providers, gateways and SDKs have for one, taken apart. Pure.

Bedrock says `us.anthropic.claude-sonnet-4-6-v1:0`, Vertex `claude-sonnet-4-6@20251001`, OpenRouter
`anthropic/claude-4.6-sonnet:nitro`, LiteLLM `bedrock/eu-west-1/...`, OpenAI `ft:gpt-4o-2024-08-06:acme::id`.
"""

import re
from functools import lru_cache

FREE = ":free"
BATCH = ":batch"
# What OpenRouter adds to choose a host of the same model at the same price.
_ROUTED = re.compile(r":(?:nitro|floor|exacto|beta|online|thinking|extended)$")
_CONTEXT = re.compile(r"\[\d+[km]\]$")  # as Claude Code writes a longer window
_VENDORS = (
    "ai21|amazon|anthropic|cohere|deepseek|google|luma|meta|minimax|mistral|moonshot|moonshotai|nvidia|openai|qwen|"
    "stability|twelvelabs|writer|zai"
)
# A region or the catalog's word for one, the vendor, the model: how Bedrock alone writes it.
BEDROCK = re.compile(
    rf"^(?:(?P<region>[a-z]{{2,6}}(?:-gov)?|regional|global)\.)?(?:{_VENDORS})\.(?P<model>[a-z0-9].*)$"
)
_VERSION = re.compile(r"(?:-v\d+)?:\d+(?::\d+k)?$|-v1$")
_CLAUDE_FAMILY = re.compile(r"(?:haiku|sonnet|opus|fable|mythos)-")
_CLAUDE_TURNED = re.compile(r"^claude-(\d+(?:[.-]\d)?)-(haiku|sonnet|opus|fable|mythos)(?P<rest>.*)$")
_DOTTED = re.compile(r"(\d)\.(\d)")
_FAST = re.compile(r"^(claude-.+)-fast$")
_ALIASES = {
    "x-ai": "x-ai",
    "z-ai": "zai",
    "fireworks-ai": "fireworks",
    "togetherai": "together",
    "mistralai": "mistral",
    "moonshot-ai": "moonshotai",
}
_FAMILIES = (("azure", "azure"), ("az.ai", "azure"), ("gcp.", "google"), ("aws.", "aws"))


@lru_cache(maxsize=1024)
def spell(name: str) -> str:
    """Lower case, hyphens for spaces and underscores."""
    return re.sub(r"[\s_]+", "-", name.strip().lower())


def list_provider_names(provider: str) -> tuple[str, ...]:
    """What the catalog may know a provider by: its own name for it first, then as written, then without what an SDK
    says of the endpoint (`xai.chat`)."""
    name = spell(provider)
    family = next((known for start, known in _FAMILIES if name.startswith(start)), "")
    head = name.partition(".")[0]
    names = (family, _ALIASES.get(name, ""), provider.strip().lower(), name, _ALIASES.get(head, ""), head)
    return tuple(dict.fromkeys(one for one in names if one))


@lru_cache(maxsize=1024)
def list_spellings(model: str) -> tuple[str, ...]:
    """How the catalog may know a model: as written, without a provider's prefix, with `claude-` before its family, without
    what OpenRouter adds for the route, and in the order of words that Anthropic has."""
    names = [spell(model), model.strip().lower()]
    names += [_CONTEXT.sub("", name) for name in names if _CONTEXT.search(name)]
    names += [_ROUTED.sub("", name) for name in names if _ROUTED.search(name)]
    names += [tail for name in names for tail in list_tails(name)]
    names += [bare for name in names if (bare := strip_bedrock(name)) != name]
    names += [name.removeprefix("databricks-") for name in names if name.startswith("databricks-")]
    names += [f"claude-{name}" for name in names if _CLAUDE_FAMILY.match(name)]
    names += [turned for name in names if (turned := turn_claude(name))]
    names += [_DOTTED.sub(r"\1-\2", name) for name in names if name.startswith("claude-") and "." in name]
    return tuple(dict.fromkeys(names))


def list_tails(name: str) -> list[str]:
    """A name without what stands before its first slash, without what does before its second, and so on."""
    parts = name.split("/")
    return ["/".join(parts[place:]) for place in range(1, len(parts))]


def list_bare_names(model: str) -> tuple[str, ...]:
    """The names of the model alone, the barest first: without provider, region, version of the deployment and price."""
    bare = []
    for name in reversed(list_spellings(model)):
        if "/" in name:
            continue
        alone = name.partition("@")[0].removesuffix(FREE).removesuffix(BATCH)
        fast = _FAST.match(alone)
        bare.append(fast[1] if fast else alone)
    return tuple(dict.fromkeys(bare))


def strip_bedrock(name: str) -> str:
    """A Bedrock id without region, vendor and version; any other name as it is."""
    found = BEDROCK.match(name)
    return _VERSION.sub("", found["model"]) if found else name


def turn_claude(name: str) -> str:
    """`claude-4.5-sonnet-20250929` in the order that Anthropic writes since version 4; else nothing."""
    found = _CLAUDE_TURNED.match(name)
    if not found or found[1].startswith(("1", "2", "3")):
        return ""
    return f"claude-{found[2]}-{found[1].replace('.', '-')}{found['rest']}"


def is_of_bedrock(name: str) -> bool:
    """Whether only Bedrock writes a model so."""
    tail = name.rpartition("/")[2]
    return name.startswith("arn:aws:bedrock") or bool(BEDROCK.match(tail))


def is_of_vertex(name: str) -> bool:
    """Whether only Vertex writes a model so: a version behind an @, or the path of a publisher."""
    return bool(re.search(r"[a-z0-9]@(?:\d{8}|default|latest)$", name)) or "publishers/" in name


def is_free(model: str) -> bool:
    """Whether the name says that a call costs nothing, as OpenRouter has it."""
    return spell(model).endswith(FREE)
