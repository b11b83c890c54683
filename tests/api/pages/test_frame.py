"""Every page names its project and the others that one is signed in to, and what was just done."""

import pytest

from tests.api.pages.browsing import sign_in
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
