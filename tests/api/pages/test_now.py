"""The first page shows what the API says, in the order of what matters."""

import re
from datetime import UTC, datetime, timedelta

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


@pytest.mark.parametrize("name", ["service", "severity", "environment", "release", "state", "trend", "text"])
async def test_filters_and_their_opposites_share_the_errors_out(service: Service, name: str) -> None:
    project, person = await fill(service)
    value = {"severity": "error", "state": "new", "trend": "new", "text": "script"}.get(name, HOSTILE[0])
    value = HOSTILE[0][:60] if name == "release" else value
    with_it = counts_of(await person.see(**{name: value}))["total"]
    without = counts_of(await person.see(**{f"not_{name}": value})).get("total", 0)
    assert with_it + without == 30
    assert with_it == (await project.get("/api/errors/patterns", **{name: value}))["total"] > 0
    if name == "release":
        listed = (await project.get("/api/errors", release=value, limit=200))["errors"]
        others = (await project.get("/api/errors", not_release=value, limit=200))["errors"]
        assert (len(listed), len(others)) == (with_it, without)
        series = [
            (await project.get("/api/errors/patterns/series", **{key: value})) for key in ("release", "not_release")
        ]
        assert [sum(one["counts"]) for one in series] == [with_it, without]


async def test_the_first_error_of_each_release_is_marked_on_the_bars(service: Service) -> None:
    project = await service.project()
    now = datetime.now(UTC)
    for release, hours in (("1.0", 5), ("2.0", 2), ("2.0", 1)):
        at = (now - timedelta(hours=hours)).isoformat()
        await project.send(
            {"service": "shop", "severity": "error", "message": "order 1", "release": release, "timestamp": at}
        )
    await service.run_worker()
    person = await sign_in(service, project)
    seen = {one["release"]: one["first_seen"] for one in (await project.get("/api/errors/releases"))["releases"]}
    assert set(seen) == {"1.0", "2.0"}
    page = await person.see(window="24h")
    marked = re.findall(r'data-start="([^"]+)"><title>[^<]+; first errors of ([^<]+)</title>', page)
    assert sorted(name for _, names in marked for name in names.split(", ")) == ["1.0", "2.0"]
    for start, names in marked:
        for name in names.split(", "):
            assert start[:13] == seen[name][:13], "the hour in which the API says that its first error came"
    assert "<option>2.0</option>" in page
    kept = await person.see(window="24h", release="2.0", service="shop")
    assert "search?release=2.0&amp;service=shop&amp;since=" in kept


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
