"""The OpenAPI document: what FastAPI makes of the routes, with what it cannot know of them."""

import json
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from api.ingest.schemas import ErrorBatchIn, ErrorIn
from api.ingest.usage.schemas import UsageBatchIn
from api.problems import PROBLEM_RESPONSE, ProblemDetails
from api.read.http import respond, serve_once
from api.read.schemas import ShapedAnswer

VERSION = "0.1.0"  # of this release

# Bodies that routes read raw, in one pass, or write themselves, and so FastAPI does not see.
RAW_BODIES = (ErrorBatchIn, ErrorIn, UsageBatchIn, ShapedAnswer, ProblemDetails)
MAX_AGE_SECONDS = 60


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
                settle_responses(operation["responses"])
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        app.openapi_schema = document
    return app.openapi_schema


async def get_document(request: Request) -> Response:
    """The document, as every GET with an ETag."""
    body = json.dumps(describe(request.app)).encode()
    return respond(serve_once(body), request.headers, max_age_seconds=MAX_AGE_SECONDS)


def drop_defaults(schema: dict[str, Any]) -> None:
    """What has a default is required in the types that TypeScript's generators make, also of a body."""
    for field in schema.get("properties", {}).values():
        field.pop("default", None)


def settle_responses(responses: dict[str, Any]) -> None:
    """FastAPI's own 422 is a problem too."""
    if "422" in responses:
        responses["422"] = PROBLEM_RESPONSE


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
