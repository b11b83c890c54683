"""What an error costs by each door, beside the native batch: protocols of others against ours, in turns, in one process.

`mayday bench doors [--seconds S] [--rounds N] [--json FILE]` starts Postgres, Valkey and one API of its own; each door is
sent the same errors in its own form, from 16 connections, and the stored rows are counted at the end.

Another door is one function that gives its requests and what they must be answered, and its line in `DOORS`.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count, cycle
from typing import Any, NamedTuple, cast

import uvloop
from pydantic_core import to_json

from common.keys import Key, parse_key
from dev.bench.command import measure_in_slices
from dev.bench.error_samples import batch_bodies, encode, make_errors
from dev.bench.ingest import Contest
from dev.bench.load import Check, ask_batches, expect_status, head
from dev.bench.otlp_samples import MARK, log_request, span_request, to_otlp_json
from dev.bench.processes import run_server
from dev.bench.sentry_samples import LARGE, SMALL, Size, make_events, write_envelopes
from dev.bench.shipper_samples import write_records
from dev.bench.stores import Home, Stores, count_rows, furnish
from dev.bench.turns import Slice, describe, ratio, take_turns

SEED = 13
ERRORS = 5_000
BATCH = 100
CONNECTIONS = 16
NATIVE = "native batch"
marks = count()  # of all doors: the same record has the same id in both encodings
PROTOBUF, JSON = "application/x-protobuf", "application/json"
STORED = b'{"status":"success","count":%d' % BATCH
EVENTS = 500  # envelopes of which each is sent again and again, with another id

Error = dict[str, Any]


class Door(NamedTuple):
    """Requests without end, none of which is a duplicate of another, what they must be answered, and their mean size."""

    requests: Iterator[bytes]
    check: Check
    request_bytes: int


def native_batches(errors: Sequence[Error], key: str) -> Door:
    bodies = batch_bodies([encode(error) for error in errors], BATCH)
    return Door(*ask_batches(bodies, key, BATCH), mean_size(bodies))


def otlp_logs(errors: Sequence[Error], key: str) -> Door:
    return otlp_door(
        "/v1/logs", PROTOBUF, key, [log_request(chunk).SerializeToString() for chunk in chunks(errors)], b""
    )


def otlp_logs_json(errors: Sequence[Error], key: str) -> Door:
    return otlp_door(
        "/v1/logs", JSON, key, [to_json(to_otlp_json(log_request(chunk))) for chunk in chunks(errors)], b"{}"
    )


def otlp_spans(errors: Sequence[Error], key: str) -> Door:
    requests = [span_request(chunk).SerializeToString() for chunk in chunks(errors)]
    return otlp_door("/v1/traces", PROTOBUF, key, requests, b"")


def sentry_small(errors: Sequence[Error], key: str) -> Door:
    return sentry_door(errors, key, SMALL)


def sentry_large(errors: Sequence[Error], key: str) -> Door:
    return sentry_door(errors, key, LARGE)


def sentry_door(errors: Sequence[Error], key: str, size: Size) -> Door:
    """Envelopes as SDKs send them, one event each, packed; a new project has the number 1."""
    parsed = cast("Key", parse_key(key))
    auth = f"X-Sentry-Auth: Sentry sentry_version=7, sentry_client=bench/1, sentry_key={parsed.dsn_key.text}\r\n"
    kept = f"{auth}Content-Type: application/x-sentry-envelope\r\nContent-Encoding: gzip\r\n"
    events = make_events(errors[:EVENTS], size)
    requests = (
        head("POST", "/api/1/envelope/", "", f"{kept}Content-Length: {len(body)}\r\n") + body
        for body in write_envelopes(events, marks)
    )
    return Door(requests, expect_status(200, b'{"id":"'), mean_size([to_json(event) for event in events]))


def shipper(errors: Sequence[Error], key: str) -> Door:
    """Lines of JSON, as shippers send them."""
    bodies = [write_records(chunk) for chunk in chunks(errors)]
    return marked_door("/api/logs", "application/x-ndjson", key, bodies, expect_status(200, STORED, BATCH))


DOORS: Mapping[str, Callable[[Sequence[Error], str], Door]] = {
    NATIVE: native_batches,
    "otlp logs": otlp_logs,
    "otlp logs, json": otlp_logs_json,
    "otlp spans": otlp_spans,
    "sentry, 5 KB": sentry_small,
    "sentry, 50 KB": sentry_large,
    "shipper, ndjson": shipper,
}


def otlp_door(path: str, media_type: str, key: str, bodies: Sequence[bytes], answer: bytes) -> Door:
    return marked_door(path, media_type, key, bodies, expect_status(200, answer, BATCH))


def marked_door(path: str, media_type: str, key: str, bodies: Sequence[bytes], check: Check) -> Door:
    """Requests of which each has another mark, on which all of its ids depend."""
    heads = [
        head("POST", path, key, f"Content-Type: {media_type}\r\nContent-Length: {len(body)}\r\n") for body in bodies
    ]
    whole = cycle([request_head + body for request_head, body in zip(heads, bodies, strict=True)])
    marked = (request.replace(MARK, b"%016x" % next(marks)) for request in whole)
    return Door(marked, check, mean_size(bodies))


def chunks(errors: Sequence[Error]) -> list[Sequence[Error]]:
    return [errors[start : start + BATCH] for start in range(0, len(errors), BATCH)]


def mean_size(bodies: Sequence[bytes]) -> int:
    return round(sum(map(len, bodies)) / len(bodies))


def run(stores: Stores, seconds: float, rounds: int) -> dict[str, Any]:
    """Each door's figures, with how many times the rate of the native batch it has."""
    errors = make_errors(ERRORS, SEED)
    contest, home = Contest(stores, seconds), furnish(stores, "doors_bench")
    doors = {name: make(errors, home.ingest_key) for name, make in DOORS.items()}
    with run_server("cli", "api", environment=home.environment) as server:
        turns = {
            name: contest.service("mayday", server, door.requests, door.check, CONNECTIONS)
            for name, door in doors.items()
        }
        slices = uvloop.run(take_turns(turns, rounds))
    asyncio.run(check_stored(contest, home))
    return {name: describe_door(slices, name, door) for name, door in doors.items()}


def describe_door(slices: Mapping[str, Sequence[Slice]], name: str, door: Door) -> dict[str, Any]:
    of_native = ratio(slices, name, NATIVE)
    return describe(slices[name]) | {"of_native": of_native, "request_bytes": door.request_bytes}


async def check_stored(contest: Contest, home: Home) -> None:
    """Exit when there are not exactly as many errors as were acknowledged."""
    found = await count_rows(home.settings.database_url, "errors")
    if found != contest.acknowledged["mayday"]:
        raise SystemExit(f"acknowledged {contest.acknowledged['mayday']}, stored {found}")


def show(result: dict[str, Any]) -> None:
    print(
        f"\n{'':<18}{'errors/s':>10}{'of native':>11}{'API us':>9}{'postgres us':>13}{'p50 ms':>9}{'p95 ms':>9}{'request':>10}"
    )
    for name, row in result.items():
        print(
            f"{name:<18}{row['rate']:>10,.0f}{row['of_native']:>11.2f}{row['server_us']:>9.1f}{row['postgres_us']:>13.1f}"
            f"{row['p50_ms']:>9.1f}{row['p95_ms']:>9.1f}{row['request_bytes'] / 1000:>7.1f} KB"
        )


def main(arguments: Sequence[str] | None = None) -> None:
    measure_in_slices("doors", __doc__, run, show, arguments, seconds=1.5, rounds=5)


if __name__ == "__main__":
    main()
