"""The reads of errors and patterns, as entries of the catalogue."""

from typing import Any

from api.reads.answer_cache import Question, name_answer
from api.reads.builders import (
    build_error,
    build_error_page,
    build_pattern,
    build_patterns,
    build_recent,
    build_releases,
)
from api.reads.catalogue import Asked, Read, seconds
from api.reads.forms import ERROR, ERRORS, PATTERN, PATTERNS, RELEASES, SERIES
from api.reads.parameters import (
    ErrorForm,
    ErrorPageQuery,
    ErrorQuery,
    PatternQuery,
    PatternsQuery,
    ReleasesQuery,
    SeriesQuery,
)
from api.reads.schemas import ErrorDetail, ErrorPage, PatternDetail, PatternSeries, RecentErrors, Releases
from api.reads.series import build_series
from common.settings.worker import JobSettings
from common.snapshots.schema import PatternsAnswer

PREFIX = "/api/errors"


def patterns_max_age_seconds(settings: JobSettings) -> int:
    """Half of what lies between two runs of the worker."""
    return max(1, min(30, settings.patterns_every_seconds // 2))


def name_recent(asked: Asked[ErrorQuery]) -> Question:
    params = {"limit": asked.params.limit, **asked.params.question()}
    return name_answer(asked.project_id, "errors", "recent", RecentErrors, params)


def name_patterns(asked: Asked[PatternsQuery]) -> Question:
    params = {"window_hours": asked.params.window.hours, **asked.params.beside_window()}
    return name_answer(asked.project_id, "patterns", "patterns", PatternsAnswer, params)


def name_series(asked: Asked[SeriesQuery]) -> Question:
    params = {"window_hours": asked.params.window.hours, **asked.params.beside_window()}
    return name_answer(asked.project_id, "patterns", "series", PatternSeries, params)


def name_releases(asked: Asked[ReleasesQuery]) -> Question:
    return name_answer(asked.project_id, "patterns", "releases", Releases, {"limit": asked.params.limit})


def name_pattern(asked: Asked[PatternQuery]) -> Question:
    params = {"pattern_id": asked.id, "window_hours": asked.params.window.hours}
    return name_answer(asked.project_id, "errors", "pattern", PatternDetail, params)


RECENT = Read(
    operation="list_recent_errors",
    path=f"{PREFIX}/recent",
    tags=("read",),
    summary="Latest errors",
    description="The latest errors, newest first; about a second old at most. Served from the cache.",
    params=ErrorQuery,
    answer=RecentErrors,
    table=ERRORS,
    build=build_recent,
    max_age_seconds=seconds(1),
    question=name_recent,
)
ERROR_PAGE = Read(
    operation="list_errors",
    path=PREFIX,
    tags=("read",),
    summary="Errors over time",
    description="Errors, newest first, page by page. New errors do not move the pages: a walk meets each error once.",
    params=ErrorPageQuery,
    answer=ErrorPage,
    table=ERRORS,
    build=build_error_page,
    max_age_seconds=seconds(1),
)
PATTERN_LIST = Read(
    operation="get_patterns",
    path=f"{PREFIX}/patterns",
    tags=("read",),
    summary="What is failing",
    description="What is failing: counts by severity, by service, by environment and by pattern, as the worker "
    "computed them.",
    params=PatternsQuery,
    answer=PatternsAnswer,
    table=PATTERNS,
    build=build_patterns,
    max_age_seconds=patterns_max_age_seconds,
    question=name_patterns,
)
SERIES_LIST = Read(
    operation="get_pattern_series",
    path=f"{PREFIX}/patterns/series",
    tags=("read",),
    summary="How patterns went",
    description="The counts of each pattern through the window, step by step, and of the time before.",
    params=SeriesQuery,
    answer=PatternSeries,
    table=SERIES,
    build=build_series,
    max_age_seconds=patterns_max_age_seconds,
    question=name_series,
)
RELEASE_LIST = Read(
    operation="list_releases",
    path=f"{PREFIX}/releases",
    tags=("read",),
    summary="Releases",
    description="The releases that errors came of, with when the first and the latest error of each came.",
    params=ReleasesQuery,
    answer=Releases,
    table=RELEASES,
    build=build_releases,
    max_age_seconds=patterns_max_age_seconds,
    question=name_releases,
)
ONE_PATTERN = Read(
    operation="get_pattern",
    path=f"{PREFIX}/patterns/{{pattern_id}}",
    tags=("read",),
    summary="One pattern",
    description="One pattern with its series, where it happens, and its latest errors.",
    params=PatternQuery,
    answer=PatternDetail,
    table=PATTERN,
    build=build_pattern,
    max_age_seconds=seconds(1),
    question=name_pattern,
)
ONE_ERROR = Read(
    operation="get_error",
    path=f"{PREFIX}/{{event_id}}",
    tags=("read",),
    summary="One error",
    description="One error with all that was sent of it.",
    params=ErrorForm,
    answer=ErrorDetail,
    table=ERROR,
    build=build_error,
    max_age_seconds=seconds(60),
)
# In the order in which paths are tried: fixed words before ids.
READS: tuple[Read[Any], ...] = (RECENT, ERROR_PAGE, PATTERN_LIST, SERIES_LIST, RELEASE_LIST, ONE_PATTERN, ONE_ERROR)
