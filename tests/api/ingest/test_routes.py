"""The routes take errors as OpenAPI has them, and answer after the commit with what became of each."""

from uuid import UUID

import pytest

from api.ingest.routes import batch_status, place_of
from api.ingest.schemas import BatchAnswer, ErrorAnswer, RejectedItem
from tests.api.ingest.sending import ERROR
from tests.conftest import Service

REJECTED = RejectedItem(index=0, reason="not_json", detail="no")


@pytest.mark.parametrize(("rejected", "status"), [([], 201), ([REJECTED], 207)])
def test_a_batch_is_answered_by_whether_anything_was_rejected(rejected: list[RejectedItem], status: int) -> None:
    answer = BatchAnswer(status="", count=0, duplicates=3, rejected=rejected, adjusted=[])
    assert batch_status(answer) == status


def test_an_error_has_its_place_by_its_id() -> None:
    answer = ErrorAnswer(id=UUID(int=7), outcome="stored", adjustments=[])
    assert place_of(answer) == f"/api/errors/{UUID(int=7)}"


async def test_the_place_that_is_told_has_the_error(service: Service) -> None:
    project = await service.project()
    answer = await project.ingest.post("/api/errors/log", json=ERROR)
    assert answer.status_code == 201
    assert (await project.get(answer.headers["location"]))["message"] == ERROR["message"]


async def test_a_batch_of_good_and_bad_is_a_207_by_json_and_by_lines(service: Service) -> None:
    project = await service.project()
    by_json = await project.ingest.post("/api/errors/batch", json={"errors": [ERROR, 7]})
    lines = {"content-type": "application/x-ndjson"}
    told = b'{"service":"shop","severity":"error","message":"m"}\n7\n'
    by_lines = await project.ingest.post("/api/errors/batch", content=told, headers=lines)
    for answer in (by_json, by_lines):
        assert (answer.status_code, answer.json()["count"], answer.json()["rejected"][0]["index"]) == (207, 1, 1)
