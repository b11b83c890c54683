"""A cursor leads on where the page ended, for the question that it was made for, and whatever else is refused."""

import re
from base64 import urlsafe_b64encode
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.reads.cursors import (
    CursorInvalid,
    decode,
    encode,
    read_cursor,
    read_day,
    read_instant,
    read_uuid,
    write_cursor,
)
from api.reads.queries import Filter
from tests.conftest import Service

DAY = timedelta(days=1)
WHOLE = datetime(1990, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


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


times = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), max_size=5))
def test_the_texts_of_a_cursor_are_read_back(fields: list[str]) -> None:
    cursor = encode(*fields)
    assert re.fullmatch(r"[A-Za-z0-9_-]*", cursor)
    assert decode(cursor, len(fields)) == fields
    with pytest.raises(CursorInvalid):
        decode(cursor, len(fields) + 1)


@given(st.lists(times, min_size=3, max_size=3, unique=True), st.uuids(), st.none() | st.text(max_size=20))
def test_a_cursor_leads_to_its_place_for_the_filters_that_it_was_made_with(
    instants: list[datetime], event_id: UUID, service: str | None
) -> None:
    since, place, until = sorted(instants)
    wanted = Filter(since, until, service)
    cursor = write_cursor((place, event_id), wanted)
    now = Filter(since + DAY, until + DAY, service)  # a later request: the cursor carries the times of the first page
    assert read_cursor(cursor, now) == ((place, event_id), since, until)
    with pytest.raises(CursorInvalid, match="other filters"):
        read_cursor(cursor, replace(wanted, severity="error"))


@given(st.text(max_size=40) | st.binary(max_size=40).map(lambda sent: urlsafe_b64encode(sent).decode().rstrip("=")))
def test_whatever_is_sent_is_read_or_refused(sent: str) -> None:
    with suppress(CursorInvalid):
        decode(sent, 3)
    with pytest.raises(CursorInvalid):
        read_cursor(sent, Filter(*WHOLE))


@pytest.mark.parametrize(
    "text",
    ["", "2026-02-30T00:00:00+00:00", "2026-02-01", "2026-02-01T00:00:00Z", "2026-02-01T00:00:00", "0001-01-01T00:00:00+00:00",
     "2026-02-01T01:00:00+01:00", "2026-02-01T00:00:00.0+00:00"],
)  # fmt: skip
def test_an_instant_in_another_spelling_than_ours_is_refused(text: str) -> None:
    with pytest.raises(CursorInvalid):
        read_instant(text)


@pytest.mark.parametrize("text", ["", "2026-02-30", "2026-2-1", "20260201", "2026-W05-1", "٢٠٢٦-02-01"])
def test_a_day_in_another_spelling_is_refused(text: str) -> None:
    with pytest.raises(CursorInvalid):
        read_day(text)


@pytest.mark.parametrize("text", ["", "0" * 31, "0" * 33, "A" * 32, "{" + "0" * 32 + "}", str(UUID(int=1))])
def test_an_id_in_another_spelling_is_refused(text: str) -> None:
    with pytest.raises(CursorInvalid):
        read_uuid(text)


@pytest.mark.parametrize("place", [WHOLE[0] - DAY, WHOLE[1], WHOLE[1] + DAY])
def test_a_place_outside_of_the_times_of_its_own_cursor_is_refused(place: datetime) -> None:
    wanted = Filter(*WHOLE)
    with pytest.raises(CursorInvalid):
        read_cursor(write_cursor((place, UUID(int=1)), wanted), wanted)
