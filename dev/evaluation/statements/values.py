"""Plausible values of the expressions in messages, by what the expressions are called. Pure."""

import random
import re
from collections.abc import Callable

SYLLABLES = (
    "ba",
    "ko",
    "ri",
    "ta",
    "mel",
    "no",
    "vi",
    "sar",
    "du",
    "lin",
    "fe",
    "gor",
    "an",
    "wis",
    "ter",
    "po",
    "ce",
    "xu",
)
NOUNS = (
    *(
        "user",
        "order",
        "price",
        "total",
        "customer",
        "email",
        "status",
        "color",
        "parent",
        "source",
        "target",
        "index",
        "group",
    ),
    *("owner", "label", "amount", "date", "region", "payload", "token", "title", "created_at", "user_id", "order_id"),
)
CLASSES = (
    "Order",
    "Cart",
    "User",
    "HttpClient",
    "StringIO",
    "DataFrame",
    "UserProfile",
    "Invoice",
    "LinkedHashMap",
    "Session",
)
TYPES = ("int", "str", "list", "dict", "NoneType", "float", "tuple", "object", "string", "number", "boolean")
FAULTS = (
    *("connection refused", "no such file or directory", "timed out", "permission denied", "unexpected end of file"),
    *("invalid character 'x' in literal", "context deadline exceeded", "broken pipe", "not found", "key is missing"),
)
BY_NAME = (
    (
        r"len|count|num|size|index|idx|line|port|code|status|offset|pos|ndim|dim|length|min|max|limit|version|\bn\b|\bi\b|\+ ?1",
        "number",
    ),
    (r"shape", "shape"),
    (r"path|file|dir|root", "path"),
    (r"ur[il]|endpoint|href|link", "url"),
    (r"host|addr|server|domain", "host"),
    (r"type|class|cls|kind|dtype|constructor|getName\(\)|__name__", "type"),
    (r"err|exc|cause|reason|message|msg|\be\b|\bex\b", "fault"),
    (
        r"keys|names|args|list|columns|fields|options|values|items|params|choices|allowed|valid|join\(|sorted\(|set\(",
        "list",
    ),
    (r"^is_|^has_|enabled|flag", "boolean"),
    (
        r"name|key|field|column|attr|label|method|option|arg|param|table|id\b|prop|alias|model|tag|module|command",
        "name",
    ),
    (r"date|time", "time"),
)


def value_of(expression: str, dice: random.Random) -> str:
    for pattern, kind in BY_NAME:
        if re.search(pattern, expression, re.IGNORECASE):
            return make(kind, dice)
    return make(dice.choice(("name", "name", "word", "number", "type", "list", "object", "path", "number")), dice)


def word(dice: random.Random) -> str:
    return "".join(dice.choices(SYLLABLES, k=dice.randint(2, 4)))


def name(dice: random.Random) -> str:
    return dice.choice((
        dice.choice(NOUNS), dice.choice(NOUNS), word(dice), f"{dice.choice(NOUNS)}_{dice.choice(NOUNS)}",
        dice.choice(NOUNS) + dice.choice(NOUNS).title(), f"{dice.choice(NOUNS)}{dice.randint(1, 20)}",
    ))  # fmt: skip


def make(kind: str, dice: random.Random) -> str:
    number = str(dice.randint(0, 10 ** dice.randint(1, 5)))
    if kind == "number":
        return dice.choice((number, number, number, f"-{number}", f"{dice.random() * 100:.2f}"))
    if kind == "list":
        some = [name(dice) for _ in range(dice.randint(1, 4))]
        return dice.choice((str(some), ", ".join(some), f"[{', '.join(some)}]", "[]", str(tuple(some))))
    if kind == "object":
        pair = f"{{'{name(dice)}': {number}, '{name(dice)}': '{word(dice)}'}}"
        return dice.choice(
            (pair, "{}", "null", "None", f'{{"id":{number}}}', f"<{dice.choice(CLASSES)} object at 0x7f{number}>")
        )
    makers: dict[str, Callable[[], str]] = {
        "name": lambda: name(dice),
        "word": lambda: word(dice),
        "shape": lambda: f"({number}, {dice.randint(1, 99)})",
        "path": lambda: (
            dice.choice(("/var/lib/", "./", "/home/ann/", "C:\\Program Files\\"))
            + name(dice)
            + dice.choice((".json", ".txt", ""))
        ),
        "url": lambda: f"https://{word(dice)}.example.com/{name(dice)}?id={number}",
        "host": lambda: dice.choice(
            (
                f"{word(dice)}.example.com",
                f"10.0.{dice.randint(0, 255)}.{dice.randint(1, 254)}",
                "localhost",
                word(dice),
            )
        ),
        "type": lambda: dice.choice(
            (
                dice.choice(CLASSES),
                dice.choice(TYPES),
                f"<class '{dice.choice(TYPES)}'>",
                f"com.acme.{dice.choice(CLASSES)}",
            )
        ),
        "fault": lambda: dice.choice(FAULTS),
        "boolean": lambda: dice.choice(("true", "false")),
        "time": lambda: f"20{dice.randint(10, 40)}-0{dice.randint(1, 9)}-1{dice.randint(0, 9)}T10:11:12Z",
    }
    return makers[kind]()
