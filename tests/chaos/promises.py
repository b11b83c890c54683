"""What a fault is, what is promised while it lasts, and how one is run under traffic and judged."""

import math
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from tests.chaos.journal import SLOWEST_SECONDS, Answer
from tests.chaos.programs import ProgramFailed
from tests.chaos.stack import Stack

RECOVERY_SECONDS = 5.0  # from a fault's end to the first write that is taken
PATIENCE_SECONDS = 30.0
REDIS_SECONDS = 1.0  # nothing is slower because of Redis


class FaultFailed(Exception):
    """The service did not do during a fault what it must; the text says what."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that breaks. `inject` breaks it, mends it, and gives figures of its own for the report ("" for none).

    `breaks_connections`: an API goes away, so clients see their connections break. `refuses`: 503 and 429 are fair.
    `slowest_seconds`: what no answer may exceed.
    `each`: how many things break in one injection. `times` is for the long run; the short one does each at most once.
    `missing` says why this machine cannot do it; empty when it can.
    """

    name: str
    inject: Callable[[Stack], Awaitable[str]]
    times: int = 1
    each: int = 1
    breaks_connections: bool = False
    refuses: bool = True
    slowest_seconds: float = SLOWEST_SECONDS
    missing: Callable[[], str] = str


@dataclass(slots=True)
class Outcome:
    """What was seen over all times that one fault was done."""

    fault: str
    times: int = 0
    answers: int = 0
    refused: int = 0
    broken: int = 0
    slowest_seconds: float = 0.0
    recovery_seconds: float = 0.0
    figures: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    skipped: str = ""


async def run_fault(fault: Fault, stack: Stack, times: int, until: float = math.inf) -> Outcome:
    """Do it so often, under the traffic that runs already; what was promised and not kept is in `problems`."""
    outcome = Outcome(fault.name, skipped=fault.missing())
    for done in range(0 if outcome.skipped else times):
        if time.monotonic() > until:
            outcome.skipped = "" if done else "not begun: the time that was given was over"
            break
        outcome.times += fault.each
        await run_once(fault, stack, outcome)
    return outcome


async def run_once(fault: Fault, stack: Stack, outcome: Outcome) -> None:
    started = time.monotonic()
    try:
        figure = await fault.inject(stack)
    except (FaultFailed, ProgramFailed) as error:
        figure = ""
        outcome.problems.append(str(error))
    mended = time.monotonic()
    recovered = await stack.first_taken(mended, PATIENCE_SECONDS)
    await stack.heal()
    await stack.journal.wait_for_answers(mended)  # or a refusal of this fault would count as one of the next
    answers = stack.journal.since(started)
    outcome.answers += len(answers)
    outcome.refused += sum(answer.is_fair_refusal for answer in answers)
    outcome.broken += sum(answer.status == 0 for answer in answers)
    outcome.slowest_seconds = max([outcome.slowest_seconds, *(answer.seconds for answer in answers)])
    outcome.recovery_seconds = max(outcome.recovery_seconds, PATIENCE_SECONDS if recovered is None else recovered)
    outcome.figures += [figure] if figure else []
    outcome.problems += find_broken_promises(fault, answers, recovered)


def find_broken_promises(fault: Fault, answers: Sequence[Answer], recovered: float | None) -> list[str]:
    """In a sentence each, what an answer or the recovery did not keep to."""
    problems = [problem for answer in answers if (problem := find_broken_promise(fault, answer))]
    if recovered is None:
        problems.append(f"no write was taken within {PATIENCE_SECONDS:.0f} s of the end")
    elif recovered > RECOVERY_SECONDS:
        problems.append(f"the first write was taken {recovered:.1f} s after the end")
    return problems


def find_broken_promise(fault: Fault, answer: Answer) -> str:
    told = f"{answer.kind} by {answer.api}"
    if answer.status == 0:
        return "" if fault.breaks_connections else f"{told} broke: {answer.detail}"
    if answer.seconds > fault.slowest_seconds:
        return f"{told} took {answer.seconds:.2f} s (status {answer.status})"
    if answer.is_taken or (answer.is_fair_refusal and fault.refuses):
        return ""
    return f"{told} was answered {answer.status}: {answer.detail}"
