"""The bucket has one meaning, whether Postgres, the writer's encoder or the windows ask for it."""

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
from hypothesis import given, settings
from hypothesis import strategies as st

from api.storing.copy_format import to_microseconds
from common.buckets import BUCKET, BUCKET_MICROSECONDS, bucket_sql, next_bucket, start_of_bucket

ASK = f"SELECT {bucket_sql('$1::timestamptz')}"
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
moments = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the zone is the third
edges = st.integers(-(10**6), 10**7).map(lambda number: EPOCH + number * BUCKET)


def test_postgres_encoder_and_windows_agree_on_the_bucket_of_any_moment(database_url: str) -> None:
    @settings(max_examples=200)
    @given(moments | edges, st.sampled_from([-1, 0, 1]))
    def compare(moment: datetime, beside: int) -> None:
        at = moment + timedelta(microseconds=beside)
        start = start_of_bucket(at)
        assert runner.run(connection.fetchval(ASK, at)) == start
        assert to_microseconds(at) // BUCKET_MICROSECONDS * BUCKET_MICROSECONDS == to_microseconds(start)
        assert start <= at < next_bucket(at) == start + BUCKET

    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(database_url))
        compare()
        runner.run(connection.close())
