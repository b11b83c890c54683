"""Reads while errors come in: how old `recent` is, how often it is a hit, and what the writes do to its p95.

Part of `mayday bench reads`. One reader asks for `recent` a hundred times a second, in turn beside nothing, beside 1,000
errors a second, and beside half of what the service took just before. Each batch brings one error that is newer than all
before and numbered, so that an answer shows which batches it knows of: it is as old as the oldest batch that was
acknowledged before it was asked for and is not in it.

The reader is a process of its own, and a read ends when its answer arrives at the reader's socket, by the stamp that
the kernel puts on it. Where API and Postgres keep the few cores busy the reader has to wait for one until it can look,
up to a tick of the kernel; readers of a service are on other machines. The p95 by the reader's clock stands beside.
"""

import asyncio
import multiprocessing
import re
import socket
import struct
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from statistics import median
from typing import Any, NamedTuple

import uvloop

from dev.bench.error_samples import encode
from dev.bench.load import drive, expect_status, get, post
from dev.bench.processes import Server
from dev.bench.stores import Home
from dev.bench.turns import quantile

BATCH = 100
WRITERS = 4
READS_PER_SECOND = 100
ERRORS_PER_SECOND = 1_000
AHEAD = timedelta(seconds=30)  # the numbered errors stay the newest
RECENT = "/api/errors/recent"
NUMBER = re.compile(rb"beside batch (\d+)")
ROUNDS = 5
SO_TIMESTAMPNS, TIMESPEC = 35, struct.Struct("@qq")  # of Linux; Python has no name for it
STAMPS_BEGIN_SECONDS = 0.2
RECEIVE_BYTES = 2**16
CLOCKS_APART_SECONDS = 0.001  # the wall clock, which stamps are of, may be slewed
IDLE, STEADY, HALF = "idle", "beside 1,000 errors/s", "beside half the capacity"


class Read(NamedTuple):
    """One answer: when it was asked for (`time.perf_counter`), how long it took to arrive, and until the reader had it,
    where it came from, and the newest numbered batch in it."""

    asked_at: float
    arrived_seconds: float
    seen_seconds: float
    source: str
    newest: int


@dataclass(slots=True)
class Seen:
    """What the reader saw, how many of its reads began late, and when each batch was acknowledged."""

    reads: list[Read]
    late_reads: int
    acknowledged_at: dict[int, float]

    @property
    def latencies_seconds(self) -> list[float]:
        """Until the answers arrived, in order."""
        return sorted(read.arrived_seconds for read in self.reads)

    @property
    def p95_ms(self) -> float:
        return quantile(self.latencies_seconds, 0.95)


def age_of(newest: int, asked_at: float, acknowledged_at: dict[int, float]) -> float:
    """Seconds since the first batch that the answer does not know of; 0 where it knows all."""
    unknown = [at for number, at in acknowledged_at.items() if number > newest and at < asked_at]
    return asked_at - min(unknown) if unknown else 0.0


class Wire:
    """One connection on which one request at a time is sent and answered."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def ask(self, request: bytes) -> None:
        """Returns with the whole answer. Exits when the status is not one of success."""
        self.writer.write(request)
        head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        body = await self.reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]))
        if not head.startswith(b"http/1.1 2"):
            raise SystemExit(f"{head[:200]!r} {body[:200]!r}")


async def keep_pace(per_second: float, seconds: float, do: Callable[[int], Awaitable[None]]) -> int:
    """Call `do` at even distances; how many calls began more than 10 ms late, for the one before them."""
    started, late = time.perf_counter(), 0
    for number in range(int(per_second * seconds)):
        wait = started + number / per_second - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        late += wait < -0.01
        await do(number)
    return late


def read_steadily(port: int, request: bytes, seconds: float) -> tuple[list[Read], int]:
    """What the reader sees at its pace, and how many reads began late; in a process of its own."""
    reads = list[Read]()
    with socket.create_connection(("127.0.0.1", port)) as wire:
        have_stamped(wire)

        async def read(_step: int) -> None:
            reads.append(read_once(wire, request))

        late = asyncio.run(keep_pace(READS_PER_SECOND, seconds, read))
    return reads, late


def have_stamped(wire: socket.socket) -> None:
    """Have the kernel say of what arrives here when that was. It begins a moment after the first socket asks for it."""
    wire.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    time.sleep(STAMPS_BEGIN_SECONDS)


def read_once(wire: socket.socket, request: bytes) -> Read:
    """Exits when the status is not one of success, or the kernel did not say when the answer arrived."""
    asked_at, asked_ns = time.perf_counter(), time.time_ns()
    wire.sendall(request)
    received, wanted, arrived_ns = b"", None, 0
    while wanted is None or len(received) < wanted:
        piece, notes, *_ = wire.recvmsg(RECEIVE_BYTES, socket.CMSG_SPACE(TIMESPEC.size))
        arrived_ns = max([read_stamp(note) for *_, note in notes], default=0)
        received += piece
        head, end, _ = received.partition(b"\r\n\r\n")
        if not piece or not head.startswith(b"HTTP/1.1 2"):
            raise SystemExit(f"{received[:400]!r}")
        if end and wanted is None:
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            wanted = len(head) + len(end) + length
    arrived_seconds, seen_seconds = (arrived_ns - asked_ns) / 1e9, time.perf_counter() - asked_at
    if not 0 < arrived_seconds < seen_seconds + CLOCKS_APART_SECONDS:
        raise SystemExit(
            f"an answer seen after {seen_seconds} s arrived after {arrived_seconds} s: no stamp, or a clock set"
        )
    source = head.lower().partition(b"x-mayday-cache: ")[2].partition(b"\r\n")[0].decode()
    newest = max((int(number) for number in NUMBER.findall(received)), default=-1)
    return Read(asked_at, arrived_seconds, seen_seconds, source, newest)


def read_stamp(note: bytes) -> int:
    """Nanoseconds of the wall clock at which the kernel had it."""
    seconds, nanoseconds = TIMESPEC.unpack(note)
    return int(seconds * 1_000_000_000 + nanoseconds)


async def read_beside(
    reader: Executor,
    server: Server,
    home: Home,
    errors: Sequence[bytes],
    numbers: Iterator[int],
    errors_per_second: float,
    seconds: float,
) -> Seen:
    """Read at a steady pace while errors come in at theirs (0 for none)."""
    wires = [Wire(*await asyncio.open_connection("127.0.0.1", server.port)) for _ in range(WRITERS)]
    acknowledged_at: dict[int, float] = {}

    async def write(wire: Wire) -> None:
        async def send(_step: int) -> None:
            number = next(numbers)
            await wire.ask(post("/api/errors/batch", make_body(number, errors), home.ingest_key))
            acknowledged_at[number] = time.perf_counter()

        await keep_pace(errors_per_second / BATCH / WRITERS, seconds, send)

    request = get(RECENT, home.read_key)
    reading = asyncio.get_running_loop().run_in_executor(reader, read_steadily, server.port, request, seconds)
    await asyncio.gather(reading, *map(write, wires))
    for wire in wires:
        wire.writer.close()
    return Seen(*await reading, acknowledged_at)


def make_body(number: int, errors: Sequence[bytes]) -> bytes:
    """A batch whose first error is numbered."""
    marked = {
        "service": "bench",
        "severity": "error",
        "message": f"beside batch {number}",
        "timestamp": (datetime.now(UTC) + AHEAD).isoformat(),
    }
    start = number * BATCH % (len(errors) - BATCH)
    return b'{"errors":[' + b",".join([encode(marked), *errors[start : start + BATCH - 1]]) + b"]}"


def describe(slices: Sequence[Seen]) -> dict[str, Any]:
    """All slices of one rate together."""
    sources = Counter(read.source for seen in slices for read in seen.reads)
    total = sources.total()
    latencies = sorted(second for seen in slices for second in seen.latencies_seconds)
    by_reader = sorted(read.seen_seconds for seen in slices for read in seen.reads)
    ages = sorted(age_of(read.newest, read.asked_at, seen.acknowledged_at) for seen in slices for read in seen.reads)
    return {
        "reads": total,
        "late_reads": sum(seen.late_reads for seen in slices),
        "errors": sum(len(seen.acknowledged_at) for seen in slices) * BATCH,
        # a stale copy is sent at once, while the new one is made
        "hit_share": round((sources["hit"] + sources["stale"]) / total, 4),
        "stale_share": round(sources["stale"] / total, 4),
        "p50_ms": quantile(latencies, 0.5),
        "p95_ms": quantile(latencies, 0.95),
        "p99_ms": quantile(latencies, 0.99),
        "reader_p95_ms": quantile(by_reader, 0.95),
        "age_p50_seconds": round(median(ages), 3),
        "age_most_seconds": round(ages[-1], 3),
    }


async def measure_capacity(
    server: Server, home: Home, errors: Sequence[bytes], numbers: Iterator[int], seconds: float
) -> float:
    """Errors a second that the service takes in batches from eight connections."""
    bodies = [make_body(number, errors) for number in islice(numbers, 50)]
    requests = iter([post("/api/errors/batch", body, home.ingest_key) for body in bodies] * 200)
    load = await drive(server.port, requests, expect_status(201, count=BATCH), connections=8, seconds=seconds)
    return load.done / load.seconds


def run(server: Server, home: Home, errors: Sequence[bytes], seconds: float) -> dict[str, Any]:
    """Slices of four times `seconds` in turn, each round with the capacity of its moment; the p95 beside half of it over
    that of the idle server is the median of the rounds."""

    async def measure(reader: Executor) -> dict[str, Any]:
        numbers, capacities = count(), []
        slices: dict[str, list[Seen]] = {IDLE: [], STEADY: [], HALF: []}
        for _ in range(ROUNDS):
            capacities.append(await measure_capacity(server, home, errors, numbers, seconds))
            await asyncio.sleep(1)  # until the copy is of the last generation
            rates = {IDLE: 0.0, STEADY: ERRORS_PER_SECOND, HALF: capacities[-1] / 2}
            for name, rate in rates.items():
                slices[name].append(await read_beside(reader, server, home, errors, numbers, rate, 4 * seconds))
        over_idle = [half.p95_ms / idle.p95_ms for half, idle in zip(slices[HALF], slices[IDLE], strict=True)]
        return {
            "capacity": round(median(capacities)),
            "p95_over_idle": round(median(over_idle), 2),
            "rows": {name: describe(taken) for name, taken in slices.items()},
        }

    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as reader:
        return uvloop.run(measure(reader))


def show(result: dict[str, Any]) -> None:
    print(f"recent at {READS_PER_SECOND} reads/s; the service takes {result['capacity']:,} errors/s")
    for name, row in result["rows"].items():
        print(f"  {name:<26} p50 {row['p50_ms']:.2f} ms, p95 {row['p95_ms']:.2f} ms (by the reader's clock "
              f"{row['reader_p95_ms']:.2f} ms), hits {row['hit_share']:.2%} (of all stale {row['stale_share']:.2%}), "
              f"age at most {row['age_most_seconds']:.2f} s")  # fmt: skip
    print(f"  p95 beside half the capacity over idle, median of {ROUNDS} rounds: {result['p95_over_idle']:.2f}")
