"""The OpenAPI document: what FastAPI makes of the routes, with what it cannot know of them."""

import json
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from api.http.problems import PROBLEM_RESPONSE, ProblemDetails
from api.ingest.schemas import ErrorBatchIn, ErrorIn
from api.reads.caching import Served
from api.reads.http import choose_encoding, respond
from api.reads.schemas import ShapedAnswer
from api.spending.usage_schemas import UsageBatchIn
from common.cache import CachedAnswer

# Bodies that routes read raw, in one pass, or write themselves, and so FastAPI does not see.
RAW_BODIES = (ErrorBatchIn, ErrorIn, UsageBatchIn, ShapedAnswer, ProblemDetails)
MAX_AGE_SECONDS = 60

# What stands in paths.
IDS = {
    "event_id": "Event id of the error.",
    "pattern_id": "Id of the pattern.",
    "budget_id": "Id of the budget.",
    "override_id": "Id of the override.",
    "channel_id": "Id of the channel.",
    "test_id": "Id of the test message.",
}
TEXT, COUNT = {"type": "string"}, {"type": "integer", "minimum": 0}
RETRY_AFTER = {"Retry-After": {"description": "Seconds after which to come again.", "schema": COUNT}}
# Headers that clients go by, of answers that always have them.
HEADERS: dict[str, dict[str, Any]] = {
    "401": {"WWW-Authenticate": {"description": "How to send a key.", "schema": TEXT}},
    "429": {
        **RETRY_AFTER,
        "RateLimit": {"description": "What is left of each quota, and for how long.", "schema": TEXT},
    },
    "503": RETRY_AFTER,
}
READ_HEADERS = {
    "ETag": {"description": "For If-None-Match, which is answered 304 while nothing has changed.", "schema": TEXT},
    "X-Mayday-Cache": {"description": "hit, miss, stale or bypass (no cache was used).", "schema": TEXT},
    "X-Token-Estimate": {
        "description": "Tokens that a language model reads in it; with fields, format or max_tokens.",
        "schema": COUNT,
    },
    "X-Mayday-Left-Out": {"description": "What max_tokens left out.", "schema": TEXT},
}


def describe(app: FastAPI) -> dict[str, Any]:
    """The document, made once."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes, tags=app.openapi_tags
        )
        schemas = document["components"]["schemas"]
        _, raw = models_json_schema(
            [(model, "validation") for model in RAW_BODIES], ref_template="#/components/schemas/{model}"
        )
        schemas |= raw["$defs"]
        for schema in schemas.values():
            drop_defaults(schema)
        for path in document["paths"].values():
            for operation in path.values():
                operation["responses"] |= dict.fromkeys(failures_of(operation), PROBLEM_RESPONSE)
                settle_responses(operation["responses"], schemas)
                settle_parameters(operation)
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        app.openapi_schema = document
    return app.openapi_schema


async def get_document(request: Request) -> Response:
    """The document, as every GET with an ETag. Written and packed once: anyone may ask for it, as often as they like."""
    if not hasattr(request.app.state, "document"):
        request.app.state.document = CachedAnswer.of(json.dumps(describe(request.app)).encode())
    document: CachedAnswer = request.app.state.document
    encoding = choose_encoding(request.headers.get("accept-encoding"))
    served = Served(document.etag, encoding, document.bodies[encoding], "bypass")
    return respond(served, request.headers, max_age_seconds=MAX_AGE_SECONDS)


def drop_defaults(schema: dict[str, Any]) -> None:
    """What has a default is required in the types that TypeScript's generators make, also of a body."""
    for field in schema.get("properties", {}).values():
        field.pop("default", None)


def settle_responses(responses: dict[str, Any], schemas: dict[str, Any]) -> None:
    """FastAPI's own 422 is a problem too; successes say what they are, and every answer its headers."""
    if "422" in responses:
        responses["422"] = PROBLEM_RESPONSE
    for status, response in responses.items():
        headers = HEADERS.get(status, {}) | (READ_HEADERS if status == "200" and "304" in responses else {})
        said = response["description"]
        if said == "Successful Response":
            said = describe_body(response, schemas)
        responses[status] = response | {"description": said} | ({"headers": headers} if headers else {})


def describe_body(response: dict[str, Any], schemas: dict[str, Any]) -> str:
    """What the schema of its JSON says."""
    reference = response.get("content", {}).get("application/json", {}).get("schema", {}).get("$ref", "")
    return str(schemas.get(reference.rpartition("/")[2], {}).get("description", "Done"))


def settle_parameters(operation: dict[str, Any]) -> None:
    """Ids say whose they are."""
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            parameter["description"] = IDS[parameter["name"]]


def failures_of(operation: dict[str, Any]) -> list[str]:
    """The statuses of the problems that this operation can end in, and does not describe itself."""
    statuses = ["500", "503"]
    if operation.get("security"):
        statuses += ["401", "403", "429"]
    if "requestBody" in operation:
        statuses += ["400", "408", "413", "415", "422"]
    if any(parameter["in"] == "path" for parameter in operation.get("parameters", ())):
        statuses += ["404"]
    return [status for status in statuses if status not in operation["responses"]]
