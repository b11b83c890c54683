"""A real Chromium that looks at the pages of a service behind a real socket; skipped with a line where there is none."""

import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from tests.conftest import Project, Service
from tests.listening import listening

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
WAIT_MS = 30_000  # on a busy machine


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser/" in str(item.path) and CHROMIUM is None:
            item.add_marker(pytest.mark.skip(reason="there is no Chromium here: on Debian install chromium"))


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody with a browser of their own; `faults` collects what must never happen on any page."""

    context: BrowserContext
    page: Page
    base_url: str
    faults: list[str] = field(default_factory=list)

    async def sign_in(self, project: Project, scope: str = "admin") -> None:
        link = (await getattr(project, scope).post("/api/signin-links")).json()["path"]
        await self.page.goto(self.base_url + link)
        await self.page.wait_for_url(f"{self.base_url}/p/{project.id}/")

    async def open(self, project: Project, path: str = "") -> None:
        answer = await self.page.goto(f"{self.base_url}/p/{project.id}/{path}")
        assert answer is not None
        assert answer.status in (200, 304), (path, answer.status)


@dataclass(frozen=True, slots=True)
class Viewers:
    """Makes viewers of one service."""

    browser: Browser
    base_url: str
    contexts: list[BrowserContext]

    async def make(self, **options: Any) -> Viewer:
        """A viewer with these options of a browser context: viewport, color_scheme, java_script_enabled..."""
        context = await self.browser.new_context(**options)
        self.contexts.append(context)
        page = await context.new_page()
        page.set_default_timeout(WAIT_MS)
        viewer = Viewer(context, page, self.base_url)
        page.on("dialog", lambda dialog: viewer.faults.append(f"dialog: {dialog.message}"))
        page.on("pageerror", lambda error: viewer.faults.append(f"script: {error}"))
        page.on("console", lambda said: viewer.faults.append(said.text) if is_fault(said.type, said.text) else None)
        page.on(
            "request",
            lambda sent: None if sent.url.startswith((self.base_url, "data:")) else viewer.faults.append(sent.url),
        )
        return viewer


def is_fault(kind: str, text: str) -> bool:
    """What the console says where a policy was broken or a script failed."""
    return kind == "error" and "status of 4" not in text


@pytest.fixture
async def viewers(service: Service) -> AsyncIterator[Viewers]:
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with listening(service.app, service.state) as port, async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=CHROMIUM, args=arguments)
        made = Viewers(browser, f"http://127.0.0.1:{port}", [])
        yield made
        for context in made.contexts:
            await context.close()
        await browser.close()
