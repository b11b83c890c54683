"""The catalogue: each thing that may be read of a project is one `Read`, and `serve` answers it.

Routes, the fast lane, forms, pages and agents' tools stand on entries of this kind; none of them asks Postgres by itself.
Errors and patterns are in `entries.py`, what was spent in `api/spending/reads.py`; `api/app.py` puts them together.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Response
from pydantic import BaseModel
from pydantic_core import from_json
from starlette.datastructures import Headers

from api.access.shares import Gate, Share, Shares
from api.reads.answer_cache import Question
from api.reads.caching import Reads
from api.reads.forms import MEDIA_TYPES, Form, Format, Table
from api.reads.http import choose_encoding, respond, respond_in_form, serve_once
from api.reads.parameters import FormQuery
from api.reads.replica import Replica
from api.reads.tokens import estimate_tokens
from common.settings import Settings

ParamsT = TypeVar("ParamsT", bound=FormQuery)
NO_ID = UUID(int=0)


@dataclass(frozen=True, slots=True)
class BuildContext:
    """What answers are made of: the connections to Postgres that projects share, for reads and for what must not wait
    behind reads; the turns of those who search texts; the settings; the standby, where one answers reads."""

    read_shares: Shares
    shares: Shares
    searches: Gate
    settings: Settings
    replica: Replica | None = None

    def looking_back(self, project_id: UUID) -> Share:
        """Those for what need not know of the last moment, as lists and sums do not: a standby's, where there is one. Not for a
        read with a question: what is made of an old moment would stay in the cache after that."""
        standby = self.replica.of(project_id) if self.replica else None
        return standby or self.reading(project_id)

    def reading(self, project_id: UUID) -> Share:
        """The connections for what this project reads."""
        return self.read_shares.of(project_id)

    def turn_of_searches(self, project_id: UUID, is_search: bool) -> AbstractAsyncContextManager[None]:
        """A turn of those who look through errors one by one, which no index helps: they leave room for the others. For what
        is none, at once. Raises Busy."""
        return self.searches.turn(project_id) if is_search else nullcontext()

    def deciding(self, project_id: UUID) -> Share:
        """Those for what it decides by, such as how a budget stands."""
        return self.shares.of(project_id)


@dataclass(frozen=True, slots=True)
class Asked(Generic[ParamsT]):
    """One reading of a project. `id` is that of the thing in the path; `sent` are the parameters as they stood in the
    request, for the link to the next page."""

    project_id: UUID
    params: ParamsT
    id: UUID = NO_ID
    sent: Mapping[str, str] = field(default_factory=dict)


Build = Callable[[BuildContext, Asked[ParamsT]], Awaitable[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Read(Generic[ParamsT]):
    """One entry.

    `build` makes the JSON document (`answer` describes it) and raises Problem; `table` says what is a row in it. A client
    may keep it for `max_age_seconds`. `question` names the answer in the cache; without it each one is made anew.
    `build_markdown` makes the whole answer as markdown where that is more than the table of its rows.
    """

    operation: str
    path: str
    tags: tuple[str, ...]
    summary: str
    description: str
    params: type[ParamsT]
    answer: type[BaseModel]
    table: Table
    build: Build[ParamsT]
    max_age_seconds: Callable[[Settings], int]
    question: Callable[[Asked[ParamsT]], Question] | None = None
    build_markdown: Build[ParamsT] | None = None

    @property
    def id_name(self) -> str | None:
        """The name of the id in its path."""
        return self.path.partition("{")[2].partition("}")[0] or None


def seconds(number: int) -> Callable[[Settings], int]:
    """A `max_age_seconds` that no setting changes."""
    return lambda _: number


@lru_cache(maxsize=10_000)
def name_plain(read: Read[Any], project_id: UUID) -> tuple[Asked[Any], Question]:
    """The reading of a project without any parameters, and its name in the cache, which this read must have."""
    asked = Asked(project_id, read.params.model_validate({}))
    assert read.question is not None  # noqa: S101 - what is held ready has a name in the cache
    return asked, read.question(asked)


async def serve(
    read: Read[ParamsT], asked: Asked[ParamsT], context: BuildContext, reads: Reads, headers: Headers
) -> Response:
    """The answer in the form that was asked for: from the cache in the coding that the client likes best, or made now.
    `headers` are the request's; of them only Accept-Encoding and If-None-Match count. Raises Problem."""
    form, max_age_seconds = asked.params.form(), read.max_age_seconds(context.settings)
    if form == Form(Format.markdown) and read.build_markdown:
        return respond_markdown(await read.build_markdown(context, asked), headers, max_age_seconds)
    build = partial(read.build, context, asked)
    if read.question is None:
        served = serve_once(await build())
    else:
        encoding = choose_encoding(headers.get("accept-encoding")) if form is None else "identity"
        served = await reads.answer(read.question(asked), encoding, build)
    answer = await respond_in_form(served, read.table, form, headers, max_age_seconds=max_age_seconds)
    if form is not None and form.format is Format.csv and "cursor" in read.params.model_fields:
        link_next(answer, read.path, asked.sent, from_json(served.body)["next"])
    return answer


def respond_markdown(text: bytes, headers: Headers, max_age_seconds: int) -> Response:
    answer = respond(
        serve_once(text), headers, max_age_seconds=max_age_seconds, media_type=MEDIA_TYPES[Format.markdown]
    )
    answer.headers["X-Token-Estimate"] = str(estimate_tokens(text.decode()))
    return answer


def link_next(answer: Response, path: str, sent: Mapping[str, str], cursor: Any) -> None:
    """Name the next page in a header: CSV has no place for it."""
    if cursor is not None:
        answer.headers["Link"] = f'<{path}?{urlencode({**sent, "cursor": str(cursor)})}>; rel="next"'
