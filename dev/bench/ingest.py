"""How fast errors are stored, beside the limits of this machine and the services that one would write instead.

`mayday bench ingest [--seconds S] [--rounds N] [--json FILE]` starts Postgres and Valkey of its own and every variant
on them, lets them take turns, and counts the stored rows at the end: what was acknowledged must be there.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

import uvloop

from dev.bench.ceilings import INSERT_CONNECTIONS, copy_batches, insert_rows, make_records, renew
from dev.bench.command import measure_in_slices
from dev.bench.error_samples import batch_bodies, encode, make_errors
from dev.bench.load import Check, Load, ask_batches, drive, expect_status, post
from dev.bench.processes import Server, run_server
from dev.bench.stores import Home, Stores, count_rows, furnish
from dev.bench.turns import Slice, Turn, describe, ratio, take_turns
from dev.bench.write_parts import make_distinct, measure_parts
from dev.bench.write_parts import show as show_parts

SEED = 11
PART_ERRORS = 12_000
ERRORS = 30_000  # more than any memo of the service holds: sent again, they are as good as new
BATCH = 100
BATCH_CONNECTIONS = 8
SINGLE_CONNECTIONS = 64
COPIED_PER_SECOND = 60_000  # records to have ready for a second of the ceilings
STORED_ONE = b'{"id":"'
COUNT_BATCH, COUNT_ONE = b'{"count":100', b'{"count":1'


@dataclass(slots=True)
class Contest:
    """What the variants of one table share, and how many rows each has acknowledged."""

    stores: Stores
    seconds: float
    acknowledged: dict[str, int] = field(default_factory=dict)

    def service(
        self, name: str, server: Server, requests: Iterator[bytes], check: Check, connections: int
    ) -> Turn:  # fmt: skip
        """A turn of an HTTP service."""

        async def turn() -> Slice:
            before = server.cpu_seconds, self.stores.postgres_cpu_seconds
            load = await drive(server.port, requests, check, connections=connections, seconds=self.seconds)
            return self.close(name, load, server.cpu_seconds - before[0], before[1])

        return turn

    def ceiling(self, name: str, run: Callable[[float], Any]) -> Turn:
        """A turn of a client that talks to Postgres itself: it is server and generator in one."""

        async def turn() -> Slice:
            before = self.stores.postgres_cpu_seconds
            load: Load = await run(self.seconds)
            used, load.generator_cpu_seconds = load.generator_cpu_seconds, 0.0
            return self.close(name, load, used, before)

        return turn

    def close(self, name: str, load: Load, server_cpu_seconds: float, postgres_before: float) -> Slice:
        self.acknowledged[name] = self.acknowledged.get(name, 0) + load.done
        return Slice(load, server_cpu_seconds, self.stores.postgres_cpu_seconds - postgres_before)


@dataclass(frozen=True, slots=True)
class Field:
    """The variants as they run: Mayday's home, the ceiling's home, the compared services' database."""

    mayday: Server
    home: Home
    naive: Server
    one_insert: Server
    source: Server
    ceiling: Home
    plain_url: str


def start_field(stack: ExitStack, stores: Stores) -> Field:
    home, ceiling = furnish(stores, "mayday_bench"), furnish(stores, "ceiling_bench")
    plain_url = stores.database("plain_bench")
    plain = {"MAYDAY_DATABASE_URL": plain_url, "MAYDAY_REDIS_URL": stores.redis_url}

    def start(module: str, *arguments: str, environment: dict[str, str]) -> Server:
        return stack.enter_context(run_server(module, *arguments, environment=environment))

    return Field(
        mayday=start("cli", "api", environment=home.environment),
        home=home,
        naive=start("dev.bench.services.naive", environment=plain),
        one_insert=start("dev.bench.services.one_insert", environment=plain),
        source=start("dev.bench.services.source_design", environment=plain),
        ceiling=ceiling,
        plain_url=plain_url,
    )


def batch_turns(contest: Contest, variants: Field, bodies: Sequence[bytes]) -> dict[str, Turn]:
    """Batches of 100 over eight connections; COPY by the same hundred from four."""
    requests, stored = ask_batches(batch_bodies(list(bodies), BATCH), variants.home.ingest_key, BATCH)
    rows = make_records(bodies, variants.ceiling.project_id, variants.ceiling.settings)

    def plain(name: str, server: Server, path: str) -> Turn:
        posts = cycle([post(path, body) for body in batch_bodies(list(bodies), BATCH)])
        check = expect_status(201, COUNT_BATCH, BATCH)
        return contest.service(name, server, posts, check, BATCH_CONNECTIONS)

    async def copy(seconds: float) -> Load:
        records = renew(rows, int(COPIED_PER_SECOND * seconds))
        return await copy_batches(variants.ceiling.settings.database_url, records, BATCH, seconds)

    return {
        "mayday": contest.service("mayday", variants.mayday, requests, stored, BATCH_CONNECTIONS),
        "copy": contest.ceiling("copy", copy),
        "add_all": plain("plain", variants.naive, "/add_all"),
        "source": plain("plain", variants.source, "/batch"),
        "naive": plain("plain", variants.naive, "/batch"),
    }


def single_turns(contest: Contest, variants: Field, bodies: Sequence[bytes], connections: int) -> dict[str, Turn]:
    """Single errors; the ceiling from sixteen connections, or from one where the services have one."""
    requests = cycle([post("/api/errors/log", body, variants.home.ingest_key) for body in bodies])
    rows = make_records(bodies[:5_000], variants.ceiling.project_id, variants.ceiling.settings)
    plain = cycle([post("/log", body) for body in bodies])
    counted = expect_status(201, COUNT_ONE)

    async def insert(seconds: float) -> Load:
        records = renew(rows, int(COPIED_PER_SECOND / 4 * seconds))
        url = variants.ceiling.settings.database_url
        return await insert_rows(url, records, seconds, min(connections, INSERT_CONNECTIONS))

    return {
        "mayday": contest.service("mayday", variants.mayday, requests, expect_status(201, STORED_ONE), connections),
        "insert": contest.ceiling("copy", insert),
        "one_insert": contest.service("plain", variants.one_insert, plain, counted, connections),
        "source": contest.service("plain", variants.source, plain, counted, connections),
        "naive": contest.service("plain", variants.naive, plain, counted, connections),
    }


def compare(slices: dict[str, list[Slice]]) -> dict[str, Any]:
    """Each variant's figures, and how many times its rate Mayday has."""
    return {name: describe(taken) | {"ratio": ratio(slices, "mayday", name)} for name, taken in slices.items()}


async def check_stored(contest: Contest, variants: Field) -> None:
    """Exit when a store does not hold exactly what its services acknowledged."""
    found = {
        "mayday": await count_rows(variants.home.settings.database_url, "errors"),
        "copy": await count_rows(variants.ceiling.settings.database_url, "errors"),
        "plain": await count_rows(variants.plain_url, "plain_errors"),
    }
    if found != contest.acknowledged:
        raise SystemExit(f"acknowledged {contest.acknowledged}, stored {found}")


def describe_parts(stores: Stores, errors: list[dict[str, Any]], batch: dict[str, Any]) -> dict[str, Any]:
    """CPU of an error by part: as in the batches of this run, with what the API took beside; and with new traces."""
    home = furnish(stores, "parts_bench")
    parts = measure_parts(stores, home, errors[:PART_ERRORS])
    in_api = sum(cost for part, cost in parts.items() if part != "Postgres")
    parts["all else of the API: HTTP, key, limits, answer"] = round(max(batch["server_us"] - in_api, 0.0), 1)
    return {"batch": parts, "new_traces": measure_parts(stores, home, make_distinct(errors[:PART_ERRORS], SEED))}


def run(stores: Stores, seconds: float, rounds: int) -> dict[str, Any]:
    """The tables of the write path."""
    errors = make_errors(ERRORS, SEED)
    bodies = [encode(error) for error in errors]
    contest = Contest(stores, seconds)
    result: dict[str, Any] = {"error_bytes": round(sum(map(len, bodies)) / len(bodies))}
    with ExitStack() as stack:
        variants = start_field(stack, stores)
        idle_bytes = variants.mayday.memory_bytes
        tables = {
            "batch": batch_turns(contest, variants, bodies),
            "single": single_turns(contest, variants, bodies, SINGLE_CONNECTIONS),
            "one_connection": single_turns(contest, variants, bodies, 1),
        }
        for name, turns in tables.items():
            result[name] = compare(uvloop.run(take_turns(turns, rounds)))
        result["parts"] = describe_parts(stores, errors, result["batch"]["mayday"])
        result["memory"] = {"idle_bytes": idle_bytes, "after_bytes": variants.mayday.memory_bytes}
        asyncio.run(check_stored(contest, variants))
        result["stored"] = contest.acknowledged
    return result


def show(result: dict[str, Any]) -> None:
    for name in ("batch", "single", "one_connection"):
        print(f"\n{name:<16}{'errors/s':>10}{'ratio':>8}{'server us':>11}{'postgres us':>12}{'generator us':>13}"
              f"{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}")  # fmt: skip
        for variant, row in result[name].items():
            print(f"{variant:<16}{row['rate']:>10,.0f}{row['ratio']:>8.2f}{row['server_us']:>11.1f}"
                  f"{row['postgres_us']:>12.1f}{row['generator_us']:>13.1f}{row['p50_ms']:>9.2f}{row['p95_ms']:>9.2f}"
                  f"{row['p99_ms']:>9.2f}")  # fmt: skip
    show_parts(result["parts"])
    print(
        "memory of the API: " + ", ".join(f"{name[:-6]} {size / 1e6:.0f} MB" for name, size in result["memory"].items())
    )


def main(arguments: Sequence[str] | None = None) -> None:
    measure_in_slices("ingest", __doc__, run, show, arguments, seconds=1.5, rounds=5)


if __name__ == "__main__":
    main()
