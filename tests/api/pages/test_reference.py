"""The reference says of each route and object what the OpenAPI document says, under the same policy as every page."""

import re
from html import unescape
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from api.pages.reference import find_links, say_type
from tests.api.pages.browsing import scan
from tests.conftest import Service


async def test_every_route_parameter_and_object_of_the_document_is_on_the_page(service: Service) -> None:
    stranger = await service.client(None)
    document, answer = (await stranger.get("/openapi.json")).json(), await stranger.get("/docs")
    again = await stranger.get("/docs", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    page, found = unescape(answer.text), scan(answer.text)
    assert found.dangers == []
    assert [script for script in found.scripts if not (script or "").startswith("/assets/")] == []
    for path, item in document["paths"].items():
        for method, operation in item.items():
            assert f'id="{operation["operationId"]}"' in page
            assert f"<strong>{method.upper()}</strong> <code>{path}</code>" in page
            for parameter in operation.get("parameters", ()):
                assert f"<code>{parameter['name']} ({parameter['in']})</code>" in page
    for name in document["components"]["schemas"]:
        assert f'id="{name}"' in page
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids)), "each link leads to one place"
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)


def hold(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Schemas that hold others."""
    return st.one_of(
        st.builds(lambda some: {"anyOf": some}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda one: {"type": "array", "items": one}, inner),
        st.builds(lambda one: {"type": "object", "additionalProperties": one}, inner | st.booleans()),
    )


PLAIN = [{"type": "string"}, {"$ref": "#/components/schemas/A"}, {"enum": [1, "a"]}, {}, {"const": None}]
SCHEMAS = st.recursive(st.sampled_from(PLAIN), hold, max_leaves=10)


@given(SCHEMAS)
def test_any_schema_is_said_in_words(schema: dict[str, object]) -> None:
    assert say_type(schema)
    assert set(find_links(schema)) <= {"A"}
