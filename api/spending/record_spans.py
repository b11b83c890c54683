"""Usage records of a span, one after the other, for answers that no sum has: who is asked for, and how far the time goes."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field
from typing_extensions import TypeAliasType

from api.fields import Day, FilterText
from api.reads.parameters import FormQuery
from api.spending.usage_reads import at_midnight
from api.spending.usage_summary import DEFAULT_DAYS
from api.storing.rows import UsageRow
from api.storing.usage import read_records
from common.database.connections import Connects
from common.pricing import name_model

CHUNK_RECORDS = 5_000  # asked for at once: of a tenth as many each takes twice as long
TURN_RECORDS = 500  # looked at in one turn of the event loop
REQUEST_SHARE = 0.5  # of the time that a request may take
GroupWord = TypeAliasType("GroupWord", Literal["model", "team", "agent"])


class RecordsQuery(FormQuery):
    """Which records are looked at, and by what their sums are told."""

    since: Day | None = Field(None, description=f"First UTC day; {DEFAULT_DAYS} days before `until` if not said.")
    until: Day | None = Field(None, description="The UTC day after the last one; the end of today if not said.")
    team: FilterText | None = Field(None, description="Of this team only.")
    agent: FilterText | None = Field(None, description="Of this agent only.")
    model: FilterText | None = Field(None, description="Of this model only, in any spelling.")
    by: GroupWord = Field("model", description="What the sums are told by.")


class RecordSpan:
    """The records of a project from a day up to, not with, another, those that a query asks for.

    `done_until` is None when all were read, else the time of the last that was.
    """

    def __init__(self, project_id: UUID, query: RecordsQuery, days: tuple[date, date]) -> None:
        self.asked: dict[str, Any] = {
            "project_id": project_id,
            "since": at_midnight(days[0]),
            "until": at_midnight(days[1]),
            "team": query.team,
            "agent": query.agent,
            "model": None if query.model is None else name_model("", query.model),
        }
        self.done_until: datetime | None = None

    async def read(self, engine: Connects, max_seconds: float) -> AsyncIterator[Sequence[UsageRow]]:
        """In the order of time, as many as are looked at in one turn, as far as the time allows."""
        ends_at = time.monotonic() + max_seconds
        after: tuple[datetime, str] = (self.asked["since"], "")
        while True:
            async with engine.connect() as connection:
                rows = await read_records(connection, self.asked, after, limit=CHUNK_RECORDS, lock=False)
            for start in range(0, len(rows), TURN_RECORDS):
                yield rows[start : start + TURN_RECORDS]
                await asyncio.sleep(0)
            if len(rows) < CHUNK_RECORDS:
                return
            after = (rows[-1].occurred_at, rows[-1].event_key)
            if time.monotonic() > ends_at:
                self.done_until = after[0]
                return


def group_of(row: UsageRow, by: GroupWord) -> str:
    """The name under which a record is told."""
    return row.sums_as if by == "model" else getattr(row, by)
