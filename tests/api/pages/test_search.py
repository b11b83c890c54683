"""Errors are found by filters, page by page, and by an id that somebody pasted."""

import re
from html import unescape
from urllib.parse import parse_qs
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.pages.search import name_ranges
from tests.api.pages.browsing import sign_in
from tests.conftest import Service


async def test_a_walk_over_all_pages_meets_each_error_once(service: Service) -> None:
    project = await service.project()
    await project.send(
        *[{"service": "shop", "severity": "error", "message": f"order {number}"} for number in range(120)]
    )
    person = await sign_in(service, project)
    met: list[str] = []
    page = await person.see("search", service="shop")
    while True:
        met += re.findall(r"errors/([0-9a-f-]{36})", page)
        further = re.search(r'href="\?([^"]+)" rel="next"', page)
        if not further:
            break
        page = (await person.browser.get(f"{person.home}search?{further[1].replace('&amp;', '&')}")).text
    assert len(met) == len(set(met)) == 120


@pytest.mark.parametrize("form", [str, lambda one: one.replace("-", ""), str.upper, lambda one: f"  {one} "])
async def test_a_pasted_id_leads_to_its_page(service: Service, form: object) -> None:
    project = await service.project()
    await project.send({"service": "shop", "severity": "error", "message": "order 1"})
    await service.run_worker()
    person = await sign_in(service, project)
    [error] = (await project.get("/api/errors/recent"))["errors"]
    for kind, found in (("errors", error["id"]), ("patterns", error["pattern_id"])):
        answer = await person.open("search", text=form(found))  # type: ignore[operator]
        assert (answer.status_code, answer.headers["location"]) == (303, f"{person.home}{kind}/{found}")


async def test_an_id_of_another_project_is_not_found(service: Service) -> None:
    project, other = await service.project("one"), await service.project("other")
    await other.send({"service": "shop", "severity": "error", "message": "order 1"})
    [error] = (await other.get("/api/errors/recent"))["errors"]
    person = await sign_in(service, project)
    assert "There is no error and no pattern" in await person.see("search", text=error["id"])
    assert (await person.open(f"errors/{error['id']}")).status_code == 404
    assert (await person.open(f"patterns/{uuid4()}")).status_code == 404


@pytest.mark.parametrize("params", [{"since": "yesterday"}, {"cursor": "x"}, {"severity": "bad"}, {"pattern": "x"}])
async def test_what_cannot_be_looked_for_is_said_on_a_page(service: Service, params: dict[str, str]) -> None:
    person = await sign_in(service, await service.project())
    answer = await person.open("search", **params)
    assert answer.status_code == 422
    assert next(iter(params)) in answer.text


async def test_live_answers_304_while_nothing_is_new(service: Service) -> None:
    project = await service.project()
    person = await sign_in(service, project)
    page = await person.open("live")
    known = {"If-None-Match": page.headers["etag"]}
    assert (await person.browser.get(f"{person.home}live", headers=known)).status_code == 304


async def test_what_is_not_wanted_is_left_out_and_other_ranges_are_a_link_away(service: Service) -> None:
    project = await service.project()
    for name in ("shop", "till"):
        await project.send({"service": name, "severity": "error", "message": f"order of {name}", "release": name})
    person = await sign_in(service, project)
    for name in ("service", "release"):
        page = await person.see("search", **{f"not_{name}": "shop"})
        assert "order of till" in page
        assert "order of shop" not in page
    page = await person.see("search", since="2026-02-01T00:00:00Z", until="2026-02-01T02:00:00Z")
    links = [parse_qs(unescape(link)) for link in re.findall(r'href="\?([^"]+)"', page)]
    assert [(one["since"][0][:13], one["until"][0][:13]) for one in links] == [
        ("2026-01-31T22", "2026-02-01T00"), ("2026-02-01T02", "2026-02-01T04"), ("2026-01-31T22", "2026-02-01T04"),
    ]  # fmt: skip


@given(st.dictionaries(st.sampled_from(["since", "until", "text"]), st.text(max_size=40) | st.datetimes().map(str)))
def test_any_filters_have_ranges_or_none(filters: dict[str, str]) -> None:
    assert len(list(name_ranges(filters))) in (0, 3)
