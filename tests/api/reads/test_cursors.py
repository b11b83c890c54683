"""A cursor leads on where the page ended, for the question that it was made for, and whatever else is refused."""

from typing import Any

from tests.conftest import Service


def error(number: int) -> dict[str, Any]:
    return {"service": "shop", "severity": "error", "message": f"payment {number} failed"}


async def test_a_walk_along_the_cursor_meets_every_error_once(service: Service) -> None:
    project = await service.project()
    await project.send(*[error(n) for n in range(55)])
    seen: list[str] = []
    cursor = None
    while True:
        parameters = {"limit": 10} | ({"cursor": cursor} if cursor else {})
        page = await project.get("/api/errors", **parameters)
        seen += [item["message"] for item in page["errors"]]
        await project.send(error(1_000 + len(seen)))
        cursor = page["next"]
        if cursor is None:
            break
    assert sorted(seen) == sorted(f"payment {n} failed" for n in range(55))


async def test_a_cursor_of_another_question_is_refused(service: Service) -> None:
    project = await service.project()
    await project.send(*[error(n) for n in range(5)])
    cursor = (await project.get("/api/errors", limit=2))["next"]
    answer = await project.read.get("/api/errors", params={"limit": 2, "cursor": cursor, "service": "shop"})
    assert answer.status_code == 422
    assert "other filters" in answer.json()["detail"]
