"""One chaos run from its start to its report, in the long or the short form."""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cli.migrate import upgrade
from tests.chaos import faults_disk, faults_postgres, faults_programs, faults_schema, overload
from tests.chaos.controls import acknowledge_before_commit, store_without_key
from tests.chaos.faults_redis import redis_faults
from tests.chaos.journal import Verdict
from tests.chaos.promises import Fault, Outcome, run_fault
from tests.chaos.stack import Stack, run_stack
from tests.chaos.stores import Stores

LONG_REDIS_SECONDS = 60.0


@dataclass(slots=True)
class Report:
    """All that one run found."""

    outcomes: list[Outcome] = field(default_factory=list)
    verdict: Verdict = field(default_factory=lambda: Verdict(0, 0, 0, 0, 0, 0))
    wrong_sums: list[str] = field(default_factory=list)
    controls: dict[str, Verdict] = field(default_factory=dict)
    memory_bytes: int = 0
    seconds: float = 0.0

    @property
    def faults(self) -> int:
        return sum(outcome.times for outcome in self.outcomes)

    @property
    def problems(self) -> list[str]:
        """Everything that is not as promised, in a sentence each."""
        found = [f"{outcome.fault}: {problem}" for outcome in self.outcomes for problem in outcome.problems]
        found += [] if self.verdict.is_clean else [f"the set test: {self.verdict}"]
        found += self.wrong_sums
        return found + [f"the control passed: {name}: {v}" for name, v in self.controls.items() if v.is_clean]


def long_faults() -> tuple[Fault, ...]:
    return (
        *faults_postgres.FAULTS,
        *faults_programs.FAULTS,
        *faults_schema.FAULTS,
        *redis_faults(LONG_REDIS_SECONDS),
        *overload.FAULTS,
    )


async def break_all(
    stack: Stack,
    faults: Sequence[Fault],
    report: Report,
    say: Callable[[str], None],
    *,
    once: bool = False,
    until: float = math.inf,
) -> None:
    """Each fault under traffic, none begun after `until` (monotonic), then the set test and the sums."""
    async with stack.traffic(senders=6, batch_size=60):
        await asyncio.sleep(1)
        for fault in faults:
            outcome = await run_fault(fault, stack, 1 if once else fault.times, until)
            report.outcomes.append(outcome)
            report.memory_bytes = max([report.memory_bytes, *(api.memory_bytes() for api in stack.apis)])
            say(describe(outcome))
    report.verdict += await stack.verdict()
    report.wrong_sums += await stack.find_wrong_sums()


async def run_controls(stores: Stores, folder: Path, report: Report, say: Callable[[str], None]) -> None:
    """The two that must fail, each on a database of its own."""
    controls = {
        "acknowledged before the commit": acknowledge_before_commit,
        "no unique key": store_without_key,
    }
    for number, (name, control) in enumerate(controls.items()):
        database = f"control{number}"
        await stores.sql(f"CREATE DATABASE {database}")
        await asyncio.to_thread(upgrade, stores.direct_url(database))
        report.controls[name] = await control(stores, folder, database)
        say(f"control, {name}: {report.controls[name]}")


async def run_long(folder: Path, say: Callable[[str], None], seconds: float) -> Report:
    """Every fault as often as the table says, full disks on a stack of their own, and the controls. After so many
    seconds no fault is begun any more."""
    report, started = Report(), time.monotonic()
    (folder / "main").mkdir(mode=0o711)
    async with run_stack(folder / "main") as stack:
        await break_all(stack, long_faults(), report, say, until=started + seconds)
        await run_controls(stack.stores, folder / "main", report, say)
    if missing := faults_disk.lacks_mounts():
        report.outcomes += [Outcome(fault.name, skipped=missing) for fault in faults_disk.FAULTS]
    else:
        (folder / "full").mkdir(mode=0o711)
        async with faults_disk.run_on_small_disks(folder / "full") as stack:
            await break_all(stack, faults_disk.FAULTS, report, say, until=started + seconds)
    report.seconds = time.monotonic() - started
    return report


def describe(outcome: Outcome) -> str:
    """A fault in a line, with what was not as promised below it."""
    if outcome.skipped:
        return f"{outcome.fault}: skipped, {outcome.skipped}"
    line = (
        f"{outcome.fault}: {outcome.times} times, {outcome.answers} answers, {outcome.refused} refused, "
        f"{outcome.broken} broken, slowest {outcome.slowest_seconds:.2f} s, first write after "
        f"{outcome.recovery_seconds:.2f} s {outcome.figures[-1:] or ''}"
    )
    return "\n".join([line, *(f"  NOT AS PROMISED: {problem}" for problem in outcome.problems[:5])])
