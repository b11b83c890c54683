"""What a UUIDv7 says: when it was made (RFC 9562, 5.7). Pure."""

from datetime import UTC, datetime
from uuid import UUID


def time_of_uuid7(made: UUID) -> datetime | None:
    """The millisecond that it was made in, in UTC; None for ids of other versions and for times after the year 9999."""
    if made.version != 7:
        return None
    try:
        return datetime.fromtimestamp((made.int >> 80) / 1000, UTC)
    except (OverflowError, ValueError):
        return None
