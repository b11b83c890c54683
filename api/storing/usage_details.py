"""What a usage record holds beyond its counts, as the column `details` has it: JSON text. Pure.

Most records have none. It is kept so that a record can be priced again as it was, and so that what was not understood at
the time can be found.
"""

from decimal import Decimal

import msgspec

from common.pricing import Extras, Pass, TokenCounts


class PassOut(msgspec.Struct, omit_defaults=True):
    """One pass beside the call; the fields of TokenCounts."""

    input: int
    output: int
    cached: int = 0
    cache_write: int = 0
    reasoning: int = 0
    cache_write_1h: int = 0
    model: str = ""


class UsageDetails(msgspec.Struct, omit_defaults=True):
    """`units`, `geo`, `passes` and `calls` as in Extras; `told` are words for the sender."""

    units: dict[str, float | int] = {}
    geo: str = ""
    passes: list[PassOut] = []
    told: list[str] = []
    calls: int = 1

    @property
    def extras(self) -> Extras | None:
        """What the price depends on; None where it is nothing but the counts."""
        if not (self.units or self.geo or self.passes or self.calls != 1):
            return None
        units = {name: number if isinstance(number, int) else to_exact(number) for name, number in self.units.items()}
        return Extras(units, self.geo, tuple(read_pass(one) for one in self.passes), self.calls)


decode_details = msgspec.json.Decoder(UsageDetails).decode
COUNTS = tuple(TokenCounts.__dataclass_fields__)


def read_details(text: str) -> UsageDetails:
    return decode_details(text)


def write_details(extras: Extras | None, told: tuple[str, ...]) -> str | None:
    """The column's text; None where there is nothing to keep."""
    if extras is None and not told:
        return None
    extras = extras or Extras()
    details = UsageDetails(
        {name: number if isinstance(number, int) else float(number) for name, number in extras.units.items()},
        extras.geo,
        [PassOut(**{name: getattr(one.counts, name) for name in COUNTS}, model=one.model) for one in extras.passes],
        list(told),
        extras.calls,
    )
    return msgspec.json.encode(details).decode()


def read_pass(one: PassOut) -> Pass:
    return Pass(TokenCounts(**{name: getattr(one, name) for name in COUNTS}), one.model)


def to_exact(number: float) -> Decimal:
    """As it was written, without what binary fractions add."""
    return Decimal(str(number))
