"""Makes the pictures of docs/pages.md, of made-up data: `./mayday test screenshots`."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.sealing import make_secret_key
from common.settings import ROOT, Settings
from tests.browser.conftest import Viewers
from tests.conftest import Project, Service
from tests.flow.test_alerts import deliver, make_channel
from tests.receiving import receiving

PICTURES = ROOT / "docs" / "pages"
KINDS = (
    ("checkout", "error", "CardDeclined", "order {n} of customer {m}: card declined", "shop/checkout.py", "pay"),
    ("checkout", "critical", "StockGone", "order {n}: {m} pieces are gone", "shop/stock.py", "reserve"),
    ("search", "error", "TimeoutError", "index shard-{k} did not answer within {m} ms", "search/query.py", "ask_shard"),
    (
        "mailer",
        "warning",
        "SMTPServerDisconnected",
        "mail to queue {k} was put back after {m} s",
        "mail/send.py",
        "deliver",
    ),
    ("billing", "error", "ValueError", "invoice {n} has no currency", "billing/invoice.py", "total"),
    ("auth", "error", "TokenExpired", "token of session {n} is over since {m} s", "auth/tokens.py", "check"),
)
TRACE = """Traceback (most recent call last):
  File "/usr/lib/python3/site-packages/starlette/routing.py", line 75, in app
    response = await f(request)
  File "/usr/lib/python3/site-packages/fastapi/routing.py", line 302, in app
    raw_response = await run_endpoint_function(
  File "/srv/{file}", line 41, in {function}
    raise {kind}(message)
{kind}: {message}"""


def make_errors(rng: random.Random, now: datetime) -> list[dict[str, Any]]:
    """Two days of errors with an outage of the shards in the last hour, which began with a release."""
    errors = []
    for number, (service, severity, kind, text, file, function) in enumerate(KINDS):
        steady = [rng.random() * 48 for _ in range(120 * (6 - number))]
        outage = [rng.random() * 0.8 for _ in range(400 if kind == "TimeoutError" else 0)]
        for hours in steady + outage:
            message = text.format(n=rng.randrange(10**4), m=rng.randrange(100), k=rng.randrange(8))
            errors.append({
                "service": service, "severity": severity, "error_type": kind, "message": message,
                "timestamp": (now - timedelta(hours=hours)).isoformat(),
                "environment": rng.choice(["production", "production", "staging"]),
                "release": "1.9.0" if hours < 1 else "1.8.3", "tags": {"region": rng.choice(["eu", "us"])},
                "stack_trace": TRACE.format(file=file, function=function, kind=kind, message=message),
                "context": {"request": {"method": "POST", "url": "/orders"}, "user": {"id": str(rng.randrange(99))}},
            })  # fmt: skip
    return errors


@pytest.fixture
def settings(settings: Settings) -> Settings:
    told = {"operator_project": "shop", "disk_bytes": 40 * 10**9, "alerts_allow": "127.0.0.1"}
    return Settings.load(**settings.model_dump() | told | {"secret_key": make_secret_key()})


async def arm_rules(service: Service, project: Project, *channels: str) -> None:
    """The default rules but one."""
    await service.run_worker()
    rules = (await project.get("/api/alerts/rules"))["rules"]
    for rule in rules[:-1]:
        change = {"armed": True, "channels": list(channels)}
        assert (await project.admin.patch(f"/api/alerts/rules/{rule['id']}", json=change)).status_code == 200


async def fill(service: Service) -> Project:
    project = await service.project("shop")
    async with receiving() as receiver:
        channel = await make_channel(project, receiver, name="on-call")
        await arm_rules(service, project, channel)
        await fill_with_errors(service, project)
        await deliver(service)
    await service.execute("UPDATE alert_channels SET hint = 'https://hooks.shop.example'")
    return project


async def fill_with_errors(service: Service, project: Project) -> None:
    rng, now = random.Random(7), datetime.now(UTC)
    errors = make_errors(rng, now)
    for first in range(0, len(errors), 500):
        await project.send(*errors[first : first + 500])
    records = [
        {"event_key": f"k{day}-{n}", "team": rng.choice(["search", "shop"]), "agent": rng.choice(["triage", "coder"]),
         "provider": "openai", "model": rng.choice(["gpt-5-mini", "gpt-4o"]), "input_tokens": rng.randrange(40_000),
         "output_tokens": rng.randrange(4_000), "occurred_at": (now - timedelta(days=day, minutes=n)).isoformat()}
        for day in range(45) for n in range(12)
    ]  # fmt: skip
    assert (await project.ingest.post("/api/usage/batch", json={"records": records})).status_code == 201
    budget = {"name": "all teams", "scope": "project", "metric": "tokens", "limit": 9_000_000, "period": "month"}
    assert (await project.admin.post("/api/budgets", json=budget)).status_code == 201
    await service.run_worker()


async def test_make_pictures(service: Service, viewers: Viewers) -> None:
    project = await fill(service)
    PICTURES.mkdir(exist_ok=True)
    [pattern] = [one for one in (await project.get("/api/errors/patterns"))["patterns"] if "shard" in one["title"]]
    light = await viewers.make(viewport={"width": 1200, "height": 900}, color_scheme="light")
    await light.sign_in(project)
    pages = {
        "now": "",
        "pattern": f"patterns/{pattern['id']}?window=24h",
        "search": "search",
        "spend": "spend",
        "alerts": "alerts",
        "system": "system",
    }
    for name, path in pages.items():
        if name == "system":
            await service.run_worker()  # as one that runs beside would, and not a minute ago
        await light.open(project, path)
        await light.page.screenshot(path=PICTURES / f"{name}.png", full_page=name == "alerts")
    dark = await viewers.make(viewport={"width": 390, "height": 800}, color_scheme="dark")
    await dark.sign_in(project)
    await dark.page.screenshot(path=PICTURES / "phone.png")
    sizes = {path.name: path.stat().st_size for path in PICTURES.glob("*.png")}
    assert len(sizes) >= len(pages) + 1, sizes
