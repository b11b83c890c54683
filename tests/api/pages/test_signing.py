"""People sign in with a key or by a link, once, and are out again; nobody else gets in, or learns anything."""

import asyncio

import pytest

from common.projects import revoke_key
from tests.api.pages.browsing import csrf_of, sign_in
from tests.conftest import Service

NOBODYS = "01a227a2-07f4-7793-af3e-acc539d96578"
PAGES = ("", "search", "live", "spend", f"patterns/{NOBODYS}", f"errors/{NOBODYS}", "spend/2026-02")


async def test_a_link_signs_in_once(service: Service) -> None:
    project = await service.project()
    link = (await project.read.post("/api/signin-links")).json()["path"]
    first, second = await service.client(None), await service.client(None)
    assert (await first.get(link)).status_code == 200
    assert (await first.get(f"/p/{project.id}/")).status_code == 200
    assert (await second.get(link)).status_code == 401
    assert (await second.get(f"/p/{project.id}/")).status_code == 303


async def test_a_key_is_exchanged_for_a_session_in_a_cookie_that_no_script_reads(service: Service) -> None:
    project = await service.project()
    browser, key = await service.client(None), project.read.headers["authorization"].removeprefix("Bearer ")
    answer = await browser.post("/signin", data={"key": key, "next": f"/p/{project.id}/search"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/p/{project.id}/search")
    cookie = answer.headers["set-cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=Strict", "Path=/"))
    assert key not in cookie
    assert "Secure" not in cookie
    behind_tls = await browser.post("/signin", data={"key": key}, headers={"X-Forwarded-Proto": "https"})
    assert "; Secure" in behind_tls.headers["set-cookie"]


@pytest.mark.parametrize("key", ["", "nonsense", "mayday_read_" + "a" * 51, "ingest"])
async def test_no_other_key_signs_in(service: Service, key: str) -> None:
    project = await service.project()
    if key == "ingest":
        key = project.ingest.headers["authorization"].removeprefix("Bearer ")
    browser = await service.client(None)
    answer = await browser.post("/signin", data={"key": key})
    assert answer.status_code in (401, 403)
    assert "set-cookie" not in answer.headers
    assert 'role="alert"' in answer.text


@pytest.mark.parametrize(
    "wanted", ["//evil.example/", "https://evil.example/p/", "/p/", "\\\\evil", "/p/\r\nX: y", "javascript:alert(1)"]
)
async def test_signing_in_leads_to_no_other_site(service: Service, wanted: str) -> None:
    project = await service.project()
    browser, key = await service.client(None), project.read.headers["authorization"].removeprefix("Bearer ")
    answer = await browser.post("/signin", data={"key": key, "next": wanted})
    assert answer.headers["location"] == f"/p/{project.id}/"


@pytest.mark.parametrize("page", PAGES)
async def test_who_is_not_signed_in_is_led_to_where_that_is_done(service: Service, page: str) -> None:
    project = await service.project()
    stranger = await service.client(None)
    answer = await stranger.get(f"/p/{project.id}/{page}")
    assert (answer.status_code, answer.text) == (303, "")
    assert answer.headers["location"].startswith("/signin?next=/p/")


@pytest.mark.parametrize("page", PAGES)
async def test_a_session_opens_no_page_of_another_project_and_no_route_of_the_api(service: Service, page: str) -> None:
    one, other = await service.project("one"), await service.project("other")
    person = await sign_in(service, one)
    assert (await person.browser.get(f"/p/{other.id}/{page}")).status_code == 303
    token = next(iter(person.browser.cookies.values()))
    person.browser.cookies.set(f"mayday_session_{other.id.hex}", token)
    assert (await person.browser.get(f"/p/{other.id}/{page}")).status_code == 303
    assert (await person.browser.get("/api/errors/recent")).status_code == 401
    assert (await person.browser.post("/api/signin-links")).status_code == 401


async def test_a_session_ends_with_its_key(service: Service) -> None:
    project = await service.project()
    person = await sign_in(service, project, "read")
    assert (await person.open()).status_code == 200
    key_id = project.read.headers["authorization"].split("_")[2]
    async with service.tools.engine.begin() as connection:
        assert await revoke_key(connection, key_id)
    service.state["session_ring"].known.clear()  # what is trusted for some seconds is over
    assert (await person.open()).status_code == 303


async def test_signing_out_ends_the_session_for_who_kept_its_cookie_too(service: Service) -> None:
    project = await service.project()
    person = await sign_in(service, project)
    cookies = dict(person.browser.cookies)
    answer = await person.send("signout", await person.see())
    assert (answer.status_code, answer.headers["location"]) == (303, "/signin")
    assert "Max-Age=0" in answer.headers["set-cookie"]
    thief = await service.client(None)
    thief.cookies.update(cookies)
    assert (await thief.get(person.home)).status_code == 303


async def test_a_link_of_another_site_brings_the_session_along_at_the_second_look(service: Service) -> None:
    """SameSite=Strict: the browser sends no cookie with the click itself, but with the page that we make of it."""
    project = await service.project()
    person = await sign_in(service, project)
    stranger = await service.client(None)
    answer = await stranger.get(person.home, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 200
    assert f'content="0; url={person.home}"' in answer.text


async def test_nothing_is_read_of_a_large_form_of_a_stranger(service: Service) -> None:
    browser = await service.client(None)
    assert (await browser.post("/signin", content=b"key=" + b"x" * 10_000)).status_code == 413
    packed = await browser.post("/signin", content=b"\x1f\x8b", headers={"Content-Encoding": "gzip"})
    assert packed.status_code == 422


async def test_made_up_sessions_and_links_cost_a_bounded_number_of_look_ups(service: Service) -> None:
    project = await service.project()
    stranger = await service.client(None)
    statuses = []
    service.state["session_ring"].of_strangers.per_second = 5
    for number in range(50):
        stranger.cookies.set(f"mayday_session_{project.id.hex}", f"{number:043}")
        statuses.append((await stranger.get(f"/p/{project.id}/")).status_code)
    assert 429 in statuses
    assert (await stranger.get(f"/signin/{project.id.hex}.{'a' * 43}")).status_code == 429


@pytest.mark.parametrize("headers", [{"Sec-Purpose": "prefetch;prerender"}, {"Purpose": "prefetch"}])
async def test_who_looks_ahead_at_a_link_takes_it_from_nobody(service: Service, headers: dict[str, str]) -> None:
    project = await service.project()
    link = (await project.read.post("/api/signin-links")).json()["path"]
    bot, browser = await service.client(None), await service.client(None)
    for answer in (await bot.head(link), await bot.get(link, headers=headers)):
        assert "set-cookie" not in answer.headers
    assert (await browser.get(link)).status_code == 200
    assert (await bot.get(link)).status_code == 401


async def test_of_those_who_open_a_link_at_once_one_is_signed_in(service: Service) -> None:
    project = await service.project()
    link = (await project.read.post("/api/signin-links")).json()["path"]
    people = [await service.client(None) for _ in range(4)]
    answers = await asyncio.gather(*[one.get(link) for one in people])
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]
    assert sum("set-cookie" in answer.headers for answer in answers) == 1


async def test_a_session_that_is_over_costs_one_look_up_and_nothing_of_what_strangers_share(service: Service) -> None:
    one, other = await service.project("one"), await service.project("other")
    person = await sign_in(service, one)
    person.browser.cookies.set(f"mayday_session_{other.id.hex}", "a" * 43)
    ring = service.state["session_ring"]
    await person.see()
    ring.of_strangers.per_second, ring.of_strangers.left = 0, 0.0
    for _ in range(3):
        assert (await person.open()).status_code == 200
    looked_up = len(ring.refused)
    assert looked_up == 1


@pytest.mark.parametrize(
    "wanted", ["?text=\u4e2d", "\u00e9", "?a=\ud7ff", "%00", "?x=%0d%0aSet-Cookie:a", "x\u2028y", "x\ty"]
)
async def test_an_address_that_fits_in_no_header_is_a_page_of_ours_all_the_same(service: Service, wanted: str) -> None:
    project = await service.project()
    browser, key = await service.client(None), project.read.headers["authorization"].removeprefix("Bearer ")
    answer = await browser.post("/signin", data={"key": key, "next": f"/p/{project.id}/{wanted}"})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"/p/{project.id}/")
    assert answer.headers["location"].isascii()
    assert len(answer.headers.get_list("set-cookie")) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://mayday"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://mayday.evil.example"},
        {"Origin": "http://mayday:81"},
        {"Origin": "null"},
        {"Origin": ""},
    ],
)
async def test_no_other_site_signs_anyone_in_or_sends_a_form(service: Service, headers: dict[str, str]) -> None:
    """Who is signed in by somebody else, to a project of theirs, shows them what is meant for the own one."""
    project = await service.project()
    browser, key = await service.client(None), project.read.headers["authorization"].removeprefix("Bearer ")
    answer = await browser.post("/signin", data={"key": key}, headers={"Host": "mayday", **headers})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert "came from another site" in answer.text
    person = await sign_in(service, project)
    form = {"csrf": csrf_of(await person.see())}
    refused = await person.browser.post(person.home + "signout", data=form, headers={"Host": "mayday", **headers})
    assert refused.status_code == 403
    assert (await person.open()).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://behind-a-proxy.example"},
        {"Origin": "http://mayday"},
        {"Origin": "https://mayday"},
    ],
)
async def test_our_own_form_signs_in_whatever_the_browser_says_of_it(service: Service, headers: dict[str, str]) -> None:
    project = await service.project()
    browser, key = await service.client(None), project.read.headers["authorization"].removeprefix("Bearer ")
    shown = await browser.get("/signin")
    # with `no-referrer` a browser would call the origin of our own form `null`
    assert shown.headers["referrer-policy"] == "same-origin"
    answer = await browser.post("/signin", data={"key": key}, headers={"Host": "mayday", **headers})
    assert answer.status_code == 303
