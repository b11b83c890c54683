"""How far a standby is behind follows from the primary's log; one that is too far behind is not asked."""

import inspect
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.access.shares import Shares, gate_of
from api.app import CATALOGUE
from api.reads.replica import UNKNOWN, Places, Replica
from common.database import make_engine
from common.settings import Settings


def test_a_standby_is_behind_since_the_first_place_that_it_has_not_reached() -> None:
    places = Places()
    for second, written in enumerate((100, 200, 300)):
        places.note(float(second), written)
    assert places.behind(10.0, 250) == 8.0
    assert places.behind(11.0, 299) == 9.0
    assert places.behind(12.0, 300) == 0.0


def test_where_nothing_is_written_nothing_is_missing() -> None:
    places = Places()
    for second in range(5):
        places.note(float(second), 100)
    assert places.behind(9.0, 99) == 9.0
    assert places.behind(9.0, 100) == 0.0
    assert places.behind(99.0, 100) == 0.0


@given(st.lists(st.integers(0, 50), max_size=40), st.lists(st.integers(0, 50), max_size=40))
def test_what_is_said_is_never_less_than_it_is(steps: list[int], reached: list[int]) -> None:
    """Against the definition: the first moment at which the primary had what the standby has not yet."""
    places, written, all_places, replayed = Places(), 0, list[tuple[float, int]](), 0
    for now, (step, reach) in enumerate(zip(steps, reached, strict=False)):
        written += step
        all_places.append((float(now), written))
        places.note(float(now), written)
        replayed = max(replayed, min(written, replayed + reach))
        missing = [at for at, place in all_places if place > replayed]
        assert places.behind(float(now), replayed) == (now - missing[0] if missing else 0.0)


@pytest.mark.parametrize(("behind", "is_asked"), [(UNKNOWN, False), (5.1, False), (5.0, True), (0.0, True)])
async def test_one_that_is_too_far_behind_is_not_asked(settings: Settings, behind: float, is_asked: bool) -> None:
    engine = make_engine(settings, "test")
    replica = Replica(Shares(engine, gate_of(2)), engine, 5.0, behind)
    assert (replica.of(uuid4()) is not None) is is_asked
    await engine.dispose()


async def test_one_that_does_not_answer_is_as_far_behind_as_can_be(settings: Settings) -> None:
    primary = make_engine(settings, "test")
    gone = make_engine(settings.model_copy(update={"database_url": "postgresql://mayday@127.0.0.1:1/none"}), "test")
    replica = Replica(Shares(gone, gate_of(2)), primary, 5.0)
    assert await replica.look() == UNKNOWN
    itself = Replica(Shares(primary, gate_of(2)), primary, 5.0)
    assert await itself.look() == 0.0
    await primary.dispose()
    await gone.dispose()


def test_what_a_cache_keeps_is_never_made_of_a_standby() -> None:
    """It would stay as old as it was."""
    for read in (read for read in CATALOGUE if read.question is not None):
        assert "looking_back" not in inspect.getsource(read.build), read.operation
