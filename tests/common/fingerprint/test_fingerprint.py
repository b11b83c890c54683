"""The same failure has the same fingerprint, another one has another, and no text costs more than its length."""

import re
import subprocess
import sys
from collections.abc import Iterator
from re._constants import MAX_REPEAT, MAXREPEAT, MIN_REPEAT  # type: ignore[import-not-found]
from re._parser import SubPattern, parse  # type: ignore[import-not-found]
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.fingerprint import (
    fingerprint_error,
    fingerprint_value,
    languages,
    libraries,
    masks,
    names,
    raising,
    split_trace,
    traces,
)
from common.fingerprint.masks import SKELETON_CHARS
from tests.common.fingerprint.trace_samples import JAVA


def test_the_client_may_decide() -> None:
    found = [
        fingerprint_error(message=text, error_type=None, stack_trace=JAVA, client_fingerprint="checkout")
        for text in ("one", "two")
    ]
    assert found[0].value == found[1].value
    assert (found[0].grouped_by, found[0].origin) == ("client", "checkout")


def test_the_error_type_tells_messages_apart() -> None:
    values = {fingerprint_error(message="x", error_type=kind, stack_trace=None).value for kind in (None, "A", "B")}
    assert len(values) == 3


def test_the_same_in_every_process() -> None:
    code = (
        "from common.fingerprint import fingerprint_error as f;"
        "print(f(message='user 7 gone', error_type='Gone', stack_trace=None).value)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(ran.stdout) == fingerprint_error(message="user 8 gone", error_type="Gone", stack_trace=None).value


@given(st.text(alphabet=st.characters(), max_size=400), st.none() | st.text(max_size=40), st.none() | st.text())
def test_no_text_raises_and_every_answer_fits(message: str, error_type: str | None, trace: str | None) -> None:
    wild = message + "\ud800\x00"
    found = fingerprint_error(message=wild, error_type=error_type, stack_trace=trace)
    assert -(2**63) <= found.value < 2**63
    assert found.value != 0
    assert len(found.skeleton) <= SKELETON_CHARS
    assert len(found.title) <= 200
    assert not re.search("[\x00\n\ud800-\udfff]", found.skeleton)


def unbounded_repeats(parsed: Any, inside: bool = False) -> Iterator[str]:
    """Repeats without a bound that may be tried again, shorter: what makes an expression slower than its text."""
    for code, argument in parsed:
        if code in (MAX_REPEAT, MIN_REPEAT):
            least, most, _ = argument
            if most == MAXREPEAT or (inside and most > 64):
                yield f"{code} {least} to {most}"
        for part in argument if isinstance(argument, tuple | list) else [argument]:
            for branch in part if isinstance(part, list) else [part]:
                if isinstance(branch, SubPattern):
                    yield from unbounded_repeats(branch, inside or code in (MAX_REPEAT, MIN_REPEAT))


@pytest.mark.parametrize("module", [masks, traces, languages, names, libraries, raising])
def test_no_expression_can_go_back_without_a_bound(module: ModuleType) -> None:
    patterns = {name: found for name, found in vars(module).items() if isinstance(found, re.Pattern)}
    assert patterns
    for name, pattern in patterns.items():
        assert list(unbounded_repeats(parse(pattern.pattern, pattern.flags))) == [], name


def test_the_check_for_repeats_sees_them() -> None:
    assert list(unbounded_repeats(parse("(?:a|(b+)c)")))
    assert not list(unbounded_repeats(parse("(?:a|(b++)c{0,9})")))


@pytest.mark.parametrize("client", [None, "mine"])
@pytest.mark.parametrize("error_type", [None, "KeyError", "T" * 300])
@pytest.mark.parametrize("trace", [None, "", "no frame", 'Traceback:\n  File "/srv/a.py", line 3, in f\nKeyError: 7'])
def test_the_value_alone_is_that_of_the_whole(client: str | None, error_type: str | None, trace: str | None) -> None:
    for message in ("lost order 4711", "lost order 4711 " * 200):
        facts: dict[str, Any] = {"message": message, "error_type": error_type, "client_fingerprint": client}
        whole = fingerprint_error(**facts, stack_trace=trace)
        assert fingerprint_value(**facts, trace=split_trace(trace) if trace else None) == whole.value
