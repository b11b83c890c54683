"""Usage goes the way of errors; what is its own is the price."""

import asyncio
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from api.ingest.receivers import Receiver, Receivers
from api.ingest.receivers.items import Batch, Parsed, Rejected, sort_out
from api.ingest.scheduler import LARGE_BYTES
from api.spending import usage_pipeline
from api.spending.overrides import LIST_OVERRIDES, add_override, ask_overrides, list_overrides
from api.spending.usage_pipeline import USAGE_RECEIVERS, sort_rows
from api.spending.usage_schemas import UsageIn
from api.storing.rows import UsageRow
from common.pricing import Processing, RateOverride, Rates
from common.settings import Settings
from tests.conftest import Service

ERROR = {"service": "shop", "severity": "error", "message": "m"}


def record(number: int) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    return {"event_key": f"call-{number}", "team": "t", "model": "m", "occurred_at": now, "total_tokens": number}


def override(day: int, rate: int) -> RateOverride:
    return RateOverride(
        "m",
        Rates(input=Decimal(rate), output=Decimal(rate)),
        datetime(2026, 2, day, tzinfo=UTC),
        None,
        "",
        Processing.standard,
    )


async def test_no_room_and_no_queue_is_held_while_the_rates_of_a_project_are_asked_for(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def ask(*_: Any) -> list[RateOverride]:
        asked.set()
        await go_on.wait()
        return []

    monkeypatch.setattr(usage_pipeline, "list_overrides", ask)
    project, padding = await service.project(), b" " * LARGE_BYTES
    body = json.dumps({"records": [record(1)]}).encode() + padding
    async with asyncio.timeout(20):
        sending = asyncio.create_task(project.ingest.post("/api/usage/batch", content=body))
        await asked.wait()
        assert service.state["usage_writer"].admission.held.rows == 0
        body = json.dumps({"errors": [ERROR]}).encode() + padding
        assert (await project.ingest.post("/api/errors/batch", content=body)).status_code == 201
        go_on.set()
        assert (await sending).status_code == 201


async def test_overrides_are_priced_by_their_moment_and_listed_as_they_were_set(service: Service) -> None:
    project = await service.project()
    async with service.tools.engine.begin() as connection:
        days = (3, 1, 2, 1, 3, 1)
        ids = [await add_override(connection, project.id, override(day, rate), "key") for rate, day in enumerate(days)]
    async with service.tools.engine.connect() as connection:
        rates = [one.rates.input for one in await list_overrides(connection, project.id)]
        assert rates == [1, 3, 5, 2, 0, 4]
        listed: list[Any] = []
        while page := list(
            await connection.execute(LIST_OVERRIDES, ask_overrides(project.id, listed[-1] if listed else None, 4))
        ):
            listed += [row.id for row in page]
        assert listed == ids == sorted(ids)


async def test_a_receiver_of_usage_is_one_function_too(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(body: bytes, _settings: Settings) -> Batch[UsageIn]:
        return sort_out(Parsed(UsageIn.model_validate(record(int(number)))) for number in body.split())

    pipeline = service.state["usage_pipeline"]
    monkeypatch.setattr(pipeline, "receivers", Receivers(*USAGE_RECEIVERS, Receiver("numbers", ("text/plain",), read)))
    project = await service.project()
    answer = await project.ingest.post("/api/usage/batch", content=b"1 2 3", headers={"content-type": "text/plain"})
    assert answer.json()["count"] == 3
    assert [
        tuple(row) for row in await service.execute("SELECT sum(input_tokens + output_tokens) FROM usage_records")
    ] == [(6,)]


def test_rows_that_cannot_be_made_are_told_by_their_place_in_the_body() -> None:
    sent = [UsageIn.model_validate(record(number)) for number in (0, 1, 2)]
    batch = Batch(sent, {0: 4, 2: 32}, {1: Rejected("not_json", "no")})
    row = UsageRow(*[None] * 26)  # type: ignore[arg-type]
    made = sort_rows(batch, [row, Rejected("invalid_field", "old"), row])
    assert (made.items, made.adjusted) == ([row, row], {0: 4, 1: 32})
    assert list(made.rejected) == [1, 2]
    assert list(made.places) == [0, 3]
