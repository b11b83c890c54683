"""The first page shows what the API says, in the order of what matters."""

import re

import pytest

from tests.api.pages.browsing import HOSTILE, Person, counts_of, scan, sign_in
from tests.conftest import Project, Service


async def fill(service: Service) -> tuple[Project, Person]:
    """A project with hostile names and messages, counted, and somebody who looks at it."""
    project = await service.project()
    errors = [
        {
            "service": text[:100], "severity": severity, "message": f"{text} kind {number}", "environment": text[:50],
            "release": text[:60], "error_type": text[:60], "tags": {text[:40]: text}, "context": {text[:40]: {"a": [text]}},
            "stack_trace": f'Traceback (most recent call last):\n  File "{text[:30]}", line 1, in f\n{text}',
        }
        for number, text in enumerate(HOSTILE)
        for severity in ("error", "critical", "warning")
    ]  # fmt: skip
    await project.send(*errors)
    await service.run_worker()
    return project, await sign_in(service, project)


@pytest.mark.parametrize("window", ["1h", "6h", "24h", "7d"])
async def test_every_count_is_that_of_the_api(service: Service, window: str) -> None:
    project, person = await fill(service)
    counts = counts_of(await person.see(window=window))
    answer = await project.get("/api/errors/patterns", window=window)
    assert counts.pop("total") == answer["total"] == 30
    assert counts == {pattern["id"]: pattern["count"] for pattern in answer["patterns"]}


async def test_hostile_text_runs_nowhere(service: Service) -> None:
    project, person = await fill(service)
    patterns = (await project.get("/api/errors/patterns"))["patterns"]
    errors = (await project.get("/api/errors/recent"))["errors"]
    pages = ["", "search", "live", "spend", *[f"patterns/{one['id']}" for one in patterns]]
    for page in [*pages, *[f"errors/{one['id']}" for one in errors[::3]]]:
        answer = await person.open(page)
        found = scan(answer.text)
        assert answer.status_code == 200, page
        assert [script for script in found.scripts if not (script or "").startswith("/assets/")] == [], page
        assert found.dangers == [], page
        assert re.search("[\x00-\x08\x0b-\x1f\u202e\u200b\u2066]", answer.text) is None, page
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy


@pytest.mark.parametrize("name", ["service", "severity", "environment", "state", "trend", "text"])
async def test_filters_and_their_opposites_share_the_errors_out(service: Service, name: str) -> None:
    project, person = await fill(service)
    value = {"severity": "error", "state": "new", "trend": "new", "text": "script"}.get(name, HOSTILE[0])
    with_it = counts_of(await person.see(**{name: value}))["total"]
    without = counts_of(await person.see(**{f"not_{name}": value})).get("total", 0)
    assert with_it + without == 30
    assert with_it == (await project.get("/api/errors/patterns", **{name: value}))["total"] > 0


async def test_a_page_that_did_not_change_is_a_304(service: Service) -> None:
    _, person = await fill(service)
    await person.open()
    page = await person.open()
    again = await person.browser.get(person.home, headers={"If-None-Match": page.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_what_nobody_takes_is_a_page_that_says_so(service: Service) -> None:
    project = await service.project()
    person = await sign_in(service, project)
    answer = await person.open(window="2y")
    assert answer.status_code == 422
    assert "text/html" in answer.headers["content-type"]
    assert "window" in answer.text


async def test_an_empty_project_says_what_to_do_next(service: Service) -> None:
    project = await service.project()
    person = await sign_in(service, project)
    assert "curl http://mayday/api/errors/log" in await person.see()


async def test_new_ones_come_before_those_that_are_dealt_with(service: Service) -> None:
    project, person = await fill(service)
    first = (await project.get("/api/errors/patterns"))["patterns"][0]["id"]
    page = await person.see()
    answer = await person.send("decide", page, do="resolve", pattern=first, next=person.home)
    assert answer.status_code == 303
    shown = re.findall(r'name="pattern" value="([^"]+)" aria-label', (await person.see()))
    assert shown[-1] == first
