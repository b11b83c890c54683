"""Hard stops: a check holds an estimate until it is settled or expires. The only writer of `reservations`.

Checks of one budget are decided under a lock on its row, so that all that is held and spent together stays within the
limit. Those that wait in one process are decided together, in one transaction: ten thousand callers at once cost a few.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from uuid import UUID

import structlog
import uuid_utils.compat
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.access.shares import Shares
from api.http.problems import Busy, NotFound, Overloaded, Unavailable
from common.budgets.spend import FIND_BUDGET, Budget, sum_spend
from common.database.clock import CLOCK

log = structlog.get_logger()

MAX_WAITING = 20_000
NO_BUDGET = "there is no budget with this id in this project"

ONE_BUDGET = FIND_BUDGET.text
# The budget, and nobody else decides on it until the transaction ends.
LOCK_BUDGET = text(f"{ONE_BUDGET} FOR NO KEY UPDATE")
# What is held by checks that are neither settled nor expired.
SUM_HELD = text(
    """
    SELECT coalesce(sum(amount), 0) FROM reservations
    WHERE project_id = :project_id AND budget_id = :budget_id AND expires_at > clock_timestamp() AND settled_at IS NULL
    """
)
# Hold amounts.
RESERVE = text(
    """
    INSERT INTO reservations (project_id, budget_id, reservation_id, amount, made_at, expires_at)
    SELECT :project_id, :budget_id, held.id, held.amount, clock_timestamp(),
           clock_timestamp() + make_interval(secs => held.seconds)
    FROM unnest(CAST(:ids AS uuid[]), CAST(:amounts AS numeric[]), CAST(:seconds AS float8[]))
        AS held (id, amount, seconds)
    RETURNING reservation_id, expires_at
    """
)
# Forget those that expired a day ago.
FORGET_EXPIRED = text(
    """
    DELETE FROM reservations
    WHERE project_id = :project_id AND budget_id = :budget_id AND expires_at < clock_timestamp() - interval '1 day'
    """
)
# End a reservation: the usage that it stood for was posted.
SETTLE = text(
    """
    UPDATE reservations SET settled_at = clock_timestamp()
    WHERE project_id = :project_id AND budget_id = :budget_id AND reservation_id = :reservation_id
      AND settled_at IS NULL
    RETURNING reservation_id
    """
)
# Whether there is such a reservation.
FIND_RESERVATION = text(
    """
    SELECT true FROM reservations
    WHERE project_id = :project_id AND budget_id = :budget_id AND reservation_id = :reservation_id
    """
)

BudgetKey = tuple[UUID, UUID]


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of a check; no id where it was refused. Amounts are in the budget's metric."""

    reservation_id: UUID | None
    expires_at: datetime | None
    used: Decimal
    reserved: Decimal
    budget: Budget


@dataclass(slots=True, eq=False)
class Ask:
    """One check that waits."""

    estimate: Decimal
    seconds: int
    done: "asyncio.Future[Decision]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Checks:
    """The checks of this process: of each budget those that wait are decided together, one batch after another."""

    def __init__(self, shares: Shares) -> None:
        self.shares = shares
        self.waiting: dict[BudgetKey, list[Ask]] = defaultdict(list)
        self.tasks: dict[BudgetKey, asyncio.Task[None]] = {}

    async def check(self, project_id: UUID, budget_id: UUID, estimate: Decimal, seconds: int) -> Decision:
        """Decide on an estimate. Raises NotFound, Overloaded, Unavailable."""
        key = (project_id, budget_id)
        if len(self.waiting[key]) >= MAX_WAITING:
            raise Overloaded("more checks are waiting than can be decided: send this again in a moment")
        ask = Ask(estimate, seconds)
        self.waiting[key].append(ask)
        if key not in self.tasks:
            self.tasks[key] = asyncio.create_task(self.run(key), name="checks")
        return await ask.done

    async def run(self, key: BudgetKey) -> None:
        """Decide until nobody waits for this budget."""
        try:
            while asks := self.waiting.pop(key, None):
                await self.decide(key, asks)
        finally:
            del self.tasks[key]

    async def decide(self, key: BudgetKey, asks: Sequence[Ask]) -> None:
        try:
            async with self.shares.of(key[0]).begin() as connection:
                decisions = await decide(connection, key, asks)
        except (NotFound, Busy) as error:
            fail(asks, error)
        except Exception:
            log.exception("checks_failed")
            fail(asks, Unavailable("this could not be decided now: send it again"))
        else:
            for ask, decision in zip(asks, decisions, strict=True):
                if not ask.done.done():
                    ask.done.set_result(decision)


def fail(asks: Sequence[Ask], error: Exception) -> None:
    for ask in asks:
        if not ask.done.done():
            ask.done.set_exception(error)


async def decide(connection: AsyncConnection, key: BudgetKey, asks: Sequence[Ask]) -> list[Decision]:
    """A decision for each check in turn, in the caller's transaction. Raises NotFound."""
    values = {"project_id": key[0], "budget_id": key[1]}
    row = (await connection.execute(LOCK_BUDGET, values)).first()
    if row is None:
        raise NotFound(NO_BUDGET)
    budget = Budget.read(row)
    used = Decimal((await sum_spend(connection, budget, budget.period_at(CLOCK.now()))).of(budget.metric))
    held = Decimal(await connection.scalar(SUM_HELD, values) or 0)
    granted: list[tuple[UUID | None, Decimal]] = []
    amounts = [as_held(ask.estimate, budget) for ask in asks]
    for amount in amounts:
        is_allowed = used + held + amount <= budget.limit
        held += amount if is_allowed else 0
        granted.append((uuid_utils.compat.uuid7() if is_allowed else None, held))
    wanted = [
        (i, amount, ask.seconds) for (i, _), amount, ask in zip(granted, amounts, asks, strict=True) if i is not None
    ]
    expiries = await reserve(connection, values, wanted)
    return [Decision(i, expiries[i] if i else None, used, reserved, budget) for i, reserved in granted]


def as_held(estimate: Decimal, budget: Budget) -> Decimal:
    """What an estimate holds: tokens are whole, and a part of one is a token."""
    return estimate.to_integral_value(ROUND_CEILING) if budget.metric == "tokens" else estimate


async def reserve(
    connection: AsyncConnection, values: dict[str, UUID], held: Sequence[tuple[UUID, Decimal, int]]
) -> dict[UUID, datetime]:
    """Hold amounts for some seconds, each by its id; when each expires."""
    if not held:
        return {}
    await connection.execute(FORGET_EXPIRED, values)
    columns = {
        "ids": [reservation_id for reservation_id, _, _ in held],
        "amounts": [amount for _, amount, _ in held],
        "seconds": [float(seconds) for _, _, seconds in held],
    }
    return {row.reservation_id: row.expires_at for row in await connection.execute(RESERVE, values | columns)}


async def settle(connection: AsyncConnection, project_id: UUID, budget_id: UUID, reservation_id: UUID) -> bool:
    """End a reservation; False when it was over before. Raises NotFound."""
    values = {"project_id": project_id, "budget_id": budget_id, "reservation_id": reservation_id}
    if await connection.scalar(SETTLE, values) is not None:
        return True
    if await connection.scalar(FIND_RESERVATION, values) is None:
        raise NotFound("there is no reservation with this id on this budget: it may have expired a day ago")
    return False
