"""Whatever anyone stored in whichever field, every read shows it in every form: a table of text, cells that are no formula,
numbers in digits."""

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from api.reads.cells import may_be_formula
from tests.api.reads.test_cells import PARSERS, read_tables
from tests.conftest import Project, Service

NAMES = [
    "# heading", "```", "=1+1", "\uff1d1+1", "\uff0b1", "-1+1", "\u22121", "@x", " =1", "\t=1", "\u200b=1", "a|b", "<b>x</b>",
    "![](http://x/y.png)", "[a](javascript:x)", "- item", "1. x", "&#60;", "*a*", "_a_", "\\", "`", "\u202egnp", "a\u2028b",
    '"', "'=1", "+1", "<!-- x -->", "-->", "0x", "1e5", "| - |", "~~a~~", "www.x.y", "\u00a0=1", "\ufeff=1", "\u3000@x",
]  # fmt: skip
EXPONENT = re.compile(r"(?<![\w.-])[0-9]+(?:\.[0-9]+)?[eE]-?[0-9]+(?![\w.-])")
NOW = datetime.now(UTC).replace(microsecond=0)
FORMS = ("markdown", "csv", "columnar", "json")
SPAN = {"since": str((NOW - timedelta(days=1)).date()), "until": str((NOW + timedelta(days=2)).date())}


def hostile_error(name: str) -> dict[str, Any]:
    return {
        "service": name, "severity": "error", "message": name + "\n" + name, "error_type": name, "environment": name,
        "release": name, "stack_trace": f'{name}\n  File "{name}", line 1, in {name}\n{name}', "fingerprint": name,
        "tags": {name: name}, "context": {name: [name, 1e-7, {name: name}]},
    }  # fmt: skip


def hostile_usage(number: int, name: str) -> dict[str, Any]:
    return {
        "event_key": f"{number}{name}", "team": name, "agent": name, "model": name, "provider": name, "deliverable": name,
        "occurred_at": NOW.isoformat(), "input_tokens": 1, "output_tokens": 1,
        "cost_usd": "0.0000000001",
    }  # fmt: skip


async def sent(answer: httpx.Response) -> None:
    assert answer.status_code < 300 or answer.status_code == 422, answer.text


async def fill(project: Project) -> None:
    """Every field of everything that is stored; one by one, so that a name that is refused takes no other with it."""
    for number, name in enumerate(NAMES):
        await sent(await project.ingest.post("/api/errors/batch", json={"errors": [hostile_error(name)]}))
        await sent(await project.ingest.post("/api/usage/batch", json={"records": [hostile_usage(number, name)]}))
        made = {"ref": f"{name}{number}", "team": name, "kind": name, "completed_at": NOW.isoformat()}
        await sent(await project.ingest.post("/api/deliverables", json=made))
        budget = {
            "name": name,
            "scope": "team",
            "scope_value": name,
            "metric": "usd",
            "limit": "0.0000001",
            "period": "day",
        }
        await sent(await project.admin.post("/api/budgets", json=budget))
        rates = {"input": "0.0000001", "output": "0.0000002", "starts_at": NOW.isoformat(), "confirm": True}
        await sent(await project.admin.post("/api/prices/overrides", json={"model": name, "provider": name, **rates}))


async def list_reads(project: Project) -> list[tuple[str, dict[str, Any]]]:
    recent = (await project.get("/api/errors/recent", limit=100))["errors"]
    patterns = (await project.get("/api/errors/patterns"))["patterns"]
    budgets = (await project.get("/api/budgets", limit=100))["budgets"]
    assert (len(recent) > 30, len(patterns) > 5, len(budgets) > 30) == (True, True, True)
    ids = [f"/api/errors/{one['id']}" for one in recent[:8]]
    pages = [f"/api/errors/patterns/{one['id']}" for one in patterns[:6]]
    limits = [f"/api/budgets/{one['id']}{part}" for one in budgets[:3] for part in ("", "/status", "/projection")]
    lists: list[tuple[str, dict[str, Any]]] = [
        ("/api/errors", {"limit": 100}),
        ("/api/errors/recent", {"limit": 100}),
        ("/api/errors/patterns", {}),
        ("/api/usage", {"limit": 100, **SPAN}),
        ("/api/costs/report", {"period": NOW.strftime("%Y-%m")}),
        ("/api/budgets", {"limit": 100}),
        ("/api/prices/overrides", {"limit": 100}),
    ]
    return lists + [(path, {}) for path in (*ids, *pages, *limits)]


def check_csv(text: str, place: str) -> None:
    header, *rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows, place
    for row in rows:
        assert len(row) == len(header), (place, row)
        for cell in row:
            is_number = re.fullmatch(r"-?[0-9.]+", cell) is not None
            assert is_number or not may_be_formula(cell), (place, cell)


def check_markdown(text: str, place: str) -> None:
    body = "\n".join(line for line in text.splitlines() if not line.startswith(("# Costs", "| **TOTAL MTD**")))
    for parser in PARSERS:
        rows = read_tables(parser.parse(body))
        assert len({len(row) for row in rows}) == 1, place


async def test_what_is_stored_in_any_field_is_only_shown_by_every_read(service: Service) -> None:
    project = await service.project()
    await fill(project)
    await service.run_worker()
    for path, asked in await list_reads(project):
        whole = await project.read.get(path, params=asked)
        document = whole.json()
        rows = next((value for value in document.values() if isinstance(value, list) and value), [document])
        names = list(rows[0] if isinstance(rows[0], dict) else document)
        for form in FORMS:
            for fields in (None, names[-1], ",".join(names)):
                query = {**asked, "format": form, **({"fields": fields} if fields else {})}
                answer = await project.read.get(path, params=query)
                place = f"{path} {form} {fields}"
                if answer.status_code == 422 and fields:
                    continue  # a list that is no table of this read
                assert answer.status_code == 200, (place, answer.text)
                if form == "csv":
                    check_csv(answer.text, place)
                if form == "markdown":
                    check_markdown(answer.text, place)
                if "/errors" not in path:
                    assert not [found for found in EXPONENT.findall(answer.text) if found != "1e5"], (
                        place,
                        EXPONENT.findall(answer.text),
                    )


@pytest.mark.parametrize(
    "ident", ["%00", "%ff", "x" * 3_000, "%ed%a0%80", "..%2f..", "%E2%88%92", "0" * 32, "null", "{}", "*"]
)
async def test_no_id_in_a_path_that_writes_is_answered_500(service: Service, ident: str) -> None:
    project = await service.project()
    for method, path in [
        ("PATCH", f"/api/errors/patterns/{ident}"),
        ("DELETE", f"/api/budgets/{ident}"),
        ("PATCH", f"/api/budgets/{ident}"),
        ("POST", f"/api/budgets/{ident}/check"),
        ("POST", f"/api/budgets/{ident}/settle"),
        ("DELETE", f"/api/prices/overrides/{ident}"),
    ]:
        for body in ({}, {"state": "open"}, {"limit": "1e-7"}, {"estimate": 1}, {"reservation_id": "\ud800"}):
            content = json.dumps(body)
            answer = await project.admin.request(
                method, path, content=content, headers={"Content-Type": "application/json"}
            )
            assert answer.status_code < 500, (method, path, body, answer.text)
