"""One call that is told of more than once: streams report its tokens as they grow, and a retry says the same again.

Of several the one with the most tokens counts, whatever the order in which they come: a stream's last report has all that
the earlier ones have.
"""

from collections.abc import Sequence

from api.storing.flusher import Outcome
from api.storing.rows import UsageRow

SAME_CALL = ("team", "agent", "sums_as", "deliverable")
AMOUNTS = (
    "input_tokens", "cached_tokens", "cache_write_tokens", "cache_write_1h_tokens", "output_tokens", "reasoning_tokens",
    "processing", "reported_usd",
)  # fmt: skip


def choose_rows(rows: Sequence[UsageRow]) -> tuple[list[int], dict[int, Outcome]]:
    """Which rows of one flush are stored, in their order, and what became of the others, by their places: of those with one
    key, the last that has the most tokens."""
    chosen: dict[tuple[object, str], int] = {}
    others: dict[int, Outcome] = {}
    for place, row in enumerate(rows):
        key = (row.project_id, row.event_key)
        before = chosen.get(key)
        if before is None:
            chosen[key] = place
        elif judge_again(rows[before], row) is Outcome.replaced:
            others[before] = Outcome.differs
            chosen[key] = place
        else:
            others[place] = judge_again(rows[before], row)
    return sorted(chosen.values()), others


def judge_again(stored: UsageRow, sent: UsageRow) -> Outcome:
    """What becomes of a record whose key is stored: `replaced` where it is the same call further on, `duplicate` where it
    says the same, else `differs`."""
    if all(getattr(stored, name) == getattr(sent, name) for name in (*SAME_CALL, *AMOUNTS)) and is_same_detail(
        stored, sent
    ):
        return Outcome.duplicate
    is_same_call = all(getattr(stored, name) == getattr(sent, name) for name in SAME_CALL)
    return Outcome.replaced if is_same_call and count(sent) > count(stored) else Outcome.differs


def is_same_detail(stored: UsageRow, sent: UsageRow) -> bool:
    """Whether both have the same amounts beyond tokens; what was understood of them may have changed since."""
    if stored.details == sent.details:
        return True
    one, other = stored.known_details, sent.known_details
    return (one and one.extras) == (other and other.extras)


def count(row: UsageRow) -> int:
    return row.input_tokens + row.output_tokens
