"""The reference of the HTTP API as a page: the OpenAPI document, made readable. No script, no other host; for anyone, as the
document itself is."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from api.contract import MAX_AGE_SECONDS, describe
from api.pages.failing import POLICY
from api.pages.rendering import render
from api.reads.caching import Served
from api.reads.http import choose_encoding, respond
from common.cache import CachedAnswer

METHODS = ("get", "post", "put", "patch", "delete")
SCHEMAS = "#/components/schemas/"


class Value(NamedTuple):
    """A parameter, or a field of an object: its type in words, and the object that it is or holds, if any."""

    name: str
    words: str
    links: tuple[str, ...]
    is_required: bool
    description: str


class Operation(NamedTuple):
    """One route."""

    name: str
    method: str
    path: str
    summary: str
    description: str
    parameters: list[Value]
    body: list[Value]
    answers: list[Value]


class Object(NamedTuple):
    """A kind of object that is sent or answered."""

    name: str
    description: str
    fields: list[Value]
    words: str


async def show_reference(request: Request) -> Response:
    """For `GET /docs`. Written and packed once: anyone may ask for it, as often as they like."""
    if not hasattr(request.app.state, "reference"):
        request.app.state.reference = CachedAnswer.of(write_reference(describe(request.app)).encode())
    kept: CachedAnswer = request.app.state.reference
    encoding = choose_encoding(request.headers.get("accept-encoding"))
    served = Served(kept.etag, encoding, kept.bodies[encoding], "bypass")
    answer = respond(served, request.headers, max_age_seconds=MAX_AGE_SECONDS, media_type="text/html")
    answer.headers["Content-Security-Policy"] = POLICY
    return answer


def write_reference(document: Mapping[str, Any]) -> str:
    """The page of an OpenAPI document."""
    groups, objects = group_operations(document), list(list_objects(document))
    return render("reference.html", info=document["info"], groups=groups, objects=objects)


def group_operations(document: Mapping[str, Any]) -> dict[str, list[Operation]]:
    """The routes by what they are about, in the order of the document."""
    groups: dict[str, list[Operation]] = {}
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                operation = item[method]
                groups.setdefault((operation.get("tags") or ["service"])[0], []).append(
                    describe_operation(method, path, operation)
                )
    return groups


def describe_operation(method: str, path: str, operation: Mapping[str, Any]) -> Operation:
    body = operation.get("requestBody", {})
    return Operation(
        name=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation.get("summary", ""),
        description=operation.get("description", ""),
        parameters=[
            value_of(
                f"{one['name']} ({one['in']})", one["schema"], one.get("description", ""), one.get("required", False)
            )
            for one in operation.get("parameters", ())
        ],
        body=list(list_contents(body, "", body.get("required", False))),
        answers=[
            value
            for status, answer in sorted(operation.get("responses", {}).items())
            for value in list_contents(answer, f"{status} ", is_required=False)
            or [Value(status, "", (), is_required=False, description=answer.get("description", ""))]
        ],
    )


def list_contents(holder: Mapping[str, Any], before: str, is_required: bool) -> list[Value]:
    """What a body or an answer may be, by its media type."""
    return [
        value_of(before + media_type, content.get("schema", {}), holder.get("description", ""), is_required)
        for media_type, content in holder.get("content", {}).items()
    ]


def list_objects(document: Mapping[str, Any]) -> Iterable[Object]:
    """All kinds of object, by their names."""
    for name, schema in sorted(document["components"]["schemas"].items()):
        required = schema.get("required", ())
        fields = [
            value_of(field, one, one.get("description", ""), field in required)
            for field, one in schema.get("properties", {}).items()
        ]
        yield Object(name, schema.get("description", ""), fields, "" if fields else say_type(schema))


def value_of(name: str, schema: Mapping[str, Any], description: str, is_required: bool) -> Value:
    return Value(name, say_type(schema), tuple(dict.fromkeys(find_links(schema))), is_required, description)


def say_type(schema: Mapping[str, Any]) -> str:
    """What a schema takes, in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"]).removeprefix(SCHEMAS)
    if "enum" in schema:
        return "one of " + ", ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return " or ".join(dict.fromkeys(say_type(one) for one in schema[several]))
    kind = schema.get("type", "anything")
    kind = " or ".join(kind) if isinstance(kind, list) else str(kind)
    if kind == "array":
        return f"list of {say_type(schema.get('items', {}))}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        return f"object of {say_type(schema['additionalProperties'])}"
    bounds = [f"{words} {schema[key]}" for key, words in BOUNDS.items() if key in schema]
    said = f"{kind} ({schema['format']})" if "format" in schema else kind
    return ", ".join([said, *bounds])


BOUNDS = {
    "minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below", "minLength": "at least",
    "maxLength": "at most", "minItems": "at least", "maxItems": "at most", "default": "else",
}  # fmt: skip


def find_links(schema: Any) -> Iterable[str]:
    """The objects that a schema names, at any depth of it."""
    if isinstance(schema, Mapping):
        if "$ref" in schema:
            yield str(schema["$ref"]).removeprefix(SCHEMAS)
        for value in schema.values():
            yield from find_links(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from find_links(value)
