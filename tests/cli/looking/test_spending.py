"""`mayday budgets` and `mayday report`: the API's figures, in a table or a line each."""

import json
from datetime import UTC, datetime

from cli.looking.spending import show_amount
from tests.cli.conftest import Mayday


async def test_budgets_and_the_months_report(mayday: Mayday) -> None:
    budget = {
        "name": "all teams",
        "scope": "team",
        "scope_value": "ops",
        "metric": "tokens",
        "limit": 1_000,
        "period": "month",
    }
    assert (await mayday.project.admin.post("/api/budgets", json=budget)).status_code == 201
    now = datetime.now(UTC)
    used = {
        "event_key": "a",
        "team": "ops",
        "model": "claude-haiku-4-5",
        "occurred_at": now.isoformat(),
        "total_tokens": 850,
    }
    assert (await mayday.project.ingest.post("/api/usage/batch", json={"records": [used]})).status_code == 201

    header, line = await mayday.plain("budgets")
    row = dict(zip(header, line, strict=True))
    assert (row["name"], row["of"], row["used"], row["limit"], row["state"]) == (
        "all teams",
        "team ops",
        "850",
        "1000",
        "warn",
    )
    shown = await mayday.show("budgets")
    assert "85.0 %" in shown
    assert "\x1b[33mwarn" in shown
    [answer] = json.loads((await mayday.run("budgets", "all teams", "--json")).stdout)["budgets"]
    assert (answer["scope"], answer["used"]) == ("team", 850)
    status, said = await mayday.fail("budgets", "none of them")
    assert (status, "there is no budget named none of them" in said) == (1, True)

    header, line = await mayday.plain("report")
    assert dict(zip(header, line, strict=True)) | {"cost_usd": ""} == {
        "team": "ops", "tokens": "850", "cost_usd": "", "deliverables": "0", "tokens_per_deliverable": "", "band": "",
    }  # fmt: skip
    assert f"{now:%Y-%m}: 850 tokens" in await mayday.show("report")
    assert "| Team | Tokens |" in (await mayday.run("report", "--markdown")).stdout
    status, said = await mayday.fail("report", "--period", "February")
    assert (status, "422" in said) == (1, True)


def test_amounts_are_read_as_they_are() -> None:
    assert [show_amount(amount) for amount in (1_234_567, "0.5", "1234.567", "12")] == [
        "1,234,567",
        "0.50",
        "1,234.57",
        "12",
    ]
