"""Programs with Sentry's own SDK for Python fail in several ways, and are seen as they failed.

Plain, logging, Flask and FastAPI in every run; `./mayday test doors` adds Django and Celery, in a venv of their own.
"""

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.doors.conftest import Door, dump
from tests.doors.installing import DOORS, only_in_long_form, run

HERE = ("plain", "flask", "fastapi")
PYTHON = DOORS / "python"
OWN = "python/failures.py"
# The way it failed: type and message.
EXPECTED = [
    ("KeyError", "'total'"),
    ("CheckoutFailed", "no total for order 4711"),
    ("ExceptionGroup", "two failed (2 sub-exceptions)"),
    ("KeyError", "'total'"),
    (None, "user ann is unknown"),
    (None, "user bob is unknown"),
    (None, "stock is low"),
]


async def send(door: Door, python: str | Path, kind: str) -> None:
    await run([python, f"{kind}_app.py"], PYTHON, SENTRY_DSN=door.dsn, PYTHONPATH=str(PYTHON))


def check(errors: list[dict[str, Any]], kind: str) -> None:
    """Each error is what failed, with what was said of it."""
    by_way = [(error["error_type"], error["message"]) for error in errors]
    for expected in EXPECTED:
        kind_of_type = expected[0], expected[1]
        assert any(found[0] == kind_of_type[0] and found[1].startswith(expected[1][:10]) for found in by_way), by_way
    for error in errors:
        assert (error["service"], error["release"], error["environment"]) == ("shop", "shop@1.2.3", "doors")
        assert error["tags"]["region"] == "eu"
        assert error["context"]["user"]["username"] == "ann"
        assert error["context"]["breadcrumbs"][-1]["message"]
        assert error["context"]["sdk"].startswith("sentry.python")
    plain = next(error for error in errors if error["error_type"] == "KeyError")
    assert "find_total" in plain["stack_trace"]
    frames = plain["context"]["exception"][0]["frames"]
    assert (frames[0]["function"], frames[0]["locals"]) == ("find_total", {"order": {"id": "4711"}})
    assert 'return order["total"]' in frames[0]["source"]
    logged = next(error for error in errors if "logged" in error["context"])
    assert (logged["context"]["logged"], logged["context"]["logger"]) == ("order 4711 has no total", "shop.orders")
    assert "hunter2" not in dump(errors)
    if kind in {"flask", "fastapi", "django"}:
        assert plain["context"]["request"]["url"].endswith("/orders/fail")
        assert plain["context"]["exception"][0]["mechanism"]["handled"] is False
    chained = next(error for error in errors if error["error_type"] == "CheckoutFailed")
    assert [one["type"] for one in chained["context"]["exception"]] == ["CheckoutFailed", "KeyError"]
    assert "The above exception was the direct cause" in chained["stack_trace"]


async def check_groups(door: Door, times: int) -> None:
    """What failed in one way is one pattern, however often."""
    patterns = await door.patterns()
    assert patterns["user <*> is unknown"] == 2 * times
    assert patterns["stock is low"] == times
    assert patterns["CheckoutFailed: no total for order <*>"] == times
    origins = await door.service.execute("SELECT DISTINCT origin FROM fingerprints WHERE error_type = 'KeyError'")
    assert {origin.partition(" ")[0] for (origin,) in origins} == {f"{OWN}:find_total"}


@pytest.mark.parametrize("kind", HERE)
async def test_a_program_of_python_is_seen_as_it_failed(door: Door, kind: str) -> None:
    for _ in range(2):
        await send(door, sys.executable, kind)
    check(await door.errors(), kind)
    await check_groups(door, 2)


@only_in_long_form
@pytest.mark.parametrize("kind", [*HERE, "django", "celery"])
async def test_one_on_what_is_installed_for_it_is_too(door: Door, installed_python: Path, kind: str) -> None:
    await send(door, installed_python, kind)
    check(await door.errors(), kind)
    await check_groups(door, 1)
