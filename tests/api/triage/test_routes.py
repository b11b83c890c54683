"""A change of a pattern says one thing, and what makes no sense is refused before anything is written."""

from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from api.http.problems import Invalid
from api.triage.routes import PatternChange, as_signed, to_split
from tests.conftest import Service

PATTERN = "01990000-0000-7000-8000-000000000001"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({}, "nothing to do"),
        ({"state": "open", "merge_into": PATTERN}, "state and merge_into cannot be done at once"),
        ({"merge_into": PATTERN, "split_off": ["0" * 16]}, "merge_into and split_off cannot be done at once"),
        ({"state": "open", "in_next_release": True}, "go with the state resolved"),
        ({"note": "x", "in_release": "1.0"}, "go with the state resolved"),
        ({"state": "resolved", "in_next_release": True, "in_release": "1.0"}, "cannot be said at once"),
        ({"state": "resolved", "errors": 3}, "go with the state ignored"),
        ({"state": "ignored", "until": "2001-01-01T00:00:00Z"}, "must be in the future"),
        ({"state": "gone"}, "Input should be"),
        ({"split_off": []}, "at least 1"),
        ({"split_off": ["xyz"]}, "pattern"),
        ({"note": "a\0b"}, "pattern"),
        ({"state": "ignored", "errors": 0}, "greater than or equal to 1"),
        ({"colour": "red"}, "not permitted"),
    ],
)
def test_a_change_that_makes_no_sense_says_why(change: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        PatternChange.model_validate(change)


@pytest.mark.parametrize(
    "change",
    [
        {"note": ""},
        {"state": "resolved", "in_next_release": False, "in_release": "1.0"},
        {"state": "ignored", "errors": 1, "until": "2999-01-01T00:00:00Z", "note": "x"},
        {"merge_into": PATTERN, "note": "x"},
    ],
)
def test_a_note_goes_with_everything(change: dict[str, Any]) -> None:
    assert PatternChange.model_validate(change).note == change.get("note")


@given(st.integers(-(2**63), 2**63 - 1))
def test_a_fingerprint_is_read_back_as_it_is_stored(stored: int) -> None:
    assert as_signed(stored % 2**64) == stored
    assert to_split([f"{stored % 2**64:016x}"] * 2, {stored, stored ^ 1}) == [stored]


@pytest.mark.parametrize(
    ("sent", "why"), [((-1 % 2**64, 9), "not all of these"), ((-1 % 2**64, 1), "leave at least one")]
)
def test_only_some_and_not_all_of_the_fingerprints_of_a_pattern_can_be_split_off(
    sent: tuple[int, ...], why: str
) -> None:
    with pytest.raises(Invalid, match=why):
        to_split([f"{fingerprint:016x}" for fingerprint in sent], {-1, 1})


async def test_a_refused_change_has_written_nothing(service: Service) -> None:
    project = await service.project()
    await project.send({"service": "shop", "severity": "error", "message": "disk full"})
    await service.run_worker()
    [pattern] = (await project.get("/api/errors/patterns"))["patterns"]
    url = f"/api/errors/patterns/{pattern['id']}"
    refused: list[tuple[dict[str, Any], int]] = [
        ({"merge_into": str(uuid4()), "note": "x"}, 404),
        ({"merge_into": pattern["id"], "note": "x"}, 422),
        ({"split_off": ["0" * 16], "note": "x"}, 422),
        ({"state": "resolved", "in_next_release": True, "note": "x"}, 422),
    ]
    for change, status in refused:
        assert (await project.admin.patch(url, json=change)).status_code == status, change
    assert await service.execute("SELECT 1 FROM decisions UNION ALL SELECT 1 FROM pins") == []
