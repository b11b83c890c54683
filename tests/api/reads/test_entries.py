"""What is kept under one name is one answer: another project, question or form of it is another."""

from typing import Any
from uuid import UUID

import pytest

from api.reads.catalogue import Asked
from api.reads.entries import READS, name_pattern, name_patterns, name_recent, patterns_max_age_seconds
from api.reads.parameters import ErrorQuery, PatternQuery, PatternsQuery
from api.spending.reads import READS as SPENDING_READS
from common.cache import answer_key
from common.cache.sealing import form_of
from common.settings import Settings
from common.snapshots.schema import PatternsAnswer

ONE, TWO = UUID(int=1), UUID(int=2)


def recent(project: UUID = ONE, **params: Any) -> Any:
    return name_recent(Asked(project, ErrorQuery.model_validate(params)))


def test_a_default_that_is_said_is_the_same_question_and_another_value_another() -> None:
    assert recent() == recent(limit=20)
    assert recent(format="csv", fields="id") == recent()
    others = [recent(TWO), recent(limit=21), recent(service="a"), recent(severity="error"), recent(pattern=str(ONE))]
    assert len({recent(), *others}) == 6


def test_a_pattern_is_another_answer_in_each_window_and_for_each_id() -> None:
    def named(pattern: UUID, window: str) -> Any:
        return name_pattern(Asked(ONE, PatternQuery.model_validate({"window": window}), pattern))

    assert len({named(pattern, window) for pattern in (ONE, TWO) for window in ("1h", "6h", "24h", "7d")}) == 8


@pytest.mark.parametrize(("window", "hours"), [("1h", 1), ("6h", 6), ("24h", 24), ("7d", 168)])
def test_the_patterns_of_a_window_are_looked_for_where_the_worker_puts_them(window: str, hours: int) -> None:
    question = name_patterns(Asked(ONE, PatternsQuery.model_validate({"window": window})))
    published = answer_key(ONE, "g", "patterns", window_hours=hours, form=form_of(PatternsAnswer))
    assert (question.topic, question.key("g")) == ("patterns", published)


@pytest.mark.parametrize(("every", "kept"), [(10, 5), (25, 12), (60, 30), (3_600, 30)])
def test_patterns_are_kept_for_half_of_what_lies_between_two_runs(every: int, kept: int) -> None:
    assert patterns_max_age_seconds(Settings(patterns_every_seconds=every)) == kept


def test_every_entry_has_a_path_an_operation_and_rows_that_its_answer_has() -> None:
    reads = [*READS, *SPENDING_READS]
    assert len({read.path for read in reads}) == len({read.operation for read in reads}) == len(reads)
    for read in reads:
        assert read.table.rows is None or read.table.rows in read.answer.model_fields, read.operation
        assert set(read.table.brief) <= set(read.table.fields), read.operation
        if "cursor" in read.params.model_fields:
            assert "next" in read.answer.model_fields, read.operation


def test_a_fixed_word_is_tried_before_an_id() -> None:
    paths = [read.path for read in READS]
    assert paths.index("/api/errors/recent") < paths.index("/api/errors/{event_id}")
    assert paths.index("/api/errors/patterns") < paths.index("/api/errors/{event_id}")
