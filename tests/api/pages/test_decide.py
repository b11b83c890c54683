"""What people decide on a page is what the API then says; only who may, and only from our own pages."""

import pytest

from tests.api.pages.browsing import Person, sign_in
from tests.conftest import Project, Service


async def fill(service: Service, scope: str = "triage") -> tuple[Project, Person, list[str]]:
    """A project with five patterns, and somebody with a key of this scope."""
    project = await service.project()
    words = ("card declined", "socket closed by peer", "disk quota reached", "no route found", "bad checksum seen")
    await project.send(*[{"service": "shop", "severity": "error", "message": word} for word in words for _ in range(4)])
    await service.run_worker()
    person = await sign_in(service, project, scope)
    return project, person, [one["id"] for one in (await project.get("/api/errors/patterns"))["patterns"]]


async def states(project: Project) -> dict[str, str]:
    return {one["id"]: one["state"] for one in (await project.get("/api/errors/patterns"))["patterns"]}


@pytest.mark.parametrize(("do", "state"), [("resolve", "resolved"), ("ignore", "ignored")])
async def test_several_are_decided_at_once_and_taken_back(service: Service, do: str, state: str) -> None:
    project, person, ids = await fill(service)
    answer = await person.send("decide", await person.see(), do=do, pattern=ids[:3], next=f"{person.home}?window=6h")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"{person.home}?window=6h&done={do}")
    after = await states(project)
    assert [after[one] for one in ids] == [state] * 3 + ["new"] * 2
    page = (await person.browser.get(answer.headers["location"])).text
    assert "Undo" in page
    await person.send("decide", page, do="open", pattern=ids[:3])
    assert set((await states(project)).values()) == {"new"}


async def test_history_says_who_decided_what(service: Service) -> None:
    project, person, ids = await fill(service)
    page = await person.see(f"patterns/{ids[0]}")
    await person.send("decide", page, do="ignore", pattern=ids[0], hours="2", errors="100")
    await person.send("decide", page, do="note", pattern=ids[0], note="ask <billing>")
    history = (await project.get(f"/api/errors/patterns/{ids[0]}/history"))["transitions"]
    assert [one["name"] for one in history] == ["noted", "ignored", "new"]
    assert history[1]["facts"]["errors"] == 100
    assert [one["key_name"] for one in history] == ["test", "test", None]
    assert "ask &lt;billing&gt;" in await person.see(f"patterns/{ids[0]}")


async def test_patterns_are_merged_and_taken_apart_again(service: Service) -> None:
    project, person, ids = await fill(service)
    await person.send("decide", await person.see(), do="merge", pattern=ids[:2])
    await service.run_worker()
    assert len(await states(project)) == 4
    page = await person.see(f"patterns/{ids[0]}")
    assert "Take apart again" in page
    history = (await project.get(f"/api/errors/patterns/{ids[0]}/history"))["transitions"]
    [merged] = [one for one in history if one["name"] == "merged"]
    await person.send("decide", page, do="split", pattern=ids[0], fingerprint=merged["facts"]["fingerprints"])
    await service.run_worker()
    assert len(await states(project)) == 5


async def test_who_may_only_read_is_offered_nothing_and_can_decide_nothing(service: Service) -> None:
    project, reader, ids = await fill(service, "read")
    page = await reader.see()
    assert "Resolve" not in page.partition("<dialog")[0]
    answer = await reader.send("decide", page, do="resolve", pattern=ids[0])
    assert answer.status_code == 403
    assert set((await states(project)).values()) == {"new"}


@pytest.mark.parametrize("trick", ["no token", "another's token", "two tokens", "another site"])
async def test_no_other_site_can_have_a_browser_decide(service: Service, trick: str) -> None:
    project, person, ids = await fill(service)
    other = await sign_in(service, project)
    page = await person.see()
    headers = {"Sec-Fetch-Site": "cross-site"} if trick == "another site" else {}
    fields: dict[str, object] = {"do": "resolve", "pattern": ids[0]}
    if trick != "no token":
        token = (await other.see() if trick == "another's token" else page).partition('name="csrf" value="')[2][:64]
        fields["csrf"] = [token, token] if trick == "two tokens" else token
    answer = await person.browser.post(f"{person.home}decide", data=fields, headers=headers)
    assert answer.status_code == 403
    assert set((await states(project)).values()) == {"new"}


@pytest.mark.parametrize(
    "fields",
    [
        {"do": "explode"}, {"do": "merge"}, {"do": "resolve", "pattern": "x"}, {"do": "ignore", "hours": "-1"},
        {"do": "ignore", "errors": "many"}, {"do": "split", "fingerprint": "zz"}, {"do": "note", "note": ""}, {},
        {"do": ["resolve", "ignore"]}, {"do": "resolve", "pattern": [str(number) for number in range(300)]},
    ],
)  # fmt: skip
async def test_a_form_that_says_nothing_right_is_answered_by_a_page(
    service: Service, fields: dict[str, object]
) -> None:
    _, person, ids = await fill(service)
    answer = await person.send("decide", await person.see(), **{"pattern": ids[0], **fields})
    assert answer.status_code in (422, 303 if fields.get("do") == "note" else 422)
    assert "text/html" in answer.headers.get("content-type", "text/html")


@pytest.mark.parametrize(
    "wanted", ["//evil.example/", "https://evil.example/", "/signin", "/p/\nx", "//[", "http://[x", "/p/\u4e2d"]
)
async def test_a_form_leads_to_no_other_site(service: Service, wanted: str) -> None:
    _, person, ids = await fill(service)
    answer = await person.send("decide", await person.see(), do="resolve", pattern=ids[0], next=wanted)
    assert answer.headers["location"].startswith(f"{person.home}?done=resolve")
