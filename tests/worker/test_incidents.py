"""Incidents: what begins together in different services and has something in common, and nothing else."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from worker.incidents import Start, find_incidents

PROJECT = uuid4()
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def start(title: str, service: str, minutes: float = 0, **others: object) -> Start:
    return Start(uuid4(), NOON + timedelta(minutes=minutes), title, frozenset([service]), **others)  # type: ignore[arg-type]


def find(*starts: Start, titles: tuple[str, ...] = ()) -> list[set[Start]]:
    found = find_incidents(starts, [*(one.title for one in starts), *titles], PROJECT)
    return [
        {one for one in starts if found.get(one.pattern_id) == incident} for incident in sorted(set(found.values()))
    ]


def test_one_cause_in_two_services_is_one_incident() -> None:
    db = start("PostgresDown: cannot connect to ledger", "ledger")
    shop = start("payment failed: ledger unavailable", "shop", 2)
    assert find(db, shop) == [{db, shop}]


def test_a_shared_trace_joins_without_a_shared_word() -> None:
    one = start("timeout", "a", trace_ids=frozenset(["t1"]))
    other = start("queue is full", "b", trace_ids=frozenset(["t1", "t2"]))
    assert find(one, other) == [{one, other}]


def test_what_only_happens_at_the_same_time_stays_apart() -> None:
    assert find(start("disk full", "a"), start("user not found", "b")) == []


def test_what_begins_later_stays_apart() -> None:
    assert find(start("ledger down", "a"), start("ledger down", "b", 6)) == []


def test_two_failures_of_one_service_join_only_through_another() -> None:
    one, two = start("ledger down", "a"), start("ledger slow", "a")
    assert find(one, two) == []
    other = start("no ledger", "b", 1)
    assert find(one, two, other) == [{one, two, other}]


def test_words_that_many_titles_have_join_nothing() -> None:
    common = tuple(f"request failed in handler {n}" for n in range(300))
    assert find(start("request failed", "a"), start("request failed", "b"), titles=common) == []


def test_an_incident_keeps_its_id_while_a_pattern_is_in_it() -> None:
    incident = uuid4()
    one = start("ledger down", "a", incident_id=incident)
    other = start("no ledger", "b")
    assert set(find_incidents([one, other], [one.title, other.title], PROJECT).values()) == {incident}


@given(st.permutations(range(6)))
def test_the_order_of_the_input_does_not_matter(order: list[int]) -> None:
    starts = [
        Start(UUID(int=n), NOON + timedelta(minutes=n), f"word{n // 2} broke", frozenset([f"s{n}"])) for n in range(6)
    ]
    titles = [one.title for one in starts]
    assert find_incidents([starts[n] for n in order], titles, PROJECT) == find_incidents(starts, titles, PROJECT)
