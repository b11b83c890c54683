"""What pages say was spent is what the API says."""

from datetime import UTC, date, datetime

import pytest

from api.pages.rendering import show_number
from api.pages.spend import months_before
from tests.api.pages.browsing import sign_in
from tests.conftest import Service


def test_the_reports_are_of_this_month_and_the_eleven_before_it() -> None:
    months = months_before(date(2026, 3, 1))
    assert (months[0], months[-1], len(months)) == ("2026-02", "2025-03", 12)


async def test_budgets_and_sums_are_those_of_the_api(service: Service) -> None:
    project = await service.project()
    now = datetime.now(UTC).isoformat()
    records = [
        {"event_key": f"k{number}", "team": f"<team {number % 3}>", "agent": "a", "provider": "openai", "model": model,
         "input_tokens": 1000 + number, "output_tokens": 10, "occurred_at": now}
        for number in range(9) for model in ["gpt-5-mini", "unknown-1"][number % 2 : number % 2 + 1]
    ]  # fmt: skip
    assert (await project.ingest.post("/api/usage/batch", json={"records": records})).status_code == 201
    budget = {"name": "<all>", "scope": "project", "metric": "tokens", "limit": 20_000, "period": "month"}
    made = (await project.admin.post("/api/budgets", json=budget)).json()
    summary = await project.get("/api/usage/summary")
    status = await project.get(f"/api/budgets/{made['id']}/status")
    page = await (await sign_in(service, project)).see("spend")
    assert summary["total"]["tokens"] == status["used"] == sum(1010 + number for number in range(9))
    for number in (summary["total"]["tokens"], *[one["tokens"] for one in summary["by_team"]], status["used"]):
        assert show_number(number) in page
    assert "&lt;all&gt;" in page
    assert "unknown-1" in page


@pytest.mark.parametrize(("month", "status"), [("2026-02", 200), ("2026-13", 422), ("x", 422), ("2026-02-01", 422)])
async def test_a_report_is_of_a_month(service: Service, month: str, status: int) -> None:
    person = await sign_in(service, await service.project())
    assert (await person.open(f"spend/{month}")).status_code == status
