"""The most memory that API and worker take: what the limits of compose.yaml are made of.

`mayday bench peaks [--json FILE]`: the API while large bodies, packed and under the limits, come at once; the worker when
a project has as many fingerprints as it may.
"""

import argparse
import asyncio
import gzip
import random
import string
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import httpx

from dev.bench.command import measure
from dev.bench.error_samples import encode
from dev.bench.processes import Server, peak_bytes, run_server, run_worker
from dev.bench.stores import Home, Stores, count_rows, furnish

SEED = 19
LARGE_BODIES = 16
ERRORS, CONTEXT_WORDS = 900, 2_500  # 17 MiB unpacked
BEYOND = 1.2  # so many times the fingerprints that a project may have
WORKER_SECONDS = 60.0


def make_large_body(rng: random.Random) -> bytes:
    """A batch under `body_max_decoded_bytes`, of words enough that it packs to under `body_max_bytes`."""
    words = [make_word(rng) for _ in range(60)]
    errors = [
        encode(
            {
                "service": "bench",
                "severity": "error",
                "message": f"large {number}",
                "context": {"text": " ".join(rng.choices(words, k=CONTEXT_WORDS))},
            }
        )
        for number in range(ERRORS)
    ]
    return b'{"errors":[' + b",".join(errors) + b"]}"


def make_word(rng: random.Random) -> str:
    return "".join(rng.choices(string.ascii_lowercase, k=7))


async def send_at_once(server: Server, key: str, body: bytes, count: int) -> dict[int, int]:
    """Send the body so many times at once, packed; how often each status was answered."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", "Content-Encoding": "gzip"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", headers=headers, timeout=60) as client:
        sent = [client.post("/api/errors/batch", content=body) for _ in range(count)]
        return dict(Counter(answer.status_code for answer in await asyncio.gather(*sent)))


def fill_fingerprints(server: Server, home: Home, rng: random.Random) -> None:
    """Errors that are all different, more than a project may tell apart."""
    left = int(home.settings.fingerprints_max * BEYOND)
    headers = {"Authorization": f"Bearer {home.ingest_key}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", headers=headers, timeout=60) as client:
        for _ in range(left // 1_000):
            messages = [" ".join(make_word(rng) for _ in range(6)) for _ in range(1_000)]
            errors = [{"service": "bench", "severity": "error", "message": message} for message in messages]
            client.post("/api/errors/batch", json={"errors": errors}).raise_for_status()


def run(stores: Stores, _options: argparse.Namespace) -> dict[str, Any]:
    rng, home = random.Random(SEED), furnish(stores, "peaks_bench")
    with run_server("cli", "api", environment=home.environment) as server:
        idle_bytes = server.memory_bytes
        fill_fingerprints(server, home, rng)
        body = make_large_body(rng)
        packed = gzip.compress(body)
        answers = asyncio.run(send_at_once(server, home.ingest_key, packed, LARGE_BODIES))
        api_bytes = peak_bytes(server.pid)
    with run_worker(home.environment) as worker:
        time.sleep(WORKER_SECONDS)
        worker_bytes = peak_bytes(worker)
    return {
        "api_idle_bytes": idle_bytes,
        "body_bytes": len(body),
        "packed_bytes": len(packed),
        "answers": answers,
        "api_bytes": api_bytes,
        "fingerprints": asyncio.run(count_rows(home.settings.database_url, "fingerprints")),
        "worker_bytes": worker_bytes,
    }


def show(result: dict[str, Any]) -> None:
    print(
        f"API process: {result['api_idle_bytes'] / 1e6:.0f} MB idle, at most {result['api_bytes'] / 1e6:.0f} MB while "
        f"{LARGE_BODIES} bodies of {result['body_bytes'] / 1e6:.1f} MB ({result['packed_bytes'] / 1e6:.1f} packed) came at "
        f"once, answered {result['answers']}\n"
        f"worker: at most {result['worker_bytes'] / 1e6:.0f} MB with {result['fingerprints']:,} fingerprints"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    measure("peaks", __doc__, run, show, arguments)


if __name__ == "__main__":
    main()
