"""The OpenAPI document is whole: generators find everything that it names."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from api.app import create_app
from common.cache import CachedAnswer
from common.settings import Settings
from tests.conftest import Service


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app(Settings.load(database_url="postgresql://x/y", redis_url="redis://x")).openapi()


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for path in document["paths"].values() for operation in path.values()]


def test_every_reference_leads_to_a_schema_and_every_schema_is_referred_to(document: dict[str, Any]) -> None:
    named = {reference.removeprefix("#/components/schemas/") for reference in references(document)}
    assert named == set(document["components"]["schemas"])


def test_what_clients_make_types_of_has_a_name(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    parts = [part for schema in schemas.values() for part in inner_schemas(schema)]
    parts += [part for _, schema in parameters_of(document) for part in [schema, *inner_schemas(schema)]]
    assert [part for part in parts if "enum" in part or "properties" in part] == []
    assert {"SeverityName", "BudgetScope", "PatternState", "Format", "Window"} <= set(schemas)


def test_no_field_has_a_default_for_generators_would_make_it_required(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        assert [field for field, one in schema.get("properties", {}).items() if "default" in one] == [], name


def test_what_clients_go_by_in_headers_is_declared(document: dict[str, Any]) -> None:
    for operation in operations(document):
        for status, name in (
            ("401", "WWW-Authenticate"),
            ("429", "Retry-After"),
            ("503", "Retry-After"),
            ("304", "ETag"),
        ):
            if status in operation["responses"]:
                declared = operation["responses"]["200" if status == "304" else status]
                assert name in declared["headers"], (operation["operationId"], status)
        assert all(one["description"] for one in operation.get("parameters", ())), operation["operationId"]


# Asked by admins, and no reads of the catalogue.
OF_ADMINS = {"/api/status", "/api/keys", "/api/projects", "/api/projects/{project_id}/contents"}


def test_every_read_takes_the_forms(document: dict[str, Any]) -> None:
    for path, item in document["paths"].items():
        if "get" in item and item["get"].get("security") and path not in OF_ADMINS:
            names = {parameter["name"] for parameter in item["get"]["parameters"]}
            assert names >= {"fields", "format", "max_tokens"}, path
            assert {"text/csv", "text/markdown"} <= set(item["get"]["responses"]["200"]["content"]), path


def parameters_of(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (one["name"], one["schema"]) for operation in operations(document) for one in operation.get("parameters", ())
    ]


def inner_schemas(node: Any) -> Iterator[dict[str, Any]]:
    """Every schema that stands inside a schema, and not under a name of its own."""
    for name in ("anyOf", "oneOf", "allOf"):
        for part in node.get(name, ()):
            yield part
            yield from inner_schemas(part)
    for part in [*node.get("properties", {}).values(), node.get("items"), node.get("additionalProperties")]:
        if isinstance(part, dict):
            yield part
            yield from inner_schemas(part)


def test_every_failure_is_documented_as_a_problem(document: dict[str, Any]) -> None:
    for operation in operations(document):
        for status, response in operation["responses"].items():
            if status >= "400" and (operation["operationId"], status) != ("get_readiness", "503"):
                assert list(response["content"]) == ["application/problem+json"], operation["operationId"]


def test_operation_ids_make_good_method_names(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for operation in operations(document)]
    assert len(set(names)) == len(names) >= 15
    verb_and_noun = re.compile(
        r"(?:change|check|create|delete|get|list|log|preview|reprice|rotate|settle|test)(?:_[a-z]+)+"
    )
    assert [name for name in names if not verb_and_noun.fullmatch(name)] == []


def test_bodies_of_the_write_side_are_described(document: dict[str, Any]) -> None:
    batch = document["paths"]["/api/errors/batch"]["post"]["requestBody"]["content"]
    assert batch["application/json"]["schema"] == {"$ref": "#/components/schemas/ErrorBatchIn"}
    error = document["components"]["schemas"]["ErrorIn"]
    assert error["required"] == ["service", "severity", "message"]


def test_every_field_says_what_it_is(document: dict[str, Any]) -> None:
    """By itself, or by the schema that it is one of."""
    schemas = document["components"]["schemas"]
    silent = [
        f"{name}.{field}"
        for name, schema in schemas.items()
        for field, told in schema.get("properties", {}).items()
        if not told.get("description") and not schemas[told.get("$ref", "").rpartition("/")[2]].get("description")
    ]
    assert silent == []


def test_the_document_is_plain_json(document: dict[str, Any]) -> None:
    assert json.loads(json.dumps(document)) == document


def test_every_status_of_a_failure_is_declared(document: dict[str, Any]) -> None:
    for path, item in document["paths"].items():
        for operation in item.values():
            declared = set(operation["responses"])
            assert {"500", "503"} <= declared
            assert not operation.get("security") or {"401", "403", "429"} <= declared
            assert "requestBody" not in operation or {"400", "408", "413", "415", "422"} <= declared
            assert "{" not in path or "404" in declared


async def test_the_document_is_written_and_packed_once(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = await service.client(None)
    made: list[CachedAnswer] = []
    of = CachedAnswer.of

    def note(body: bytes) -> CachedAnswer:
        made.append(of(body))
        return made[-1]

    monkeypatch.setattr(CachedAnswer, "of", note)
    for _ in range(2):
        for coding in ("identity", "gzip", "br", "zstd"):
            told = await nobody.get("/openapi.json", headers={"Accept-Encoding": coding})
            assert told.headers.get("Content-Encoding", "identity") == coding
            assert int(told.headers["Content-Length"]) == len(made[0].bodies[coding])  # as it was packed
            assert told.content == made[0].bodies["identity"]
            assert "Accept-Encoding" in told.headers["Vary"]
    assert len(made) == 1
    known = {"If-None-Match": made[0].etag}
    assert (await nobody.get("/openapi.json", headers=known)).status_code == 304
