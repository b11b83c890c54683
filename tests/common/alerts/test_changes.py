"""What ends with what, and which of two changes is the worse one."""

import pytest

from tests.common.alerts.making import change, named


@pytest.mark.parametrize(
    ("end", "facts", "told", "is_over"),
    [
        ("over", {"of": "trend"}, "spiking", True),
        ("over", {"of": "trend"}, "new", False),
        ("over", {"of": "incident"}, "incident", True),
        ("resolved", {}, "new", True),
        ("resolved", {}, "incident", False),
        ("spiking", {}, "new", False),
        ("over", {}, "spiking", False),
    ],
)
def test_an_end_ends_what_it_is_the_end_of(end: str, facts: dict[str, str], told: str, is_over: bool) -> None:
    assert change(end, facts=facts).ends(told) is is_over


def test_a_spike_is_worse_than_a_rise_and_a_budget_by_its_percent() -> None:
    assert change("spiking").rank() > change("new").rank() > change("rising").rank()
    low, high = (change("crossed", subject="budget", percent=percent) for percent in (80, 100))
    assert high.rank() > low.rank()


def test_an_incident_is_its_own_and_a_pattern_is_of_the_one_that_it_says() -> None:
    assert change("incident", of="i", subject="incident").incident_id == str(named("i"))
    assert change("spiking", incident=str(named("i"))).incident_id == str(named("i"))
    assert change("spiking").incident_id is None
