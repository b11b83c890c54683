"""What a team does on the pages, in a real browser: from the first error to resolved and back, by clicks and by keys."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Viewer, Viewers
from tests.conftest import Project, Service

TRACE = """Traceback (most recent call last):
  File "/usr/lib/python3/site-packages/flask/app.py", line 880, in full_dispatch_request
    rv = self.dispatch_request()
  File "/usr/lib/python3/site-packages/flask/app.py", line 865, in dispatch_request
    return self.ensure_sync(view)(**arguments)
  File "/srv/shop/checkout.py", line 41, in pay
    raise CardDeclined(order)
shop.errors.CardDeclined: order 4711"""
ERROR = {
    "service": "checkout", "severity": "error", "message": "order 4711", "error_type": "CardDeclined", "stack_trace": TRACE,
    "release": "1.4.2",
}  # fmt: skip


async def begin(service: Service, viewers: Viewers) -> tuple[Project, Viewer]:
    project = await service.project()
    viewer = await viewers.make()
    await viewer.sign_in(project)
    return project, viewer


async def test_from_the_first_error_to_resolved_and_back_by_clicks(service: Service, viewers: Viewers) -> None:
    project, viewer = await begin(service, viewers)
    page = viewer.page
    await expect(page.get_by_text("curl http")).to_be_visible()
    await project.send(ERROR)
    await service.run_worker()
    await page.get_by_role("link", name=re.compile("CardDeclined")).first.click(timeout=30_000)  # it came by itself
    await expect(page.get_by_text('File "/srv/shop/checkout.py"')).to_be_visible()
    await expect(page.get_by_text("self.dispatch_request()")).to_be_hidden()
    await page.get_by_text("4 lines of libraries").click()
    await expect(page.get_by_text("self.dispatch_request()")).to_be_visible()
    await page.get_by_role("button", name="Resolve").click()
    await expect(page.get_by_role("status")).to_contain_text("Resolved")
    await expect(page.locator("h1 + p .state")).to_have_text("resolved")
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_role("status")).to_contain_text("Reopened")
    await page.get_by_role("link", name=re.compile("CardDeclined")).first.click()
    await page.get_by_role("button", name="Resolve").click()
    await project.send(ERROR)
    await service.run_worker()
    await page.get_by_role("link", name="Now").click()
    await expect(page.locator("[data-row] .state")).to_have_text("regressed")
    assert viewer.faults == []


async def test_from_the_first_error_to_resolved_and_back_by_keys(service: Service, viewers: Viewers) -> None:
    project, viewer = await begin(service, viewers)
    await project.send(ERROR, ERROR | {"message": "disk full", "error_type": None, "stack_trace": None})
    await service.run_worker()
    await viewer.open(project)
    page = viewer.page
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    await page.keyboard.press("k")
    chosen = await page.locator("[data-current] a.name").inner_text()
    await page.keyboard.press("Enter")
    await expect(page.locator("h1")).to_have_text(chosen)
    await page.keyboard.press("e")
    await expect(page.locator("h1 + p .state")).to_have_text("resolved")
    await page.keyboard.press("u")
    await expect(page.locator("[data-row] .state.resolved")).to_have_count(1)
    await page.keyboard.press("/")
    await page.keyboard.type("disk")
    await page.keyboard.press("Enter")
    await expect(page.locator("[data-row]")).to_have_count(1)
    await project.send(ERROR, ERROR | {"message": "disk full", "error_type": None, "stack_trace": None})
    await service.run_worker()
    await viewer.open(project, "?state=regressed")
    await expect(page.locator("[data-row]")).to_have_count(1)
    assert viewer.faults == []


async def test_a_pasted_id_finds_its_error(service: Service, viewers: Viewers) -> None:
    project, viewer = await begin(service, viewers)
    await project.send(ERROR)
    [error] = (await project.get("/api/errors/recent"))["errors"]
    await viewer.open(project, "search")
    await viewer.page.get_by_label("text, or an id").fill(f" {error['id'].replace('-', '')} ")
    await viewer.page.keyboard.press("Enter")
    await expect(viewer.page.get_by_text("order 4711").first).to_be_visible()
    assert viewer.page.url.endswith(f"/errors/{error['id'].replace('-', '')}") or error["id"] in viewer.page.url


async def test_new_errors_come_by_themselves_until_somebody_pauses(service: Service, viewers: Viewers) -> None:
    project, viewer = await begin(service, viewers)
    await viewer.open(project, "live")
    await project.send(ERROR)
    rows = viewer.page.locator("[data-row]")
    await expect(rows).to_have_count(1, timeout=20_000)
    await viewer.page.get_by_role("button", name="Pause").click()
    await project.send(ERROR)
    await viewer.page.wait_for_timeout(5_000)
    await expect(rows).to_have_count(1)
    await viewer.page.get_by_role("button", name="Go on").click()
    await expect(rows).to_have_count(2, timeout=20_000)
    assert viewer.faults == []


async def test_a_budget_is_seen_to_be_exceeded(service: Service, viewers: Viewers) -> None:
    project, viewer = await begin(service, viewers)
    budget = {"name": "all teams", "scope": "project", "metric": "tokens", "limit": 1000, "period": "month"}
    assert (await project.admin.post("/api/budgets", json=budget)).status_code == 201
    record = {
        "event_key": "a", "team": "search", "provider": "openai", "model": "gpt-5-mini", "input_tokens": 900,
        "output_tokens": 200, "occurred_at": datetime.now(UTC).isoformat(),
    }  # fmt: skip
    assert (await project.ingest.post("/api/usage/batch", json={"records": [record]})).status_code == 201
    await viewer.open(project, "spend")
    await expect(viewer.page.locator("article .state")).to_have_text("exceeded")
    await expect(viewer.page.get_by_text("110.0 %")).to_be_visible()


async def test_the_preview_follows_what_is_written(service: Service, viewers: Viewers) -> None:
    project, viewer = await begin(service, viewers)
    await project.send(ERROR | {"environment": "production"})
    await service.run_worker()
    await viewer.open(project, "alerts/rules/new")
    preview = viewer.page.get_by_role("region", name="Preview")
    await viewer.page.get_by_role("checkbox", name="a failure is new", exact=True).check()
    await expect(preview).to_contain_text("Would have fired 1 time in the last 7 days")
    await expect(preview).to_contain_text("CardDeclined")
    await viewer.page.get_by_role("textbox", name="Values").first.fill("staging")
    await expect(preview).to_contain_text("Would have fired 0 times")
    assert viewer.faults == []


async def test_two_tenants_see_nothing_of_each_other_and_one_may_sign_out(service: Service, viewers: Viewers) -> None:
    one, other = await service.project("one"), await service.project("other")
    await one.send(ERROR)
    await other.send(ERROR | {"message": "secret of the other", "error_type": None, "stack_trace": None})
    await service.run_worker()
    viewer = await viewers.make()
    await viewer.sign_in(one)
    await expect(viewer.page.get_by_text("secret of the other")).to_have_count(0)
    await viewer.sign_in(other)
    await expect(viewer.page.get_by_text("secret of the other").first).to_be_visible()
    await expect(viewer.page.get_by_text("CardDeclined")).to_have_count(0)
    await viewer.page.locator(".switcher summary").click()
    await viewer.page.get_by_role("link", name="one", exact=True).click()
    await expect(viewer.page.get_by_text("CardDeclined").first).to_be_visible()
    await viewer.page.get_by_role("button", name="Sign out").click()
    await expect(viewer.page.get_by_role("heading", name="Sign in to Mayday")).to_be_visible()
    await viewer.page.goto(f"{viewer.base_url}/p/{one.id}/")
    await expect(viewer.page.get_by_role("heading", name="Sign in to Mayday")).to_be_visible()


@pytest.mark.parametrize(
    "page", ["", "?window=7d", "search", "live", "spend", "pattern", "error", "system", "alerts", "docs"]
)
async def test_every_page_works_without_scripts(service: Service, viewers: Viewers, page: str) -> None:
    project = await service.project()
    await project.send(ERROR)
    await service.run_worker()
    viewer = await viewers.make(java_script_enabled=False)
    await viewer.sign_in(project)
    if page in ("pattern", "error"):
        found = (await project.get("/api/errors/recent"))["errors"][0]
        page = f"patterns/{found['pattern_id']}" if page == "pattern" else f"errors/{found['id']}"
    if page == "docs":
        await viewer.page.goto(f"{viewer.base_url}/docs")
    else:
        await viewer.open(project, page)
    await expect(viewer.page.locator("h1")).to_be_visible()
    if page == "system":
        await viewer.page.get_by_label("what for").fill("till")
        await viewer.page.get_by_role("button", name="Make a key").click()
        await expect(viewer.page.get_by_role("status")).to_contain_text("mayday_ingest_")
        row = viewer.page.get_by_role("row").filter(has_text="till")
        await row.get_by_role("button", name="Revoke").click()
        await expect(viewer.page.get_by_role("status")).to_contain_text("Revoked")
    if page == "alerts":
        await viewer.page.get_by_role("link", name="Make a rule").click()
        await viewer.page.get_by_role("textbox", name="Name").fill("told")
        await viewer.page.get_by_role("checkbox", name="a failure is new", exact=True).check()
        await viewer.page.get_by_role("button", name="Preview").click()
        await expect(viewer.page.get_by_role("region", name="Preview")).to_contain_text("Would have fired 1 time in")
        await viewer.page.get_by_role("button", name="Save").click()
        await expect(viewer.page.get_by_role("status")).to_contain_text("Saved")
    if page == "":
        await viewer.page.get_by_role("checkbox").first.check()
        await viewer.page.get_by_role("button", name="Resolve").click()
        await expect(viewer.page.get_by_role("status")).to_contain_text("Resolved")


async def test_a_range_is_picked_on_the_bars_by_dragging_and_widened_by_links(
    service: Service, viewers: Viewers
) -> None:
    project, viewer = await begin(service, viewers)
    await project.send(ERROR)
    await service.run_worker()
    await viewer.open(project, "?window=24h&service=checkout")
    bars = viewer.page.locator("svg.bars a[data-start]")
    first, last = await bars.nth(20).bounding_box(), await bars.nth(23).bounding_box()
    starts = [await bars.nth(number).get_attribute("data-start") for number in (20, 23)]
    assert first is not None
    assert last is not None
    assert None not in starts
    await viewer.page.mouse.move(first["x"] + first["width"] / 2, first["y"] + 20)
    await viewer.page.mouse.down()
    await viewer.page.mouse.move(last["x"] + last["width"] / 2, last["y"] + 20, steps=6)
    await expect(viewer.page.locator("svg.bars a.picked")).to_have_count(4)
    await viewer.page.mouse.up()
    await viewer.page.wait_for_url("**/search?*")
    since, until = [
        datetime.fromisoformat(await viewer.page.locator(f"input[name={name}]").input_value())
        for name in ("since", "until")
    ]
    assert since == datetime.fromisoformat(str(starts[0]))
    assert until - datetime.fromisoformat(str(starts[1])) == timedelta(hours=1)
    assert await viewer.page.locator("input[name=service]").input_value() == "checkout"
    await expect(viewer.page.locator("[data-row]")).to_have_count(1)
    await viewer.page.get_by_role("link", name="the time before").click()
    await expect(viewer.page.locator("[data-row]")).to_have_count(0)
    assert viewer.faults == []
