"""What storing one error costs by part: CPU in this process, over the errors of the bench, as batches take them, with
the collector of garbage set as the API sets it.

The traces of the bench are those of 300 places in programs, told apart by their messages alone, so that nearly all
were read before. For the other end there is a second column with errors whose traces are all different.
"""

import gc
import random
import re
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any, TypeVar

import asyncpg
import uvloop

from api.ingest.receivers.native import ERRORS, SentError, parse_batch
from api.ingest.rows import (
    RequestContext,
    make_row,
    redact_names,
    resolve_time,
    sanitize_json,
    sanitize_text,
    sanitize_trace,
)
from api.storing.errors import store_errors
from api.storing.rows import ErrorRow
from api.storing.scheduler import Scheduler
from cli.programs import collect_seldom
from common.fingerprint import fingerprint_value, split_trace
from dev.bench.error_samples import batch_bodies, encode
from dev.bench.stores import Home, Stores

BATCH = 100
CHUNKS = 6  # of rows, and as many of parts
NAME_IN_TRACE = re.compile(
    r"(?<=[/.])(?:orders|payments|ledger|stock|routing|render|storage|consumer|planner|mapping)\b"
)

Error = dict[str, Any]
Thing = TypeVar("Thing")
Done = TypeVar("Done")
OF_THE_ROW = (
    "time",
    "redaction of the message",
    "redaction of names",
    "redaction of the trace",
    "context and tags, to JSON and redacted",
    "fingerprint",
)


def make_distinct(errors: Sequence[Error], seed: int) -> list[Error]:
    """The same errors, each trace with module names that no other has."""
    rng = random.Random(seed)

    def rename(trace: str) -> str:
        tail = "".join(rng.choices("bcdfghjklmnpqrstvwxz", k=8))
        return NAME_IN_TRACE.sub(lambda match: f"{match[0]}_{tail}", trace)

    return [e | {"stack_trace": rename(e["stack_trace"])} if "stack_trace" in e else e for e in errors]


def measure_parts(stores: Stores, home: Home, errors: Sequence[Error]) -> dict[str, float]:
    """Microseconds of CPU for an error by part. Medians over chunks, after a first one that fills the memos; whole rows
    are made of other chunks than parts, so that neither finds what the other has left in a memo."""
    collect_seldom()
    size = len(errors) // (2 * CHUNKS) // BATCH * BATCH
    chunks = [errors[start : start + size] for start in range(0, 2 * CHUNKS * size, size)]
    rows = [make_rows(home, chunk) for chunk in chunks[::2]]
    parts = [time_parts(home, chunk) for chunk in chunks[1::2]]
    costs = {part: median(taken[part] for taken in parts[1:]) for part in parts[0]}
    whole = median(cost for cost, _ in rows[1:])
    costs["id, and the row itself"] = max(whole - sum(costs[part] for part in OF_THE_ROW), 0.0)
    client, postgres = uvloop.run(store_rows(stores, home, [row for _, made in rows for row in made]))
    costs |= {"sort, count, encode and send": client, "Postgres": postgres}
    return {part: round(cost, 1) for part, cost in costs.items()}


def make_rows(home: Home, errors: Sequence[Error]) -> tuple[float, list[ErrorRow]]:
    """Microseconds for a row, and the rows."""
    request = RequestContext.now(home.project_id, home.settings)
    [body] = batch_bodies([encode(error) for error in errors], len(errors))
    return timed(lambda error: make_row(error, request), parse_batch(body, ERRORS, home.settings).items)


def time_parts(home: Home, errors: Sequence[Error]) -> dict[str, float]:
    """Microseconds for an error by part."""
    settings, request = home.settings, RequestContext.now(home.project_id, home.settings)
    bodies = batch_bodies([encode(error) for error in errors], BATCH)
    each_body, parsed = timed(lambda body: parse_batch(body, ERRORS, settings), bodies)
    sent = [error for batch in parsed for error in batch.items]
    split_of = {id(error): split_trace(error.stack_trace) if error.stack_trace else None for error in sent}
    works: dict[str, Callable[[SentError], Any]] = {
        "time": lambda e: resolve_time(e, request),
        "redaction of the message": lambda e: sanitize_text(e.message, settings.message_max_bytes),
        "redaction of names": lambda e: redact_names(e.service, e.environment, e.release, e.error_type, e.fingerprint),
        "redaction of the trace": lambda e: sanitize_trace(e.stack_trace or "", settings.stack_trace_max_bytes),
        "context and tags, to JSON and redacted": lambda e: (
            sanitize_json(e.context or {}, settings),
            sanitize_json(e.tags or {}, settings),
        ),
        "fingerprint": lambda e: fingerprint_value(message=e.message, error_type=e.error_type, trace=split_of[id(e)]),
    }
    return {"parse and validate": each_body / BATCH} | {part: timed(work, sent)[0] for part, work in works.items()}


def timed(work: Callable[[Thing], Done], things: Sequence[Thing]) -> tuple[float, list[Done]]:
    """Microseconds of CPU for each thing, and what was done of them."""
    gc.collect()
    started = time.process_time()
    done = [work(thing) for thing in things]
    return 1e6 * (time.process_time() - started) / len(things), done


async def store_rows(stores: Stores, home: Home, rows: Sequence[ErrorRow]) -> tuple[float, float]:
    """Microseconds of this process and of Postgres for a row, by flushes of four batches after a first one."""
    connection, scheduler = await asyncpg.connect(home.settings.database_url), Scheduler()
    flushes = [rows[start : start + 4 * BATCH] for start in range(0, len(rows), 4 * BATCH)]
    await store_errors(scheduler, connection, flushes[0])
    used, postgres = time.process_time(), stores.postgres_cpu_seconds
    for flush in flushes[1:]:
        await store_errors(scheduler, connection, flush)
    used, postgres = time.process_time() - used, stores.postgres_cpu_seconds - postgres
    await connection.close()
    stored = sum(map(len, flushes[1:]))
    return 1e6 * used / stored, 1e6 * postgres / stored


def show(parts: Mapping[str, Mapping[str, float]]) -> None:
    print(f"\n{'CPU an error, us':<42}" + "".join(f"{name:>18}" for name in parts))
    for part in parts["batch"]:
        print(f"{part:<42}" + "".join(f"{column.get(part, 0.0):>18.1f}" for column in parts.values()))
