"""A preview says what was sent: days of a seeded history go through the real worker with rules armed, and what receivers got
is what the preview of each rule says for the same time.

Time passes by moving all that is stored into the past, by whole days: so hours of the day, which digests and quiet hours go
by, stay what they were. `./mayday test alerts` makes it a fortnight.
"""

import os
import random
from typing import Any

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import TIMESTAMP

from common.tables import metadata
from tests.conftest import Project, Service
from tests.flow.test_alerts import alerting, deliver, make_channel, make_rule
from tests.receiving import Receiver, receiving

__all__ = ["alerting"]
DAYS = int(os.environ.get("MAYDAY_TEST_REPLAY_DAYS", "3"))
ROUNDS = 2  # of a day
RULES: dict[str, dict[str, Any]] = {
    "new in production": {
        "when": ["new", "regressed"],
        "if": {"all": [{"environment": "production"}]},
        "gather_minutes": 10,
    },
    "spikes": {"when": ["spiking", "rising", "incident"], "throttle_minutes": 720},
    "all, once a day": {"when": ["new", "spiking"], "digest": {"at": "09:00", "timezone": "Europe/Berlin"}},
    "not at night": {"when": ["new"], "quiet": {"from": "20:00", "to": "08:00"}, "throttle_minutes": 0},
    "people": {"when": ["resolved"]},
}
# What stays where it is: which schema there is, and what errors are kept by, whose partitions are of days.
UNMOVED = {"errors", "early_days", "job_runs", "projects"}


async def pass_day(service: Service) -> None:
    """Move all times of all tables into the past: as if a day had gone by."""
    async with service.tools.engine.begin() as connection:
        for name, table in metadata.tables.items():
            times = [column.name for column in table.columns if isinstance(column.type, TIMESTAMP)]
            if name in UNMOVED or not times:  # projects: keys refer to them, and nothing asks for their age
                continue
            # a row may move to where another one is that has not moved yet: all of them at once
            moved = ", ".join(
                f"{column.name} - interval '24 hours' AS {column.name}" if column.name in times else column.name
                for column in table.columns
            )
            columns = ", ".join(column.name for column in table.columns)
            await connection.execute(text(f"CREATE TEMP TABLE moving ON COMMIT DROP AS SELECT {moved} FROM {name}"))  # noqa: S608
            await connection.execute(text(f"DELETE FROM {name}"))  # noqa: S608
            await connection.execute(text(f"INSERT INTO {name} ({columns}) SELECT * FROM moving"))  # noqa: S608
            await connection.execute(text("DROP TABLE moving"))


async def live_through(service: Service, project: Project) -> None:
    """What a project sends, in steps: some failures always, some new, some in bursts, some resolved and back."""
    dice = random.Random(20)
    words = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu"]
    known: list[str] = []
    for step in range(DAYS * ROUNDS):
        if len(known) < len(words):
            known.append(words[len(known)])
        for number, word in enumerate(known):
            count = dice.choice([0, 1, 3, 5]) * (30 if dice.random() < 0.15 else 1)
            place = dice.choice(["production", "production", "staging"])
            error = {
                "service": f"{words[number // 2]}-service",
                "severity": dice.choice(["error", "warning"]),
                "environment": place,
            }
            if count:
                await project.send(*[error | {"message": f"{word} is broken in orders-db"}] * count)
        await service.run_worker()
        await deliver(service)
        patterns = (await project.get("/api/errors/patterns", window="1h"))["patterns"]
        if patterns and step % 3 == 2:
            path = f"/api/errors/patterns/{dice.choice(patterns)['id']}"
            assert (await project.triage.patch(path, json={"state": "resolved"})).status_code == 200
        if step % ROUNDS == ROUNDS - 1:
            await pass_day(service)
            await deliver(service)
            # gathered messages have ids of their due time, which comes again where only the past is moved
            await service.execute("UPDATE notifications SET notification_id = gen_random_uuid() WHERE state <> 'due'")


async def test_what_receivers_got_is_what_the_preview_of_each_rule_says(alerting: Service) -> None:
    project = await alerting.project()
    await alerting.run_worker()
    hooks: dict[str, Receiver] = {}
    waited = set[str]()  # rules some of whose messages were gathered
    async with receiving() as one, receiving() as two, receiving() as three, receiving() as four, receiving() as five:
        for (name, rule), receiver in zip(RULES.items(), (one, two, three, four, five), strict=True):
            channel = await make_channel(project, receiver, name=name, max_per_hour=1_000)
            await make_rule(project, name=name, **rule, channels=[channel])
            hooks[name] = receiver
        await live_through(alerting, project)
        await alerting.execute("UPDATE notifications SET attempt_at = now() WHERE state = 'due'")
        await deliver(alerting)
        for name, rule in RULES.items():
            answer = await project.read.post("/api/alerts/preview", json={**rule, "name": name, "days": 30})
            assert answer.status_code == 200, answer.text
            said = [tell(one) for one in answer.json()["messages"]]
            waited |= {name for one in answer.json()["messages"] if one["due_at"] != one["fired_at"]}
            got = [
                tell({**body["data"], "changes": body["data"]["facts"]["change_count"]}) for _, body in hooks[name].got
            ]
            assert len(said) < 100
            assert sorted(said) == sorted(got), name
        assert three.got


def tell(message: dict[str, Any]) -> str:
    """All that a message says, but when."""
    names = ("kind", "title", "lines", "incident", "severity", "service", "environment", "changes")
    return repr([message[name] for name in names])
