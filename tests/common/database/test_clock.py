"""The database's clock as a process knows it: counted on from what was told, whatever the machine's own clock says."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from common.database.clock import Clock, ask_time
from tests.conftest import Service

TOLD = datetime(2026, 11, 29, 12, tzinfo=UTC).timestamp()
DAY_SECONDS = 86_400.0


@dataclass(slots=True)
class Machine:
    """Its steady clock, and its own one, that people set."""

    steady_seconds: float = 1_000.0
    off: float = 0.0

    def steady(self) -> float:
        return self.steady_seconds

    def own(self) -> float:
        return TOLD - 1_000.0 + self.steady_seconds + self.off


@pytest.mark.parametrize("days", [-40, 40, 1_200])
def test_a_process_whose_machine_is_days_off_knows_the_time_and_says_so(days: int) -> None:
    machine = Machine(off=days * DAY_SECONDS)
    clock = Clock(machine.steady, machine.own)
    assert (clock.is_known, clock.explain()) == (False, "")
    clock.learn(TOLD, 1_000.0, 1_000.0)
    machine.steady_seconds += 30
    assert clock.is_known
    assert clock.now() == datetime.fromtimestamp(TOLD + 30, UTC)
    assert f"{abs(days) * 86_400:,} s {'ahead of' if days > 0 else 'behind'}" in clock.explain()


def test_a_machine_whose_clock_is_set_meanwhile_goes_on_with_the_right_time() -> None:
    machine = Machine()
    clock = Clock(machine.steady, machine.own)
    clock.learn(TOLD, 1_000.0, 1_000.0)
    machine.off = -3 * DAY_SECONDS
    assert clock.now() == datetime.fromtimestamp(TOLD, UTC)
    assert "behind" in clock.explain()
    machine.off = 59.0
    assert clock.explain() == ""


def test_an_answer_that_took_long_does_not_move_a_clock_that_fits_into_it() -> None:
    machine = Machine()
    clock = Clock(machine.steady, machine.own)
    clock.learn(TOLD, 999.999, 1_000.001)
    clock.learn(TOLD + 9, 1_000.0, 1_010.0)
    assert clock.seconds() == pytest.approx(TOLD)
    clock.learn(TOLD + 4, 1_000.0, 1_000.0)  # the database's clock was set, or another one answers
    assert clock.seconds() == pytest.approx(TOLD + 4)


async def test_what_is_measured_is_the_clock_of_postgres(service: Service) -> None:
    clock = Clock()
    await clock.measure(service.tools.engine)
    async with service.tools.engine.connect() as connection:
        told = await ask_time(connection)
        assert abs((told - clock.now()).total_seconds()) < 2
