"""What goes by COPY is what the statements would have stored, to the last bit; and JSON that Postgres does not look at is
JSON to it."""

import asyncio
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.ingest.receivers.native import ERRORS, parse_batch
from api.ingest.rows import make_row
from api.storing.errors import COLUMNS, copy_new, insert_new, store_one, store_what_is_new
from api.storing.rows import ErrorRow
from api.storing.scheduler import Scheduler
from common.buckets import BUCKET_MICROSECONDS
from tests.api.ingest.receivers.test_plain import ERRORS_SENT, FRAME, NO_PLAIN, SETTINGS
from tests.flow.test_hostile import REFUSED, STORABLE

texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=40)
# Any time, and those at the edges of buckets, before and after the moment that Postgres counts from.
edges = st.tuples(st.integers(-(10**6), 10**7), st.sampled_from([-1, 0, 1])).map(
    lambda edge: edge[0] * BUCKET_MICROSECONDS + edge[1]
)
times = (st.integers(-(10**15), 4 * 10**15) | edges | st.sampled_from([-1, 0, 1])).map(
    lambda since: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=since)
)
few_texts = st.sampled_from(["", " ", "a", "A", "ä", "a\u0308", "\t\\N", "€\U0001f600"])  # of which rows share some
json_texts = st.sampled_from(["{}", '{"a": [1, 2.50, null, "ä\\u0041"]}', '{"": "€"}', "[]", '"x"', "-0.0"])
small, large = st.integers(-(2**15), 2**15 - 1), st.integers(-(2**63), 2**63 - 1)
bodies = st.fixed_dictionaries(
    {
        "occurred_at": times,
        "received_at": times,
        "day": st.dates(date(1970, 1, 1), date(2100, 1, 1)),
        "event_id": st.uuids(),
        "fingerprint": large | st.sampled_from([0, 1]),
        **dict.fromkeys(("severity", "adjustments", "redactions"), small),
        "message": texts,
        "service": texts | few_texts,
        **dict.fromkeys(("environment", "release"), st.none() | texts | few_texts),
        **dict.fromkeys(("error_type", "client_fingerprint", "stack_trace"), st.none() | texts),
        **dict.fromkeys(("context", "tags"), st.none() | json_texts),
    }
)
DELTAS = """
SELECT project_id, bucket, fingerprint, service, severity, environment, release, count, first_seen, last_seen,
       traceparent, written_at > now() - interval '1 minute' AS is_new
FROM deltas ORDER BY 1, 2, 3, 4, 5, 6, 7
"""
STORED = f"SELECT {COLUMNS} FROM errors ORDER BY project_id, day, event_id"  # noqa: S608 - our columns


async def look(connection: Any, store: Any) -> tuple[list[Any], list[Any]]:
    """What stands in errors and deltas after this, which is taken back."""
    transaction = connection.transaction()
    await transaction.start()
    await store
    stood = await connection.fetch(STORED), await connection.fetch(DELTAS)
    await transaction.rollback()
    return stood


async def store_each(connection: Any, rows: list[ErrorRow]) -> None:
    for row in rows:
        await store_one(connection, row)


def add_up(deltas: list[Any]) -> list[Any]:
    """What deltas say of each thing that is counted apart, however many say it."""
    sums: dict[Any, Any] = {}
    for delta in deltas:
        key, count, first, last, others = (
            tuple(delta[:7]),
            delta["count"],
            delta["first_seen"],
            delta["last_seen"],
            tuple(delta[10:]),
        )
        known = sums.get(key, (0, first, last, others))
        sums[key] = (known[0] + count, min(known[1], first), max(known[2], last), others)
    return sorted(sums.items(), key=repr)


def test_rows_that_are_new_stand_and_count_alike_by_copy_and_by_either_statement(database_url: str) -> None:
    project_id = uuid4()

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(bodies, min_size=1, max_size=30, unique_by=lambda body: body["event_id"]))
    def compare(sent: list[dict[str, Any]]) -> None:
        rows = [ErrorRow(project_id=project_id, look_back=None, **body) for body in sent]
        stored = runner.run(look(connection, store_what_is_new(connection, rows)))
        assert runner.run(look(connection, copy_new(Scheduler(), connection, rows))) == stored
        assert runner.run(look(connection, insert_new(connection, rows))) == stored
        each = runner.run(look(connection, store_each(connection, rows)))
        assert (each[0], add_up(each[1])) == (stored[0], add_up(stored[1]))
        assert (len(stored[0]), sum(delta["count"] for delta in stored[1])) == (len(rows), len(rows))

    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(database_url))
        compare()
        runner.run(connection.close())


def test_context_and_tags_are_texts_that_postgres_takes_for_json(database_url: str) -> None:
    """Nobody looks at them again until they are read, by GET and by the worker, whose run one that is none would end."""

    def look_at(errors: bytes) -> None:
        for form in (ERRORS, NO_PLAIN):
            rows = [make_row(error, FRAME) for error in parse_batch(b'{"errors":[%s]}' % errors, form, SETTINGS).items]
            texts = [text for row in rows for text in (row.context, row.tags) if text]
            kinds = runner.run(connection.fetch("SELECT jsonb_typeof(t::jsonb) FROM unnest($1::text[]) t", texts))
            assert {kind for (kind,) in kinds} <= {"object"}

    @settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(ERRORS_SENT)
    def look_at_any(error: dict[str, Any]) -> None:
        look_at(json.dumps(error).encode())

    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(database_url))
        look_at_any()
        for poison in (*STORABLE.values(), *REFUSED.values()):
            look_at(poison)
        runner.run(connection.close())
