"""A person with a browser: signs in by a link, opens pages, sends forms."""

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

import httpx

from tests.conftest import Project, Service

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    "{{ 7*7 }}{% raw %}${7*7}",
    "\u202egnp.exe\u200b\u2066",
    "\x1b[31mred\x1b[0m",
    "x" * 150,
    "| a | b |\n# heading\n[link](javascript:alert(1))",
    "' onmouseover='alert(1)",
    "</pre></title></textarea><svg onload=alert(1)>",
)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is signed in to one project."""

    browser: httpx.AsyncClient
    home: str

    async def open(self, path: str = "", **params: Any) -> httpx.Response:
        return await self.browser.get(self.home + path, params=params)

    async def see(self, path: str = "", **params: Any) -> str:
        """The text of a page that must be there."""
        answer = await self.open(path, **params)
        assert answer.status_code == 200, (path, answer.status_code, answer.text[:500])
        return answer.text

    async def send(self, path: str, page: str, **fields: Any) -> httpx.Response:
        """Send a form of a page, with the token that stands in it."""
        return await self.browser.post(self.home + path, data={"csrf": csrf_of(page), **fields})


async def sign_in(service: Service, project: Project, scope: str = "admin") -> Person:
    """Follow a link that a key of this scope made."""
    link = (await getattr(project, scope).post("/api/signin-links")).json()["path"]
    browser = await service.client(None)
    answer = await browser.get(link)
    assert answer.status_code == 200, answer.text
    return Person(browser, f"/p/{project.id}/")


def csrf_of(page: str) -> str:
    found = re.search(r'name="csrf" value="([0-9a-f]+)"', page)
    assert found, "there is no form with a token on the page"
    return found[1]


def counts_of(page: str) -> dict[str, int]:
    """The numbers that a page says it has from the API, by what they count."""
    return {name: int(re.sub(r"\D", "", count)) for name, count in re.findall(r'data-count="([^"]+)">([^<]+)<', page)}


class Scanner(HTMLParser):
    """What a browser would make of a page: nothing that runs may be among it but our own script."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[str | None] = []
        self.dangers: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if tag == "script":
            self.scripts.append(given.get("src"))
        self.dangers += [f"{tag} {name}" for name, _ in attributes if name.startswith("on") or name == "style"]
        self.dangers += [
            f"{tag} {name}={value}"
            for name, value in attributes
            if name in ("href", "src", "action", "formaction") and not (value or "").startswith(("/", "?", "#"))
        ]
        self.dangers += [tag] if tag in ("iframe", "object", "embed", "base", "style", "img") else []


def scan(page: str) -> Scanner:
    scanner = Scanner()
    scanner.feed(page)
    return scanner
