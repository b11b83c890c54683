"""How the samples of `mayday bench redaction` are made: templates, names, and values that only look like secrets. Pure.

In a template `§` is where the value goes and `¤` where the name goes. All values come from a seeded generator, and what
begins like the key of a provider is put together at run time: nothing here is a secret of anybody.
"""

import base64
import json
import random
import string
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

Maker = Callable[[random.Random], str]


class Kind(NamedTuple):
    """Samples of one kind: texts, or JSON values where `is_json`."""

    name: str
    templates: Sequence[str]
    make: Maker
    names: Sequence[str] = ("",)
    is_json: bool = False


class Sample(NamedTuple):
    """What is sent, and what must not be left of it; empty where all must stay."""

    kind: str
    value: Any
    secret: str


def make_samples(kinds: Sequence[Kind], seed: int, count: int) -> Iterator[Sample]:
    """`count` samples of each kind, all templates and names in turn."""
    for kind in kinds:
        rng = random.Random(f"{seed} {kind.name}")
        for number in range(count):
            template = kind.templates[number % len(kind.templates)]
            name = kind.names[(number // len(kind.templates) + number) % len(kind.names)]
            secret = kind.make(rng)
            text = template.replace("¤", name).replace("§", secret)
            yield Sample(kind.name, json.loads(text) if kind.is_json else text, secret)


ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
URL_SAFE = ALNUM + "-_"


def chars(alphabet: str, count: int) -> Maker:
    """Text of `count` characters with a letter and a digit in it, wherever the alphabet has both."""

    def make(rng: random.Random) -> str:
        text = "".join(rng.choices(alphabet, k=count - 3))
        return rng.choice(ALNUM_OF(alphabet)) + text + rng.choice(DIGIT_OF(alphabet)) + rng.choice(ALNUM_OF(alphabet))

    return make


def ALNUM_OF(alphabet: str) -> str:  # noqa: N802
    return "".join(c for c in alphabet if c.isalnum())


def DIGIT_OF(alphabet: str) -> str:  # noqa: N802
    return "".join(c for c in alphabet if c.isdigit()) or alphabet


def keyed(*parts: str | Maker) -> Maker:
    """Pieces of a key in a row: the beginning of a provider's keys and what is drawn."""
    return lambda rng: "".join(part if isinstance(part, str) else part(rng) for part in parts)


def one_of(*makers: Maker) -> Maker:
    return lambda rng: rng.choice(makers)(rng)


WORDS = ("hunter", "dragon", "sommer", "letmein", "tiger", "monkey", "s3cret", "P4ssw0rd", "Zebra", "qwertz")


def password(rng: random.Random) -> str:
    """What people choose, and what a generator does; without quotes, blanks and what ends a value."""
    chosen = f"{rng.choice(WORDS)}{rng.randint(2, 9999)}{rng.choice(('', '!', '#', '%', '*', '_x'))}"
    made = "".join(rng.choices(ALNUM + "!#%*_~^.", k=rng.randint(8, 24)))
    return rng.choice((chosen, rng.choice(ALNUM) + made + rng.choice(ALNUM)))


def plain_password(rng: random.Random) -> str:
    return rng.choice((f"{rng.choice(WORDS)}{rng.randint(2, 9999)}", chars(ALNUM, rng.randint(8, 40))(rng)))


def words_password(rng: random.Random) -> str:
    return " ".join(rng.choices(WORDS, k=rng.randint(2, 4))) + str(rng.randint(10, 99))


def base64_of(count: int) -> Maker:
    return lambda rng: base64.b64encode(rng.randbytes(count)).decode()


def digits(count: int) -> Maker:
    return lambda rng: str(rng.randint(10 ** (count - 1), 10**count - 1))


def card(rng: random.Random) -> str:
    """A number in an issuer's range with a right check digit."""
    prefix, length = rng.choice(
        (("4", 16), ("4", 16), (str(rng.randint(51, 55)), 16), (str(rng.randint(2221, 2720)), 16),
         (rng.choice(("34", "37")), 15), ("6011", 16), ("65", 16), (str(rng.randint(3528, 3589)), 16),
         (rng.choice(("36", "38", "300", "305")), 14))
    )  # fmt: skip
    body = prefix + "".join(rng.choices(string.digits, k=length - 1 - len(prefix)))
    return next(body + check for check in string.digits if luhn(body + check) == 0)


def luhn(number: str) -> int:
    """The sum of ISO/IEC 7812-1, modulo ten."""
    turned = [int(digit) for digit in reversed(number)]
    return (sum(turned[::2]) + sum(sum(divmod(2 * digit, 10)) for digit in turned[1::2])) % 10


def grouped_card(separator: str) -> Maker:
    def make(rng: random.Random) -> str:
        number = card(rng)
        sizes = {16: (4, 4, 4, 4), 15: (4, 6, 5), 14: (4, 6, 4)}[len(number)]
        ends = [sum(sizes[: place + 1]) for place in range(len(sizes))]
        return separator.join(number[end - size : end] for end, size in zip(ends, sizes, strict=True))

    return make


def jwt(rng: random.Random) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part({'sub': rng.randint(1, 9999)})}.{chars(URL_SAFE, 43)(rng)}"


def pem(newline: str, name: str) -> Maker:
    """A private key of this name, its lines ended by `newline`."""

    def make(rng: random.Random) -> str:
        lines = [base64.b64encode(rng.randbytes(48)).decode() for _ in range(4)]
        return newline.join(lines)

    head, tail = f"-----BEGIN {name}-----", f"-----END {name}-----"
    return lambda rng: f"{head}{newline}{make(rng)}{newline}{tail}"


def uuid_text(rng: random.Random) -> str:
    text = f"{rng.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"
