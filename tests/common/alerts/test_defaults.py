"""The rules that are there from the start."""

from common.alerts.defaults import DEFAULT_RULES
from common.alerts.rules import Trigger


def test_they_tell_of_each_kind_of_trouble_and_the_throttle_of_none_is_off_by_chance() -> None:
    words = {one if isinstance(one, str) else "budget" for terms in DEFAULT_RULES.values() for one in terms.when}
    assert {
        "new",
        "regressed",
        "spiking",
        "incident",
        "budget",
        "silent",
        "worker_late",
        "disk",
        "undelivered",
    } <= words
    assert all(
        terms.throttle_minutes or any(isinstance(one, Trigger) for one in terms.when)
        for terms in DEFAULT_RULES.values()
    )
