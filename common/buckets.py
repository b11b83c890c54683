"""The bucket that errors are counted in: five minutes, on the clock of UTC. The writer counts by it, the worker sums by it
and windows begin on its edge. Pure."""

from datetime import datetime, timedelta

BUCKET_MINUTES = 5
BUCKET = timedelta(minutes=BUCKET_MINUTES)
# As a number, buckets are counted from 2000 on, as Postgres counts time: in either direction, from its midnight.
BUCKET_MICROSECONDS = BUCKET_MINUTES * 60_000_000
# Hours that rollups stay so fine, after which they are an hour wide: all windows but the longest begin within them.
FINE_HOURS = 48


def bucket_sql(moment: str) -> str:
    """The start of the bucket that a moment is in; `moment` is an expression of SQL of the type timestamptz."""
    return f"date_bin('{BUCKET_MINUTES} minutes', {moment}, '2000-01-01Z')"


def start_of_bucket(moment: datetime) -> datetime:
    return moment.replace(minute=moment.minute // BUCKET_MINUTES * BUCKET_MINUTES, second=0, microsecond=0)


def next_bucket(moment: datetime) -> datetime:
    """The start of the first bucket that begins after the moment: what is counted from it is never older."""
    return start_of_bucket(moment) + BUCKET
