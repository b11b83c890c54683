"""A process that contends with others for one budget: it says ready, waits for a line, and prints what it won.

`python -m tests.fleet.contenders crossings|checks PROJECT_ID BUDGET_ID`, with the stores in the environment.
"""

import asyncio
import json
import sys
from decimal import Decimal
from uuid import UUID

from api.access.shares import Shares, gate_of
from api.spending.reservations import Checks
from common.cache import Cache
from common.database import make_engine
from common.settings import Settings
from tests.worker.running import keep_budgets
from worker.jobs import Tools

CHECKS, AT_ONCE, ESTIMATE = 5_000, 250, 10


async def record_until_told(tools: Tools) -> dict[str, int]:
    """Look for crossings without the job's guard, over and over until standard input ends; what was recorded here."""
    won = {"crossings": 0, "failed": 0}
    told = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    while not told.done():
        counts = await keep_budgets(tools)
        won = {name: won[name] + counts[name] for name in won}
    return won


async def check_all(tools: Tools, project_id: UUID, budget_id: UUID) -> dict[str, int]:
    """Ask for all checks, some at once; how many were allowed here."""
    checks, allowed = Checks(Shares(tools.engine, gate_of(2))), 0
    for _ in range(CHECKS // AT_ONCE):
        asked = [checks.check(project_id, budget_id, Decimal(ESTIMATE), 600) for _ in range(AT_ONCE)]
        allowed += sum(decision.reservation_id is not None for decision in await asyncio.gather(*asked))
    return {"allowed": allowed}


async def contend(what: str, project_id: UUID, budget_id: UUID) -> None:
    settings = Settings.load()
    engine, cache = make_engine(settings, "contender", pool_size=2), Cache.connect(settings)
    tools = Tools(engine, cache, settings)
    async with engine.connect():
        sys.stdout.write("ready\n")
        sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.readline)
    won = await (record_until_told(tools) if what == "crossings" else check_all(tools, project_id, budget_id))
    sys.stdout.write(json.dumps(won) + "\n")
    await cache.close()
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(contend(sys.argv[1], UUID(sys.argv[2]), UUID(sys.argv[3])))
