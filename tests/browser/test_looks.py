"""How pages look, whatever is on them: nothing runs, nothing breaks the layout, and everyone can read and reach it."""

import asyncio
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from common.settings import Settings
from tests.api.pages.browsing import HOSTILE
from tests.browser.conftest import Viewer, Viewers
from tests.conftest import Project, Service

AXE = Path(__file__).parent / "axe"
LONG = "x" * 8_000
PROJECT = '"><b onclick=alert(1)>x'
DOCS = "/docs"
WIDTHS = (1400, 390)
COLOURS = {"runOnly": {"type": "tag", "values": ["cat.color"]}}
RUN_AXE = """async (only) => (await axe.run(document, {resultTypes: ["violations"], ...only})).violations.map(
    (v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 150)).join(" | ")}`)"""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Whoever looks operates the installation, and so sees every page that there is."""
    return settings.model_copy(update={"operator_project": PROJECT})


def frames_of(text: str) -> list[dict[str, Any]]:
    """As a receiver of Sentry's keeps them."""
    frame = {"function": text, "file": text, "module": text, "line": 7, "source": f"{text}\n{text}", "source_from": 6,
             "locals": {text[:100]: text, "a": {"b": [text]}}}  # fmt: skip
    return [{"type": text, "value": text, "frames": [{**frame, "in_app": own} for own in (False, True, False)]}]


async def fill(service: Service) -> tuple[Project, list[str]]:
    """A project with hostile text in every field; gives its pages."""
    project, other = await service.project(PROJECT), await service.project(LONG[:200])
    for text in (*HOSTILE, LONG):
        await project.admin.post("/api/keys", json={"scope": "read", "name": text[:200].replace("\0", "")})
    await project.send(*[
        {
            "service": text[:200], "severity": "error", "message": f"{text} {number}", "environment": text[:200],
            "release": text[:200], "error_type": text[:200], "tags": {text[:100]: text},
            "context": {text[:100]: [text], "request": {"url": text, "headers": {text[:50]: text}}, "user": {"id": text},
                        "exception": frames_of(text), "extra": {text[:50]: text}, "contexts": {text[:50]: {"a": text}},
                        "breadcrumbs": [{"message": text, "category": text, "data": {text[:50]: text}}]},
            "stack_trace": f'Traceback (most recent call last):\n  File "{text[:100]}", line 1, in f\n    {text}\nE: {text}',
        }
        for number, text in enumerate((*HOSTILE, LONG))
    ])  # fmt: skip
    await service.run_worker()
    errors = (await project.get("/api/errors/recent", limit=100))["errors"]
    patterns = {one["pattern_id"] for one in errors}
    pages = ["", "?window=1h&not_service=x", "search", "live", "spend", "spend/2026-02", "search?text=nothing-is-so"]
    await make_alerts(project)
    pages += [
        "system",
        "alerts",
        "alerts/rules/new",
        f"system/projects/{other.id}",
        "search?since=2026-02-01T00:00:00Z&until=2026-02-02T00:00:00Z",
        "nothing",
    ]
    return project, [*pages, *[f"patterns/{one}" for one in patterns], *[f"errors/{one['id']}" for one in errors]]


async def make_alerts(project: Project) -> None:
    """A rule of each hostile name."""
    for text in (*HOSTILE, LONG):
        rule = {"name": text[:200], "when": ["new"], "if": [{"title": text[:200]}]}
        assert (await project.admin.post("/api/alerts/rules", json=rule)).status_code == 201


async def test_hostile_text_neither_runs_nor_breaks_the_layout(service: Service, viewers: Viewers) -> None:
    project, pages = await fill(service)
    viewer = await viewers.make()
    await viewer.sign_in(project)
    for page in [*pages, DOCS]:
        await look(viewer, project, page)
        for width in WIDTHS:
            await viewer.page.set_viewport_size({"width": width, "height": 900})
            widest = await viewer.page.evaluate("document.documentElement.scrollWidth")
            assert widest <= width, (page, widest, await find_widest(viewer, width))
        assert viewer.faults == [], page


async def look(viewer: Viewer, project: Project, page: str) -> None:
    """Open a page of the project, or one that is everybody's."""
    if page.startswith("/"):
        await viewer.page.goto(viewer.base_url + page)
    else:
        await viewer.page.goto(f"{viewer.base_url}/p/{project.id}/{page}")
    for details in await viewer.page.query_selector_all("main details"):
        await details.evaluate("(one) => { one.open = true; }")


async def find_widest(viewer: Viewer, width: int) -> Any:
    """What reaches beyond the window, to be told."""
    return await viewer.page.evaluate(
        "(most) => [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > most + 1)"
        ".slice(0, 5).map((e) => e.outerHTML.slice(0, 120))",
        width,
    )


@pytest.fixture(scope="module")
def axe_source() -> str:
    """axe-core, by npm from its lock."""
    if shutil.which("npm") is None:
        pytest.skip("there is no npm here: on Debian install npm")
    source = AXE / "node_modules" / "axe-core" / "axe.min.js"
    if not source.exists():
        asyncio.run(install())
    if not source.exists():
        pytest.skip("axe-core cannot be had here: `npm ci` in tests/browser/axe failed")
    return source.read_text()


async def install() -> None:
    process = await asyncio.create_subprocess_exec(
        "npm", "ci", "--no-audit", "--no-fund", cwd=AXE, stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL, env=dict(os.environ),
    )  # fmt: skip
    await process.wait()


async def test_axe_finds_nothing_wrong_on_any_page(service: Service, viewers: Viewers, axe_source: str) -> None:
    project, pages = await fill(service)
    viewer = await viewers.make()
    await viewer.page.goto(f"{viewer.base_url}/signin")
    found = {"signin": await check(viewer, axe_source)}
    await viewer.sign_in(project)
    for page in [*pages[:15], pages[-1], DOCS]:
        await look(viewer, project, page)
        found[page] = await check(viewer, axe_source)
    assert {page: wrong for page, wrong in found.items() if wrong} == {}


async def check(viewer: Viewer, axe_source: str) -> list[str]:
    """What is wrong, light and dark; of the latter alone what colours can change."""
    await viewer.page.evaluate(axe_source)
    await viewer.page.emulate_media(color_scheme="light")
    wrong: list[str] = await viewer.page.evaluate(RUN_AXE, {})
    await viewer.page.emulate_media(color_scheme="dark")
    return wrong + [f"dark: {one}" for one in await viewer.page.evaluate(RUN_AXE, COLOURS)]
