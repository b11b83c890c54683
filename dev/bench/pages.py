"""How fast the pages are served over a thousand patterns and a million errors, beside the issue list of Bugsink.

`mayday bench pages [--rows N] [--seconds S] [--rounds N] [--bugsink VENV] [--json FILE]` starts servers of its own. A sample of
errors comes in over HTTP; all others are copies of its rows with ids and times of their own, spread over a day, which the
worker counts as any. One copy is read back over HTTP and must be what its original is, and the first page must show the
sum. Then one process serves pages to somebody who is signed in: as it keeps them, rendered anew each time (every request with
a filter that nobody asked for), and as 304.

Bugsink is installed into VENV, or a folder for the time of the bench, and run as its documentation says: SQLite, gunicorn,
here with one worker as well. It is given the easier job: 300 issues of one event each, of which its list shows 250, five times
as many rows as ours. Without it the bench says so.
"""

import argparse
import asyncio
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import count, repeat
from pathlib import Path
from random import Random
from typing import Any

import asyncpg
import httpx
import uuid_utils.compat
import uvloop

from api.storing.errors import COLUMN_TYPES
from dev.bench import bugsink
from dev.bench.command import measure
from dev.bench.curve import COPY_SAMPLE, keep_sample, tell
from dev.bench.error_samples import PATTERNS, Template, batch_bodies, encode, make_error, make_templates
from dev.bench.load import expect_status, get
from dev.bench.patterns import COUNT_STORED
from dev.bench.processes import Server, run_server
from dev.bench.reads import fill, turn_of
from dev.bench.stores import Home, Stores, find_patterns, fold_all, furnish, work_once
from dev.bench.turns import Turn, describe, take_turns
from worker.main import open_tools

SEED = 14
SAMPLE, BATCH = 20_000, 500
TEMPLATE_SEEDS = 4  # of PATTERNS templates each: some of them say the same and are one pattern
PATTERNS_LEAST = 1_000
MANY = 16
BUGSINK_ISSUES = 300  # more than the 250 that its list shows at once; a thousand take it a quarter of an hour
CHUNK = 100_000
COUNT = re.compile(r'data-count="total">([^<]+)<')
PICK = "SELECT event_id FROM errors WHERE project_id = $1 AND received_at = $2 LIMIT 1"


def make_sample(now: datetime) -> list[bytes]:
    """Errors of more than a thousand true patterns, each of them in it."""
    templates = [one for seed in range(TEMPLATE_SEEDS) for one in make_templates(SEED + seed, PATTERNS)]
    rng = Random(SEED)
    weights = [1 / (rank + 30) for rank in range(len(templates))]
    chosen: Sequence[Template] = [*templates, *rng.choices(templates, weights, k=SAMPLE - len(templates))]
    return [encode(make_error(rng, template, now)) for template in chosen]


async def copy_sample(home: Home, rows: int) -> tuple[str, datetime]:
    """Store so many copies within the last day, and have the worker count them; the id of one of them, and when they came."""
    received_at = datetime.now(UTC)
    own = {"project_id": "s.project_id", "day": "(moved.occurred_at AT TIME ZONE 'UTC')::date", "event_id": "gen_random_uuid()",
           "occurred_at": "moved.occurred_at", "received_at": "$4::timestamptz"}  # fmt: skip
    values = ", ".join(own.get(column, f"s.{column}") for column in COLUMN_TYPES)
    statement = COPY_SAMPLE.replace("$1::date", "$1::timestamptz").format(
        columns=", ".join(COLUMN_TYPES), values=values
    )
    connection = await asyncpg.connect(home.settings.database_url)
    await connection.execute("SET timezone = 'UTC'")
    start, step = received_at - timedelta(hours=23), timedelta(hours=22) * CHUNK / rows
    for at in range(0, rows, CHUNK):
        await connection.execute(statement, start + step * (at // CHUNK), step, min(CHUNK, rows - at), received_at)
        tell(f"{min(at + CHUNK, rows):,} errors")
    await connection.execute(COUNT_STORED, uuid_utils.compat.uuid7(), received_at)
    await connection.execute("VACUUM (ANALYZE)")
    # a day at once, on a machine that may have other work: more than a run of the worker has to do, and may take longer
    patient = home.settings.model_copy(update={"job_max_seconds": 3_600})
    async with open_tools(patient) as tools:
        await fold_all(tools)
        await connection.execute("VACUUM (ANALYZE)")
        await find_patterns(tools)
    copied = await connection.fetchval(PICK, home.project_id, received_at)
    await connection.execute("VACUUM (ANALYZE)")
    await connection.execute("CHECKPOINT")  # or it meets the slices
    await connection.close()
    return str(copied), received_at


class Visitor:
    """Somebody who is signed in to the pages of one server."""

    def __init__(self, server: Server, home: Home) -> None:
        base_url = f"http://127.0.0.1:{server.port}"
        self.client = httpx.Client(base_url=base_url, timeout=60, headers={"Host": "bench"})
        key = {"Authorization": f"Bearer {home.read_key}"}
        link = self.client.post("/api/signin-links", headers=key).raise_for_status().json()["path"]
        self.client.get(link).raise_for_status()
        self.home = f"/p/{home.project_id}/"
        self.cookie = "; ".join(f"{name}={value}" for name, value in self.client.cookies.items())

    def ask(self, path: str, **headers: str) -> bytes:
        return get(self.home + path, Cookie=self.cookie, Accept_Encoding="gzip, deflate, br, zstd", **headers)

    def see(self, path: str, **headers: str) -> httpx.Response:
        return self.client.get(self.home + path, headers=headers).raise_for_status()

    def weigh(self, path: str) -> int:
        """Bytes of a page as they go to a browser."""
        headers = {"Accept-Encoding": "gzip, deflate, br, zstd"}
        with self.client.stream("GET", self.home + path, headers=headers) as answer:
            return sum(map(len, answer.iter_raw()))


def check_copy(server: Server, home: Home, copied: str, rows: int, visitor: Visitor) -> dict[str, int]:
    """Exit unless a copy reads as an error that came over HTTP does, and the first page counts all of them."""
    headers = {"Authorization": f"Bearer {home.read_key}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", headers=headers, timeout=60) as client:

        def read(path: str, **params: Any) -> Any:
            return client.get(f"/api/errors{path}", params=params).raise_for_status().json()

        found = read(f"/{copied}")
        twins = read("", pattern=found["pattern_id"], limit=200, text=found["message"])["errors"]
        bare = [strip(read(f"/{twin['id']}"), ("id", "timestamp", "received_at")) for twin in twins]
        answer = read("/patterns", window="24h")
    if len(bare) < 2 or any(one != bare[0] for one in bare):
        raise SystemExit(f"{copied} was copied and does not read as its original: {bare[:2]}")
    shown = int(re.sub(r"\D", "", COUNT.findall(visitor.see("?window=24h").text)[0]))
    patterns = len(answer["patterns"]) + answer["other"]["patterns"]
    if not shown == answer["total"] == rows + SAMPLE or patterns < PATTERNS_LEAST:
        raise SystemExit(
            f"{shown:,} on the page, {answer['total']:,} of {rows + SAMPLE:,} errors, {patterns:,} patterns"
        )
    return {"errors": shown, "patterns": patterns}


def strip(error: dict[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    return {name: value for name, value in error.items() if name not in fields}


def make_turns(
    server: Server, visitors: Sequence[Visitor], copied: str, pattern: str, seconds: float
) -> dict[str, Turn]:
    """What somebody with a browser asks for, by one connection and by many."""
    visitor = visitors[0]
    whole, known = expect_status(200), expect_status(304)
    now, live = "?window=24h", "live"
    tags = {path: visitor.see(path).headers["etag"] for path in (now, live)}

    def turn(requests: Iterator[bytes], check: Any = whole, connections: int = 1) -> Turn:
        return turn_of(server, requests, check, seconds, connections)

    numbers = count()
    anew = (visitor.ask(f"?window=24h&not_text=n{next(numbers)}") for _ in repeat(None))
    each = (one.ask(now) for _ in repeat(None) for one in visitors)
    return {
        "Now": turn(repeat(visitor.ask(now))),
        f"Now, {MANY} connections": turn(repeat(visitor.ask(now)), connections=MANY),
        f"Now, {len(visitors)} people": turn(each, connections=MANY),
        "Now, 304": turn(repeat(visitor.ask(now, If_None_Match=tags[now])), known),
        "Now, rendered anew": turn(anew),
        "Live, 304": turn(repeat(visitor.ask(live, If_None_Match=tags[live])), known),
        "Search": turn(repeat(visitor.ask("search"))),
        "Pattern": turn(repeat(visitor.ask(f"patterns/{pattern}"))),
        "Error": turn(repeat(visitor.ask(f"errors/{copied}"))),
    }


def run(stores: Stores, options: argparse.Namespace) -> dict[str, Any]:
    home = furnish(stores, "pages_bench")
    asyncio.run(work_once(home))  # the partitions of all days, which the worker makes
    with ExitStack() as stack:
        server = stack.enter_context(run_server("cli", "api", environment=home.environment))
        fill(server, "/api/errors/batch", batch_bodies(make_sample(datetime.now(UTC)), BATCH), home.ingest_key)
        asyncio.run(keep_sample(home))
        copied, _ = asyncio.run(copy_sample(home, options.rows))
        visitors = [Visitor(server, home) for _ in range(MANY)]
        result: dict[str, Any] = check_copy(server, home, copied, options.rows, visitors[0])
        pattern = re.findall(r"patterns/([0-9a-f-]{36})", visitors[0].see("?window=24h").text)[0]
        result["bytes"] = {
            "Now": visitors[0].weigh("?window=24h"),
            "Live": visitors[0].weigh("live"),
            "Pattern": visitors[0].weigh(f"patterns/{pattern}"),
        }
        turns = make_turns(server, visitors, copied, pattern, options.seconds)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mayday-")))
        other = bugsink.open_list(stack, folder, options.bugsink, make_sample(datetime.now(UTC))[:BUGSINK_ISSUES])
        if other is not None:
            # by one connection: its worker serves one request at a time, and many would only wait for each other
            turns["Bugsink"] = turn_of(other.server, repeat(other.request), expect_status(200), options.seconds, 1)
            result |= {"bugsink": other.version, "bugsink_issues": other.issues}
            result["bytes"]["Bugsink"] = other.page_bytes
        slices = uvloop.run(take_turns(turns, options.rounds))
        result["pages"] = {name: describe(taken) for name, taken in slices.items()}
    return result


def show(result: dict[str, Any]) -> None:
    print(f"{result['errors']:,} errors, {result['patterns']:,} patterns; bytes on the wire: "
          + ", ".join(f"{name} {size:,}" for name, size in result["bytes"].items()))  # fmt: skip
    print(f"{'page':<28}{'pages/s':>9}{'server ms':>11}{'p50 ms':>9}{'p95 ms':>9}")
    for name, row in result["pages"].items():
        print(
            f"{name:<28}{row['rate']:>9,.0f}{row['server_us'] / 1000:>11.2f}{row['p50_ms']:>9.2f}{row['p95_ms']:>9.2f}"
        )
    if "bugsink" in result:
        print(f"Bugsink {result['bugsink']} has {result['bugsink_issues']:,} issues")


def main(arguments: Sequence[str] | None = None) -> None:
    measure("pages", __doc__, run, show, arguments, rows=1_000_000, seconds=1.5, rounds=4, bugsink="")


if __name__ == "__main__":
    main()
