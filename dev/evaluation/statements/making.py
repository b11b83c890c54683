"""Labelled errors of statements: each several times, with other values each time, and with traces where they are wanted. Pure."""

import random
import re
from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

from dev.evaluation.statements.sources import Slot, Statement
from dev.evaluation.statements.values import value_of

EACH = (1, 2, 3, 4, 6, 8, 12)  # errors of one statement


class Labelled(NamedTuple):
    label: str
    message: str
    statement: Statement


def say(statement: Statement, dice: random.Random) -> str:
    parts = []
    for piece in statement.pieces:
        if isinstance(piece, Slot):
            value = value_of(piece.expression, dice)
            parts.append(f"'{value}'" if piece.is_quoted else value)
        else:
            parts.append(piece)
    return " ".join("".join(parts).split())


def make_errors(statements: Sequence[Statement], seed: str, each: Sequence[int] = EACH) -> list[Labelled]:
    """Shuffled; the same on every run. Statements of the same words are one label."""
    dice = random.Random(seed)
    made = [
        Labelled(re.sub(r"\s+", " ", one.label), say(one, dice), one)
        for one in statements
        for _ in range(dice.choice(each))
    ]
    dice.shuffle(made)
    return made


def is_set_aside(statement: Statement) -> bool:
    """Half of all files: rules are made with the others alone."""
    return blake2b(statement.file.encode()).digest()[0] % 2 == 1


def trace_of(error: Labelled, caller: int) -> str:
    """The trace that Python would print of a statement that is reached by one of several callers."""
    one = error.statement
    frames = [("web/app.py", "dispatch", "return self.views[name](request)")]
    frames += [(f"shop/jobs{caller}.py", f"run_{'abcdefgh'[caller % 8]}", "work(job)")]
    frames += [(one.file, one.function, one.source)]
    text = "".join(
        f'  File "/srv/{file}", line {10 + caller}, in {function}\n    {source}\n' for file, function, source in frames
    )
    return f"Traceback (most recent call last):\n{text}{one.error_type}: {error.message}"
