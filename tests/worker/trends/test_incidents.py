"""What is joined to one incident, and what is not though it begins at the same minute."""

from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from worker.trends.incidents import Incident, Onset, find_incidents, find_words

NOON = datetime(2026, 3, 18, 12, 0, tzinfo=UTC)


def onset(pattern: str, title: str, service: str, minutes: float = 0, traces: str = "") -> Onset:
    return Onset(pattern, title, frozenset({service}), NOON + timedelta(minutes=minutes), frozenset(traces.split()))


def test_two_services_that_name_one_thing_are_one_incident() -> None:
    found = find_incidents(
        [
            onset("b", "TimeoutError: cart could not reach orders-db", "cart", 2),
            onset("a", "connection to orders-db refused", "orders", 0),
        ]
    )
    assert found == [Incident(("a", "b"), ("cart", "orders"), NOON, ("orders-db",))]


def test_a_shared_trace_joins_whatever_the_titles_say() -> None:
    found = find_incidents(
        [
            onset("a", "disk full", "store", 0, "4bf92f3577b34da6"),
            onset("b", "checkout gave up", "shop", 1, "4bf92f3577b34da6"),
        ]
    )
    assert [(one.patterns, one.shared) for one in found] == [(("a", "b"), ("trace",))]


def test_time_alone_joins_nothing() -> None:
    assert (
        find_incidents([onset("a", "disk quota reached", "store"), onset("b", "invoice without lines", "bills")]) == []
    )


def test_words_that_all_errors_use_join_nothing() -> None:
    one, other = "TimeoutError: request failed with status <num>", "TimeoutError: request failed: connection closed"
    assert find_incidents([onset("a", one, "shop"), onset("b", other, "bills")]) == []


def test_one_plain_word_is_too_little_and_two_are_enough() -> None:
    one, other = onset("a", "invoice rendering failed", "bills"), onset("b", "invoice upload failed", "files")
    assert find_incidents([one, other]) == []
    both = onset("c", "rendering of invoice failed", "files")
    assert [found.shared for found in find_incidents([one, both])] == [("invoice", "rendering")]


def test_one_service_alone_is_no_incident() -> None:
    assert find_incidents([onset("a", "orders-db gone", "shop"), onset("b", "lost orders-db", "shop")]) == []


def test_what_begins_six_minutes_later_is_another_matter() -> None:
    assert find_incidents([onset("a", "orders-db gone", "shop"), onset("b", "lost orders-db", "cart", 6)]) == []


def test_links_carry_on_from_pattern_to_pattern() -> None:
    chain = [
        onset("a", "orders-db gone", "shop"),
        onset("b", "orders-db and mail-relay gone", "cart", 4),
        onset("c", "no mail-relay", "post", 8),
    ]
    assert [found.patterns for found in find_incidents(chain)] == [("a", "b", "c")]


def test_a_name_that_the_project_uses_everywhere_is_no_evidence() -> None:
    pair = [onset("a", "acme-prod: disk gone", "shop"), onset("b", "acme-prod: no lease", "cart")]
    assert len(find_incidents(pair)) == 1
    assert find_incidents(pair, titles=[f"acme-prod: kind {number}" for number in range(21)]) == []


def test_a_trace_id_that_everyone_sends_is_no_evidence() -> None:
    same = [onset(f"p{number:02}", "gone", f"service {number}", 0, "00000000 constant") for number in range(21)]
    assert find_incidents(same) == []
    assert find_incidents([onset("a", "gone", "x", 0, "0000-0000"), onset("b", "gone", "y", 0, "0000-0000")]) == []


def test_words_leave_out_masks_numbers_and_small_talk() -> None:
    assert find_words("PaymentGateway: Retry <num> of the charge 12345 failed at eu-west-1.") == {
        "PaymentGateway",
        "charge",
        "eu-west-1",
    }


titles = st.lists(st.sampled_from(["orders-db", "charge", "invoice", "PaymentGateway", "failed"]), max_size=3)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            titles, st.sets(st.sampled_from("abc"), max_size=2), st.integers(0, 15), st.sets(st.sampled_from("xyz"))
        ),
        max_size=9,
    ),
    st.randoms(use_true_random=False),
)
def test_the_order_does_not_matter_and_no_pattern_is_in_two_incidents(
    drawn: list[tuple[list[str], set[str], int, set[str]]], random: Random
) -> None:
    onsets = [
        Onset(str(number), " ".join(words), frozenset(services), NOON + timedelta(minutes=minutes), frozenset(traces))
        for number, (words, services, minutes, traces) in enumerate(drawn)
    ]
    found = find_incidents(onsets)
    random.shuffle(onsets)
    assert find_incidents(onsets) == found
    patterns = [pattern for one in found for pattern in one.patterns]
    assert len(patterns) == len(set(patterns))
    assert all(len(one.services) > 1 and one.shared for one in found)
