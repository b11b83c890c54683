"""One entry answers in every form: from the cache or anew, with the next page where a form has no place for it."""

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import BaseModel
from starlette.datastructures import Headers

from api.http.problems import NotFound
from api.reads.answer_cache import Question
from api.reads.catalogue import Asked, BuildContext, Read, seconds, serve
from api.reads.forms import Format, Table
from api.reads.parameters import FormQuery
from tests.conftest import Service


class Paged(FormQuery):
    """A question of pages."""

    cursor: str | None = None


BODY = b'{"things":[{"name":"a"},{"name":"b"}],"next":"a b&c"}'


async def build(_context: BuildContext, asked: Asked[Any]) -> bytes:
    if asked.id == UUID(int=404):
        raise NotFound("there is none")
    return BODY


async def build_table(_context: BuildContext, _asked: Asked[Any]) -> bytes:
    return b"# Things"


READ: Read[Any] = Read(
    operation="list_things",
    path="/api/things/{thing_id}",
    tags=("read",),
    summary="Things",
    description="",
    params=Paged,
    answer=BaseModel,
    table=Table("things", ("name",), ("name",)),
    build=build,
    max_age_seconds=seconds(5),
)


async def ask(service: Service, read: Read[Any], params: dict[str, Any], thing: UUID = UUID(int=1), **sent: str) -> Any:  # noqa: B008
    asked = Asked(uuid4(), read.params.model_validate(params), thing, sent)
    return await serve(read, asked, service.state["build_context"], service.state["reads"], Headers({}))


def test_the_id_in_a_path_is_known_by_its_name() -> None:
    assert READ.id_name == "thing_id"
    assert replace(READ, path="/api/things").id_name is None


async def test_without_a_question_each_answer_is_made_anew_and_known_by_its_tag(service: Service) -> None:
    first, second = await ask(service, READ, {}), await ask(service, READ, {})
    assert first.body == BODY
    assert first.headers["x-mayday-cache"] == "bypass"
    assert first.headers["cache-control"] == "private, max-age=5, stale-while-revalidate=10"
    assert first.headers["etag"] == second.headers["etag"]


async def test_an_answer_with_a_question_is_kept_under_it_for_every_form(service: Service) -> None:
    built = 0

    async def count(context: BuildContext, asked: Asked[Any]) -> bytes:
        nonlocal built
        built += 1
        return await build(context, asked)

    project = uuid4()
    read = replace(READ, build=count, question=lambda _: Question(project, "errors", "things", ()))
    told = [await ask(service, read, params) for params in ({}, {"format": "csv"}, {"fields": "name"}, {})]
    assert built == 1
    assert [answer.headers["x-mayday-cache"] for answer in told] == ["miss", "hit", "hit", "hit"]


async def test_csv_names_the_next_page_in_a_link_with_what_was_asked(service: Service) -> None:
    answer = await ask(service, READ, {"format": "csv"}, format="csv", team="a&b", cursor="before")
    assert answer.headers["link"] == ('</api/things/{thing_id}?format=csv&team=a%26b&cursor=a+b%26c>; rel="next"')
    for form in ("json", "columnar", "markdown"):
        assert "link" not in (await ask(service, READ, {"format": form})).headers


async def test_a_table_of_its_own_is_for_plain_markdown_alone(service: Service) -> None:
    read = replace(READ, build_markdown=build_table)
    assert (await ask(service, read, {"format": "markdown"})).body == b"# Things"
    for more in ({"fields": "name"}, {"max_tokens": 500}):
        assert (await ask(service, read, {"format": Format.markdown, **more})).body.startswith(b"next a b")


async def test_what_a_builder_raises_is_what_the_reader_is_told(service: Service) -> None:
    with pytest.raises(NotFound, match="there is none"):
        await ask(service, READ, {}, UUID(int=404))
