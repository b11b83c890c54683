"""Every page names its project and the others that one is signed in to, and what was just done."""

import asyncio
from typing import Any

import pytest

from api.pages import frame
from api.pages.rendering import render
from tests.api.pages.browsing import csrf_of, sign_in
from tests.conftest import Service


async def test_one_changes_between_the_projects_whose_sessions_are_good(service: Service) -> None:
    one, other = await service.project("one"), await service.project("<other>")
    person = await sign_in(service, one)
    await person.browser.get((await other.read.post("/api/signin-links")).json()["path"])
    person.browser.cookies.set("mayday_session_" + "0" * 32, "a" * 43)
    person.browser.cookies.set("mayday_session_x", "nothing")
    page = await person.see()
    assert f'<a href="/p/{other.id}/">&lt;other&gt;</a>' in page
    assert "0" * 8 + "-0000" not in page


@pytest.mark.parametrize("query", ["?done=explode", "?done=%3Cscript%3E", "?done=resolve&of=%22%3E%3Cscript%3E"])
async def test_an_address_cannot_have_a_page_say_what_was_not_done(service: Service, query: str) -> None:
    person = await sign_in(service, await service.project())
    page = (await person.browser.get(person.home + query)).text
    assert "explode" not in page
    assert "<script>" not in page.replace('<script type="module"', "")


async def test_who_has_a_page_is_told_so_by_any_process_without_making_it(service: Service) -> None:
    person = await sign_in(service, await service.project())
    etag = (await person.open()).headers["etag"]
    frame.texts.held.clear()  # as in another process, or after a new start
    answer = await person.browser.get(person.home, headers={"If-None-Match": etag})
    assert (answer.status_code, answer.content) == (304, b"")
    assert not frame.texts.held
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["vary"] == "Cookie, Accept-Encoding"


async def test_a_page_is_rendered_once_for_all_and_holds_the_token_of_each(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, rendered = await service.project(), list[str]()
    people = [await sign_in(service, project) for _ in range(4)]
    frame.texts.held.clear()

    def note(name: str, **values: Any) -> str:
        rendered.append(name)
        return render(name, **values)

    monkeypatch.setattr(frame, "render", note)
    pages = await asyncio.gather(*[person.see() for person in people])
    assert rendered == ["now.html"]
    assert len({csrf_of(page) for page in pages}) == len(people)
    assert not any(frame.TOKEN_PLACE in page for page in pages)
    for person, page in zip(people, reversed(pages), strict=True):
        assert (await person.send("signout", page)).status_code == 403
    for person, page in zip(people, pages, strict=True):
        assert (await person.send("signout", page)).status_code == 303


async def test_who_may_less_sees_no_page_of_who_may_more(service: Service) -> None:
    project = await service.project()
    admin, reader = await sign_in(service, project), await sign_in(service, project, "read")
    assert 'href="/p/' + str(project.id) + '/system"' in await admin.see()
    assert "/system" not in await reader.see()
