"""The first page shows what the API says, to who is signed in, and to nobody else."""

import re

import httpx

from tests.conftest import Project, Service

ERRORS = [
    {"service": "checkout", "severity": "error", "message": f"payment {number} failed: card declined"} for number in range(7)
] + [{"service": "<script>alert(1)</script>", "severity": "critical", "message": "\x1b[31mred \u202eevil"} for _ in range(3)]


async def sign_in(service: Service, project: Project, scope: str = "admin") -> httpx.AsyncClient:
    """A browser that followed a link."""
    link = (await getattr(project, scope).post("/api/signin-links")).json()["path"]
    browser = await service.client(None)
    answer = await browser.get(link)
    assert answer.status_code == 200, answer.text
    return browser


async def test_a_link_signs_in_once_and_the_page_shows_the_counts_of_the_api(service: Service) -> None:
    project = await service.project()
    await project.send(*ERRORS)
    await service.run_worker()
    browser = await sign_in(service, project)
    page = await browser.get(f"/p/{project.id}/")
    assert page.status_code == 200, page.text
    answer = await project.get("/api/errors/patterns")
    shown = dict(re.findall(r'data-count="([^"]+)">([^<]+)<', page.text))
    assert int(shown.pop("total")) == answer["total"] == 10
    assert {name: int(count) for name, count in shown.items()} == {
        pattern["id"]: pattern["count"] for pattern in answer["patterns"]
    }
    assert "<script>alert" not in page.text
    assert "\\u{1b}[31mred" in page.text
    again = await browser.get(f"/p/{project.id}/", headers={"If-None-Match": page.headers["etag"]})
    assert again.status_code == 304
