"""What is priced: the tokens of a call, how it was processed, and the rates that they meet. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

ASSUMED_OUTPUT_SHARE = Decimal("0.5")


class UnknownProcessing(ValueError):
    """A processing mode that there is none of. The catalog would take it and give the full price."""


class Processing(StrEnum):
    """How the provider worked the call off: each has rates of its own where the provider offers it."""

    standard = "standard"
    batch = "batch"
    flex = "flex"
    priority = "priority"
    fast = "fast"


@dataclass(frozen=True, slots=True)
class TokenCounts:
    """Tokens of one call. `input` holds `cached` and `cache_write`; `output` holds `reasoning`.

    `cache_write_1h` is the part of `cache_write` that is kept for an hour, which some providers charge more for.
    Raises ValueError where a part is negative or larger than its whole.
    """

    input: int
    output: int
    cached: int = 0
    cache_write: int = 0
    reasoning: int = 0
    cache_write_1h: int = 0

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            if getattr(self, name) < 0:
                raise ValueError(f"{name} tokens are negative: {getattr(self, name)}")
        if self.cached + self.cache_write > self.input:
            raise ValueError(f"{self.cached} cached and {self.cache_write} written tokens do not fit in {self.input}")
        if self.reasoning > self.output:
            raise ValueError(f"{self.reasoning} reasoning tokens do not fit in {self.output} of output")
        if self.cache_write_1h > self.cache_write:
            raise ValueError(f"{self.cache_write_1h} tokens kept an hour do not fit in {self.cache_write} written")

    @property
    def total(self) -> int:
        """All tokens."""
        return self.input + self.output


@dataclass(frozen=True, slots=True)
class Pass:
    """A pass of a call that the provider bills beside it, such as a compaction. An empty `model`: that of the call."""

    counts: TokenCounts
    model: str = ""


@dataclass(frozen=True, slots=True)
class Extras:
    """What the price of a call depends on beyond its tokens.

    `units` are amounts by the catalog's names of them: `input_audio_tokens` and others of a modality, which are in the
    counts too, `web_searches`, `audio_seconds`. `geo` is where it ran, as the provider says. `passes` are in the counts too.
    `calls`: of how many calls it is the sum, as exports are; what a rate depends on is then the mean of them.
    """

    units: Mapping[str, int | Decimal] = field(default_factory=dict)
    geo: str = ""
    passes: tuple[Pass, ...] = ()
    calls: int = 1


@dataclass(frozen=True, slots=True)
class Rates:
    """USD per million tokens; None where there is no rate. Without a cache rate, cached input costs what input does."""

    input: Decimal | None
    output: Decimal | None
    cached: Decimal | None = None
    cache_write: Decimal | None = None
    cache_write_1h: Decimal | None = None


def parse_processing(text: str) -> Processing:
    """The mode of that name. Raises UnknownProcessing, which names those that there are."""
    try:
        return Processing(text)
    except ValueError as error:
        raise UnknownProcessing(f"processing is {', '.join(Processing)}, not {text[:40]!r}") from error


def split_total(total: int, output_share: Decimal = ASSUMED_OUTPUT_SHARE) -> TokenCounts:
    """Counts of a total at an assumed share of output, 0 to 1. Raises ValueError outside of that."""
    if not 0 <= output_share <= 1:
        raise ValueError(f"a share is from 0 to 1, not {output_share}")
    output = int((total * output_share).to_integral_value(ROUND_HALF_UP))
    return TokenCounts(input=total - output, output=output)
