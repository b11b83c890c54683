"""The routes that answer readers: parameters in, a question to `Reads`, its bytes out."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Annotated, Any, cast
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel
from pydantic_core import from_json

from api.access.keys import ReadCaller
from api.access.routers import Router
from api.http.problems import Invalid
from api.reads.answer_cache import Question
from api.reads.builders import Answers
from api.reads.caching import Reads
from api.reads.cursors import CursorInvalid
from api.reads.forms import ERROR, ERRORS, PATTERN, PATTERNS, Format, Table
from api.reads.http import choose_encoding, serve_once
from api.reads.parameters import ErrorForm, ErrorPageQuery, ErrorQuery, FormQuery, PatternQuery, PatternsQuery
from api.reads.responding import FORMS, link_next, respond_in_form
from api.reads.schemas import ErrorDetail, ErrorPage, PatternDetail, RecentErrors
from common.cache import Topic
from common.cache.sealing import form_of
from common.database.clock import CLOCK
from common.settings import Settings
from common.snapshots.counting import Wanted
from common.snapshots.schema import PatternsAnswer

router = Router(prefix="/api/errors", tags=["read"])

TEXT_SEARCH_HOURS = 24
ERROR_MAX_AGE_SECONDS = 60


async def answers_of(request: Request) -> Answers:
    """Async, though it waits for nothing: the framework runs others in a thread."""
    return cast("Answers", request.state.answers)


TheAnswers = Annotated[Answers, Depends(answers_of)]


@router.get("/recent", response_model=RecentErrors, responses=FORMS, summary="Latest errors")
async def list_recent_errors(
    request: Request, caller: ReadCaller, answers: TheAnswers, query: Annotated[ErrorQuery, Query()]
) -> Response:
    """The latest errors, newest first; about a second old at most. Served from the cache."""
    build = partial(build_recent, answers, caller.project_id, query)
    return await serve(request, ask_recent(caller.project_id, query), build, query, ERRORS, 1)


@router.get("", response_model=ErrorPage, responses=FORMS, summary="Errors over time")
async def list_errors(
    request: Request, caller: ReadCaller, answers: TheAnswers, query: Annotated[ErrorPageQuery, Query()]
) -> Response:
    """Errors, newest first, page by page. New errors do not move the pages: a walk meets each error once."""
    since, until = answers.whole_time()
    if query.text is not None:
        since = CLOCK.now().replace(second=0, microsecond=0) - timedelta(hours=TEXT_SEARCH_HOURS)
    wanted = query.filter(query.since or since, min(query.until or until, until), query.text)
    try:
        body = await answers.page(caller.project_id, wanted, query.limit, query.cursor)
    except CursorInvalid as error:
        raise Invalid(f"cursor: {error}") from error
    answer = await respond_in_form(request, serve_once(body), query, ERRORS, max_age_seconds=1)
    return link_next(request, answer, query, from_json(body)["next"] if query.format is Format.csv else None)


@router.get("/patterns", response_model=PatternsAnswer, responses=FORMS, summary="What is failing")
async def get_patterns(
    request: Request, caller: ReadCaller, answers: TheAnswers, query: Annotated[PatternsQuery, Query()]
) -> Response:
    """What is failing: counts by severity, by service, by environment and by pattern, as the worker computed them."""
    build = partial(build_patterns, answers, caller.project_id, query)
    max_age_seconds = patterns_max_age_seconds(cast("Settings", request.state.settings))
    return await serve(request, ask_patterns(caller.project_id, query), build, query, PATTERNS, max_age_seconds)


@router.get("/patterns/{pattern_id}", response_model=PatternDetail, responses=FORMS, summary="One pattern")
async def get_pattern(
    request: Request,
    caller: ReadCaller,
    answers: TheAnswers,
    pattern_id: UUID,
    query: Annotated[PatternQuery, Query()],
) -> Response:
    """One pattern with its series, where it happens, and its latest errors."""
    hours = query.window.hours

    async def build() -> bytes:
        return await answers.pattern(caller.project_id, pattern_id, hours)

    question = ask(
        caller.project_id, "errors", "pattern", PatternDetail, {"pattern_id": pattern_id, "window_hours": hours}
    )
    return await serve(request, question, build, query, PATTERN, 1)


@router.get("/{event_id}", response_model=ErrorDetail, responses=FORMS, summary="One error")
async def get_error(
    request: Request, caller: ReadCaller, answers: TheAnswers, event_id: UUID, query: Annotated[ErrorForm, Query()]
) -> Response:
    """One error with all that was sent of it."""
    body = await answers.error(caller.project_id, event_id)
    return await respond_in_form(request, serve_once(body), query, ERROR, max_age_seconds=ERROR_MAX_AGE_SECONDS)


def ask_recent(project_id: UUID, query: ErrorQuery) -> Question:
    return ask(project_id, "errors", "recent", RecentErrors, {"limit": query.limit, **query.question()})


async def build_recent(answers: Answers, project_id: UUID, query: ErrorQuery) -> bytes:
    return await answers.recent(project_id, query.filter(*answers.whole_time()), query.limit)


def ask_patterns(project_id: UUID, query: PatternsQuery) -> Question:
    return ask(
        project_id, "patterns", "patterns", PatternsAnswer, {"window_hours": query.window.hours, **of_patterns(query)}
    )


async def build_patterns(answers: Answers, project_id: UUID, query: PatternsQuery) -> bytes:
    return await answers.patterns(project_id, query.window.hours, Wanted(**of_patterns(query)))


def of_patterns(query: PatternsQuery) -> dict[str, Any]:
    """What is asked beside the window."""
    return {name: value for name, value in query.question().items() if name != "window"}


def patterns_max_age_seconds(settings: Settings) -> int:
    """Half of what lies between two runs of the worker."""
    return max(1, min(30, settings.patterns_every_seconds // 2))


def ask(project_id: UUID, topic: Topic, name: str, model: type[BaseModel], parameters: dict[str, Any]) -> Question:
    return Question(project_id, topic, name, tuple(sorted((parameters | {"form": form_of(model)}).items())))


async def serve(
    request: Request,
    question: Question,
    build: Callable[[], Awaitable[bytes]],
    query: FormQuery,
    table: Table,
    max_age_seconds: int,
) -> Response:
    """The question's answer: as it is cached, in the coding that the client likes best, or in an agent's form."""
    encoding = choose_encoding(request.headers.get("accept-encoding")) if query.form() is None else "identity"
    served = await cast("Reads", request.state.reads).answer(question, encoding, build)
    return await respond_in_form(request, served, query, table, max_age_seconds=max_age_seconds)
