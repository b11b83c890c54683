"""Log lines as they are written: one a request, in one form, that no value can break."""

import json
import subprocess
import sys
import textwrap
from typing import Any

import pytest

from common.settings import ROOT

REQUESTS = """
import asyncio, httpx, structlog
from api.http.middleware import RequestMiddleware, RequestLines
from common.logs import configure_logging
from common.settings import Settings

async def answer(scope, receive, send):
    structlog.contextvars.bind_contextvars(project_id="p1")
    if scope["path"] == "/defect":
        secret = "a local of the defect"
        raise ZeroDivisionError("of mine")
    status = int(scope["path"][1:4])
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b""})

async def main():
    settings = Settings()
    configure_logging(settings, "api")
    frame = RequestMiddleware(answer, settings)
    state = {"stopping": asyncio.Event(), "lines": RequestLines(settings)}
    transport = httpx.ASGITransport(lambda scope, *ends: frame({**scope, "state": state}, *ends))
    async with httpx.AsyncClient(transport=transport, base_url="http://x", headers={"X-Request-ID": "r-1"}) as client:
        for path in PATHS:
            await client.get(path)

asyncio.run(main())
"""


def run(script: str, **settings: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=ROOT,
        env={f"MAYDAY_{name.upper()}": value for name, value in settings.items()},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stderr


def ask(*paths: str, **settings: str) -> str:
    """What is written when these paths are asked for."""
    return run(REQUESTS.replace("PATHS", repr(paths)), **settings)


def lines(**settings: str) -> list[dict[str, Any]]:
    written = ask("/200", "/404", "/200", "/404", "/503", "/defect", log_format="json", **settings)
    return [json.loads(line) for line in written.splitlines()]


def test_a_request_has_one_line_at_most_and_failures_always_have_theirs() -> None:
    failed, defect = lines()
    assert (failed["status"], failed["level"]) == (503, "warning")
    assert (defect["status"], defect["level"]) == (500, "error")
    assert defect["exception"][0]["exc_type"] == "ZeroDivisionError"
    for line in (failed, defect):
        assert (line["event"], line["request_id"], line["project_id"]) == ("answered", "r-1", "p1")


def test_the_share_of_requests_that_went_well_and_the_level_are_settings() -> None:
    assert len(lines(log_requests_share="0.5")) == 4
    assert len(lines(log_requests_share="1")) == 6
    assert len(lines(log_level="debug")) >= 6
    assert [line["status"] for line in lines(log_level="error")] == [500]


@pytest.mark.parametrize("form", ["console", "json"])
def test_the_traceback_of_a_defect_shows_no_values_of_its_code(form: str) -> None:
    written = ask("/defect", log_format=form)
    assert "ZeroDivisionError" in written
    assert "a local of the defect" not in "".join(line for line in written.splitlines() if "secret =" not in line)


def test_values_cannot_move_the_cursor_or_begin_a_line() -> None:
    script = """
    import logging, structlog
    from common.logs import configure_logging
    from common.settings import Settings
    configure_logging(Settings(), "api")
    structlog.get_logger().warning("ours", path="/a\\x1b[2J\\nlevel=error \\u202e\\x9b")
    logging.getLogger("uvicorn.error").warning("theirs %s", "b\\r\\n\\x1b]0;title\\x07")
    """
    for form in ("console", "json"):
        written = run(script, log_format=form)
        assert written.count("\n") == 2
        plain = written.replace("\x1b[0m", "").replace("\n", "")
        assert not [c for c in "\x07\x9b\u202e\r" if c in plain]
        assert "\x1b[2J" not in plain
        assert "\x1b]0" not in plain
        assert "theirs" in plain


@pytest.mark.parametrize("form", ["console", "json"])
def test_a_request_cannot_forge_a_line_by_its_path(form: str) -> None:
    forged = "%0d%0a%7b%22event%22:%22forged%22%7d%0a2026-11-24 [error] forged%1b[2J%e2%80%a8%c2%85"
    written = ask(f"/503{forged}", "/503", log_format=form)
    assert written.count("forged") == 2  # both in the value, which is one line's
    assert len(written.splitlines()) == 2
    assert not [control for control in "\r\u2028\x85" if control in written]
    assert "\x1b[2J" not in written
    if form == "json":
        assert [json.loads(line)["event"] for line in written.splitlines()] == ["answered"] * 2
