"""What a mute covers."""

from uuid import UUID

import pytest

from common.alerts.mutes import Mute
from tests.common.alerts.making import change, named

RULE, CHANNEL = named("rule"), named("channel")


@pytest.mark.parametrize(
    ("mute", "covers"),
    [
        (Mute(), True),
        (Mute(subject_id=named("a")), True),
        (Mute(subject_id=named("b")), False),
        (Mute(subject_id=named("i")), True),
        (Mute(rule_id=RULE), True),
        (Mute(rule_id=CHANNEL), False),
        (Mute(channel_id=CHANNEL), True),
        (Mute(subject_id=named("a"), rule_id=CHANNEL), False),
        (Mute(subject_id=named("a"), channel_id=UUID(int=1)), False),
    ],
)
def test_a_mute_covers_what_meets_all_that_it_says(mute: Mute, covers: bool) -> None:
    assert mute.covers(RULE, CHANNEL, change(of="a", facts={"incident": str(named("i"))})) is covers
