"""Usage while Postgres does not take it: refused with a time to come again, and stored once when sent again."""

from datetime import UTC, datetime
from typing import Any

from tests.conftest import Service

SENT_AT = datetime.now(UTC).isoformat()


def record(number: int) -> dict[str, Any]:
    return {
        "event_key": f"call-{number}",
        "team": "search",
        "model": "claude-haiku-4-5",
        "occurred_at": SENT_AT,
        "input_tokens": 10,
        "output_tokens": 5,
    }


async def test_usage_that_postgres_refused_is_stored_once_when_it_is_sent_again(service: Service) -> None:
    project = await service.project()
    batch = {"records": [record(number) for number in range(20)]}
    await service.execute("ALTER TABLE usage_rollups RENAME TO away")
    refused = await project.ingest.post("/api/usage/batch", json=batch)
    assert refused.status_code == 503, refused.text
    assert refused.headers["Retry-After"] == "1"
    await service.execute("ALTER TABLE away RENAME TO usage_rollups")
    assert await service.execute("SELECT count(*) FROM usage_records") == [(0,)]  # records and sums go together

    answers = [(await project.ingest.post("/api/usage/batch", json=batch)).json() for _ in range(2)]
    assert [(answer["count"], answer["duplicates"]) for answer in answers] == [(20, 0), (0, 20)]
    sums = await service.execute("SELECT minutes, sum(input_tokens + output_tokens) FROM usage_rollups GROUP BY 1")
    assert sorted((row[0], int(row[1])) for row in sums) == [(15, 300), (1440, 300)]
