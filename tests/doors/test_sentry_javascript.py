"""Programs with Sentry's own SDKs for Node and for pages fail in several ways, and are seen as they failed: Express with ESM,
and a page of another origin in a headless Chromium. In `./mayday test doors`.
"""

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest

from tests.doors.conftest import Door, dump
from tests.doors.installing import install_javascript, only_in_long_form, run

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def check(errors: list[dict[str, Any]], service: str) -> None:
    for error in errors:
        assert (error["service"], error["release"], error["environment"]) == (service, "shop@1.2.3", "doors")
        assert error["tags"]["region"] == "eu"
        assert error["context"]["user"]["username"] == "ann"
        assert "item 17 added" in [crumb.get("message") for crumb in error["context"]["breadcrumbs"]]
    assert "hunter2" not in dump(errors)


def first_of(errors: list[dict[str, Any]], error_type: str | None) -> dict[str, Any]:
    return next(error for error in errors if error["error_type"] == error_type)


@only_in_long_form
async def test_a_program_on_express_is_seen_as_it_failed(door: Door, tmp_path: Path) -> None:
    folder = await install_javascript(tmp_path / "javascript")
    for _ in range(2):
        await run(["node", "--import", "./instrument.mjs", "express_app.mjs"], folder, SENTRY_DSN=door.dsn)
    errors = await door.errors()
    assert len(errors) == 8
    check(errors, "shop-web")
    plain = first_of(errors, "TypeError")
    assert "at findTotal (" in plain["stack_trace"]
    assert plain["context"]["exception"][0]["frames"][0]["function"] == "findTotal"
    assert (
        plain["context"]["request"]["url"].endswith("/orders/fail?token=[redacted]")
        or "/orders/" in plain["context"]["request"]["url"]
    )
    chained = first_of(errors, "CheckoutFailed")
    assert [one["type"] for one in chained["context"]["exception"]] == ["CheckoutFailed", "TypeError"]
    assert "[cause]: TypeError" in chained["stack_trace"]
    patterns = await door.patterns()
    assert (patterns["CheckoutFailed: no total for order <*>"], patterns["stock is low"]) == (2, 2)
    origins = await door.service.execute("SELECT DISTINCT origin FROM fingerprints WHERE error_type = 'TypeError'")
    assert [origin.split() for (origin,) in origins] == [["javascript/failures.mjs:findTotal", ANY]]  # and its message


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The folder at an address of its own, so another origin than the API's."""

    class Quiet(SimpleHTTPRequestHandler):
        extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript"}  # noqa: RUF012

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def map_imports(folder: Path) -> dict[str, dict[str, str]]:
    """Where a page finds the modules of each package that was installed, without a bundler."""
    imports: dict[str, str] = {}
    for manifest in folder.glob("node_modules/@sentry*/*/package.json"):
        package = json.loads(manifest.read_text())
        entry = package.get("module") or package.get("main")
        if entry:
            imports[package["name"]] = f"/{manifest.parent.relative_to(folder)}/{entry}"
        for name, target in (package.get("exports") or {}).items():
            found = (
                target.get("browser", target).get("import", target.get("import")) if isinstance(target, dict) else None
            )
            found = found.get("default") if isinstance(found, dict) else found
            if name.startswith("./") and found and "*" not in name:
                imports[package["name"] + name[1:]] = (
                    f"/{manifest.parent.relative_to(folder)}/{found.removeprefix('./')}"
                )
    return {"imports": imports}


@only_in_long_form
@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here")
async def test_a_page_of_another_origin_is_seen_as_it_failed(door: Door, tmp_path: Path) -> None:
    folder = await install_javascript(tmp_path / "javascript")
    page = (folder / "page.html").read_text()
    page = page.replace("IMPORTS", json.dumps(map_imports(folder))).replace("DSN", door.dsn)
    (folder / "index.html").write_text(page)
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    with served(folder) as url:
        shown = await run(
            [CHROMIUM, *flags, "--virtual-time-budget=15000", "--dump-dom", f"{url}/index.html"], tmp_path
        )
    assert "<title>done</title>" in shown, shown
    errors = await door.errors()
    assert {error["error_type"] for error in errors} == {"TypeError", "Error", "CheckoutFailed", None}, errors
    check(errors, "shop-page")
    plain = first_of(errors, "TypeError")
    assert plain["context"]["exception"][0]["mechanism"]["handled"] is False
    assert "findTotal" in plain["stack_trace"]
    assert plain["context"]["request"]["headers"]["User-Agent"]
