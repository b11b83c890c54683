"""The routes that answer readers: parameters in, a question to `Reads`, its bytes out."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.auth import ReadCaller
from api.problems import Invalid
from api.read.answers import Answers
from api.read.caching import Question, Reads
from api.read.cursors import CursorInvalid
from api.read.http import choose_encoding, respond, serve_once
from api.read.queries import Filter
from api.read.schemas import ErrorDetail, ErrorPage, PatternDetail, RecentErrors
from common.cache import Topic
from common.settings import Settings
from common.snapshots.counting import Wanted
from common.snapshots.schema import PatternsAnswer

router = APIRouter(prefix="/api/errors", tags=["read"])

NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "As the client has it already (If-None-Match)"}}
TEXT_SEARCH_HOURS = 24
ERROR_MAX_AGE_SECONDS = 60
STALE_SECONDS = 10

SeverityName = Literal["debug", "info", "warning", "error", "critical"]


class Window(StrEnum):
    """How far back the counts go."""

    hour = "1h"
    six_hours = "6h"
    day = "24h"
    week = "7d"

    @property
    def hours(self) -> int:
        return {"1h": 1, "6h": 6, "24h": 24, "7d": 168}[self.value]


class ErrorQuery(BaseModel):
    """Which errors are wanted."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(20, ge=1, le=200, description="How many at most.")
    service: str | None = Field(None, max_length=200)
    severity: SeverityName | None = None
    environment: str | None = Field(None, max_length=200)
    pattern: UUID | None = Field(None, description="Id of a pattern.")

    def filter(self, since: datetime, until: datetime, message_has: str | None = None) -> Filter:
        return Filter(since, until, self.service, self.severity, self.environment, self.pattern, message_has)


class ErrorPageQuery(ErrorQuery):
    """Which errors are wanted, over time."""

    since: AwareDatetime | None = Field(None, description="Not older than this.")
    until: AwareDatetime | None = Field(None, description="Older than this.")
    text: str | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="Part of the message, in any case. Searches the last 24 hours unless `since` says otherwise.",
    )
    cursor: str | None = Field(None, max_length=1_000, description="`next` of the page before.")


class PatternQuery(BaseModel):
    """Which window is wanted."""

    model_config = ConfigDict(extra="forbid")

    window: Window = Field(Window.day, description="How far back the counts go.")


class PatternsQuery(PatternQuery):
    """Which patterns are wanted, and of which errors. Every sum of the answer is of what is wanted."""

    service: str | None = Field(None, max_length=200)
    severity: SeverityName | None = None
    environment: str | None = Field(None, max_length=200)
    state: Literal["new", "ongoing", "regressed", "resolved", "ignored"] | None = None
    trend: Literal["new", "regressed", "spiking", "rising", "steady", "falling"] | None = None
    order: Literal["count", "trend", "new"] = Field("count", description="What comes first.")


def answers_of(request: Request) -> Answers:
    reads = cast("Reads", request.state.reads)
    return Answers(reads.engine, reads.settings)


TheAnswers = Annotated[Answers, Depends(answers_of)]


def refuse_parameters(request: Request) -> None:
    """Raise Invalid for a query where there is none to give: a filter that is ignored gives a wrong answer."""
    if request.query_params:
        raise Invalid(f"unknown parameter {next(iter(request.query_params))[:100]!r}: this route takes none")


@router.get("/recent", response_model=RecentErrors, responses=NOT_MODIFIED, summary="Latest errors")
async def list_recent_errors(
    request: Request, caller: ReadCaller, answers: TheAnswers, query: Annotated[ErrorQuery, Query()]
) -> Response:
    """The latest errors, newest first; about a second old at most. Served from the cache."""
    wanted = query.filter(*answers.whole_time())

    async def build() -> bytes:
        return await answers.recent(caller.project_id, wanted, query.limit)

    return await serve(request, ask_recent(caller.project_id, query), build, max_age_seconds=1)


@router.get("", response_model=ErrorPage, responses=NOT_MODIFIED, summary="Errors over time")
async def list_errors(
    request: Request, caller: ReadCaller, answers: TheAnswers, query: Annotated[ErrorPageQuery, Query()]
) -> Response:
    """Errors, newest first, page by page. New errors do not move the pages: a walk meets each error once."""
    since, until = answers.whole_time()
    if query.text is not None:
        since = datetime.now(UTC) - timedelta(hours=TEXT_SEARCH_HOURS)
    wanted = query.filter(query.since or since, min(query.until or until, until), query.text)
    try:
        body = await answers.page(caller.project_id, wanted, query.limit, query.cursor)
    except CursorInvalid as error:
        raise Invalid(f"cursor: {error}") from error
    return respond(serve_once(body), request.headers, max_age_seconds=1, stale_seconds=STALE_SECONDS)


@router.get("/patterns", response_model=PatternsAnswer, responses=NOT_MODIFIED, summary="What is failing")
async def get_patterns(
    request: Request, caller: ReadCaller, answers: TheAnswers, query: Annotated[PatternsQuery, Query()]
) -> Response:
    """What is failing: counts by severity, by service, by environment and by pattern, as the worker computed them."""
    hours = query.window.hours
    wanted = Wanted(**query.model_dump(exclude={"window"}))

    async def build() -> bytes:
        return await answers.patterns(caller.project_id, hours, wanted)

    max_age_seconds = patterns_max_age_seconds(cast("Settings", request.state.settings))
    return await serve(request, ask_patterns(caller.project_id, query), build, max_age_seconds=max_age_seconds)


@router.get("/patterns/{pattern_id}", response_model=PatternDetail, responses=NOT_MODIFIED, summary="One pattern")
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

    parameters = {"pattern_id": pattern_id, "window_hours": hours}
    return await serve(request, ask(caller.project_id, "errors", "pattern", parameters), build, max_age_seconds=1)


@router.get("/{event_id}", response_model=ErrorDetail, responses=NOT_MODIFIED, summary="One error")
async def get_error(request: Request, caller: ReadCaller, answers: TheAnswers, event_id: UUID) -> Response:
    """One error with all that was sent of it."""
    refuse_parameters(request)
    body = await answers.error(caller.project_id, event_id)
    return respond(
        serve_once(body), request.headers, max_age_seconds=ERROR_MAX_AGE_SECONDS, stale_seconds=STALE_SECONDS
    )


def ask_recent(project_id: UUID, query: ErrorQuery) -> Question:
    return ask(project_id, "errors", "recent", query.model_dump())


def ask_patterns(project_id: UUID, query: PatternsQuery) -> Question:
    chosen = query.model_dump(exclude={"window"}, exclude_defaults=True)
    return ask(project_id, "patterns", "patterns", {"window_hours": query.window.hours, **chosen})


def patterns_max_age_seconds(settings: Settings) -> int:
    """Half of what lies between two runs of the worker."""
    return max(1, min(30, settings.patterns_every_seconds // 2))


def ask(project_id: UUID, topic: Topic, name: str, parameters: dict[str, Any]) -> Question:
    given: Iterable[tuple[str, Any]] = ((key, value) for key, value in parameters.items() if value is not None)
    return Question(project_id, topic, name, tuple(sorted(given)))


async def serve(request: Request, question: Question, build: Any, *, max_age_seconds: int) -> Response:
    """The question's answer in the coding that the client likes best."""
    encoding = choose_encoding(request.headers.get("accept-encoding"))
    served = await cast("Reads", request.state.reads).answer(question, encoding, build)
    return respond(served, request.headers, max_age_seconds=max_age_seconds, stale_seconds=STALE_SECONDS)
