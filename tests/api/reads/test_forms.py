"""Agents' forms: only the fields that were asked for, as a table, within so many tokens, and never in silence."""

import csv
import io
import json
from typing import Any

import pytest

from api.reads.forms import ERROR, ERRORS, PATTERNS, SHAPED, Form, Format, shape
from api.reads.tokens import estimate_tokens
from tests.conftest import Service

ROWS = [
    {
        "id": f"0192f0c0-0000-7000-8000-{n:012}",
        "timestamp": "2026-11-24T06:30:00.123456Z",
        "service": "shop",
        "severity": "error",
        "error_type": None,
        "message": f'order {n} | "late",\nagain',
        "environment": None,
        "release": None,
        "pattern_id": None,
    }
    for n in range(50)
]
PAGE = json.dumps({"errors": ROWS, "next": "abc"}).encode()


def shaped(format_: Format, *fields: str, max_tokens: int | None = None) -> str:
    return shape(PAGE, ERRORS, Form(format_, fields, max_tokens)).body.decode()


def test_json_keeps_the_document_and_only_the_fields() -> None:
    document = json.loads(shaped(Format.json, "service", "message"))
    assert document["next"] == "abc"
    assert document["errors"][0] == {"service": "shop", "message": ROWS[0]["message"]}


def test_columns_are_named_once_and_values_stay_as_they_are() -> None:
    document = json.loads(shaped(Format.columnar))
    assert [dict(zip(document["columns"], row, strict=True)) for row in document["rows"]] == ROWS
    assert document["next"] == "abc"


def test_csv_reads_back_to_the_same_values() -> None:
    rows = list(csv.DictReader(io.StringIO(shaped(Format.csv, "id", "message", "release"), newline="")))
    assert rows == [{"id": row["id"], "message": row["message"], "release": ""} for row in ROWS]


def test_a_markdown_cell_cannot_end_its_row() -> None:
    lines = shaped(Format.markdown, "service", "message").splitlines()
    assert lines[:5] == ["next abc", "", "|service|message|", "|-|-|", '|shop|order 0 \\| "late", again|']
    assert len(lines) == 4 + len(ROWS)


@pytest.mark.parametrize("format_", list(Format))
@pytest.mark.parametrize("max_tokens", [200, 500, 800])
def test_no_more_tokens_than_asked_for_and_what_is_left_out_is_said(format_: Format, max_tokens: int) -> None:
    answer = shape(PAGE, ERRORS, Form(format_, (), max_tokens))
    text = answer.body.decode()
    assert answer.tokens == estimate_tokens(text) <= max_tokens
    shown = text.count("order ")
    assert 0 < shown < len(ROWS)
    assert answer.left_out == f"rows={len(ROWS) - shown}, sections=()"
    if format_ in (Format.json, Format.columnar):
        assert json.loads(text)["left_out"] == {"rows": len(ROWS) - shown, "sections": []}
    if format_ is Format.markdown:
        assert f"{len(ROWS) - shown} more rows were left out" in text


def test_what_fits_is_left_whole() -> None:
    answer = shape(PAGE, ERRORS, Form(Format.columnar, (), 100_000))
    assert answer.left_out is None
    assert "left_out" not in json.loads(answer.body)


def test_facts_go_only_when_no_row_fits_beside_them() -> None:
    document = {
        "total": 3,
        "series": [{"start": "2026-11-24T06:00:00Z", "count": n} for n in range(100)],
        "patterns": [],
    }
    answer = json.loads(shape(json.dumps(document).encode(), PATTERNS, Form(Format.json, (), 200)).body)
    assert answer == {"total": 3, "patterns": [], "left_out": {"rows": 0, "sections": ["series"]}}


@pytest.mark.parametrize("format_", list(Format))
def test_of_one_error_the_largest_fields_go_first(format_: Format) -> None:
    whole = dict.fromkeys(ERROR.fields) | {"id": ROWS[0]["id"], "stack_trace": "at f\n" * 999, "message": "late"}
    text = shape(json.dumps(whole).encode(), ERROR, Form(format_, (), 200)).body.decode()
    assert "late" in text
    assert "at f" not in text or format_ is Format.markdown, "markdown cuts cells anyway"


async def read(service: Service, path: str, **parameters: Any) -> Any:
    project = await service.project()
    await project.send(*[{"service": "shop", "severity": "error", "message": f"order {n} late"} for n in range(60)])
    await service.run_worker()
    return project, await project.read.get(path, params=parameters)


@pytest.mark.parametrize(
    ("format_", "media_type"),
    [
        ("json", SHAPED),
        ("columnar", SHAPED),
        ("csv", "text/csv; charset=utf-8; header=present"),
        ("markdown", "text/markdown; charset=utf-8"),
    ],
)
@pytest.mark.parametrize("path", ["/api/errors", "/api/errors/recent", "/api/errors/patterns", "one", "pattern"])
async def test_every_read_takes_every_form(service: Service, path: str, format_: str, media_type: str) -> None:
    project, whole = await read(service, "/api/errors/recent")
    first = whole.json()["errors"][0]
    path = {"one": f"/api/errors/{first['id']}", "pattern": f"/api/errors/patterns/{first['pattern_id']}"}.get(
        path, path
    )
    asked = {"format": format_, "fields": "id", "max_tokens": 5_000}
    answer = await project.read.get(path, params=asked)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, media_type)
    assert int(answer.headers["X-Token-Estimate"]) == estimate_tokens(answer.text)
    assert first["id"] in answer.text or first["pattern_id"] in answer.text
    assert "shop" not in answer.text
    again = await project.read.get(path, params=asked, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = await project.read.get(path, params=asked | {"max_tokens": 6_000})
    assert other.headers["ETag"] != answer.headers["ETag"]


async def test_a_form_is_compressed_as_the_client_likes(service: Service) -> None:
    project, answer = await read(service, "/api/errors/recent", format="csv", limit=60)
    assert answer.headers["Content-Encoding"] == "zstd" or "zstd" not in answer.request.headers["Accept-Encoding"]
    plain = await project.read.get(
        "/api/errors/recent?format=csv&limit=60", headers={"Accept-Encoding": "identity", "If-None-Match": '"x"'}
    )
    assert "Content-Encoding" not in plain.headers
    assert plain.headers["Vary"] == "Authorization, X-API-Key, Accept-Encoding"
    assert plain.text == answer.text


async def test_pages_of_csv_tell_the_next_one_in_a_link(service: Service) -> None:
    project, answer = await read(service, "/api/errors", format="csv", limit=25, fields="id")
    ids = answer.text.split()[1:]
    while "next" in answer.links:
        answer = await project.read.get(answer.links["next"]["url"])
        ids += answer.text.split()[1:]
    assert len(ids) == len(set(ids)) == 60


async def test_a_field_that_there_is_not_is_refused(service: Service) -> None:
    _, answer = await read(service, "/api/errors/recent", fields="id,colour")
    assert answer.status_code == 422
    assert [place["pointer"] for place in answer.json()["errors"]] == ["fields"]
