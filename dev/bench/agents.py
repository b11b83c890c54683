"""How fast agents are answered beside the reads that their tools stand on.

`mayday bench agents [--seconds S] [--rounds N] [--json FILE]` starts servers of its own: one API process with a project of more
than a thousand patterns, which the worker counted. Then, in slices side by side: the read of the patterns as everyone asks for
it, the same as markdown for a model, and tools by MCP's POST, each call with an id of its own as clients send them. Asked is
what_is_failing at least half as often as the plain read.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import count, repeat
from typing import Any

import uvloop

from dev.bench.command import measure
from dev.bench.error_samples import batch_bodies
from dev.bench.load import expect_status, get, head
from dev.bench.pages import BATCH, make_sample
from dev.bench.processes import run_server
from dev.bench.reads import fill, turn_of
from dev.bench.stores import Stores, find_patterns, fold_all, furnish, work_once
from dev.bench.turns import describe, take_turns
from worker.main import open_tools

READ, MARKDOWN, TOOL = "GET patterns", "GET patterns as markdown", "what_is_failing"
ASKED = 0.5
ACCEPT = "Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2025-06-18\r\n"


def call_tool(key: str, name: str, arguments: dict[str, Any]) -> Iterator[bytes]:
    """Calls without end, each with an id of its own."""
    for number in count(1):
        params = {"name": name, "arguments": arguments}
        body = json.dumps({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}).encode()
        more = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n{ACCEPT}"
        yield head("POST", "/mcp", key, more) + body


async def work(home: Any) -> None:
    async with open_tools(home.settings) as tools:
        await fold_all(tools)
        await find_patterns(tools)


def run(stores: Stores, options: argparse.Namespace) -> dict[str, Any]:
    home = furnish(stores, "agents_bench")
    uvloop.run(work_once(home))
    with ExitStack() as stack:
        server = stack.enter_context(run_server("cli", "api", environment=home.environment))
        fill(server, "/api/errors/batch", batch_bodies(make_sample(datetime.now(UTC)), BATCH), home.ingest_key)
        uvloop.run(work(home))
        key, whole = home.read_key, expect_status(200)
        path = "/api/errors/patterns"
        answered = expect_status(200, b'{"jsonrpc":"2.0","id":')
        turns = {
            READ: turn_of(server, repeat(get(path, key, Accept_Encoding="gzip")), whole, options.seconds),
            MARKDOWN: turn_of(
                server,
                repeat(get(f"{path}?format=markdown&max_tokens=600", key, Accept_Encoding="gzip")),
                whole,
                options.seconds,
            ),
            TOOL: turn_of(server, call_tool(key, "what_is_failing", {}), answered, options.seconds),
            "spending": turn_of(server, call_tool(key, "spending", {}), answered, options.seconds),
        }
        slices = uvloop.run(take_turns(turns, options.rounds))
        return {name: describe(taken) for name, taken in slices.items()}


def show(result: dict[str, Any]) -> None:
    print(f"{'':<28}{'a second':>9}{'server us':>11}{'p50 ms':>9}{'p95 ms':>9}")
    for name, row in result.items():
        print(f"{name:<28}{row['rate']:>9,.0f}{row['server_us']:>11.0f}{row['p50_ms']:>9.2f}{row['p95_ms']:>9.2f}")
    ratio = result[TOOL]["rate"] / result[READ]["rate"]
    cpu = result[READ]["server_us"] / result[TOOL]["server_us"]
    verdict = "met" if ratio >= ASKED else "missed"
    print(f"the tool over the read it stands on: {ratio:.2f} of the rate, {cpu:.2f} by CPU; asked {ASKED}: {verdict}")


def main(arguments: Sequence[str] | None = None) -> None:
    measure("agents", __doc__, run, show, arguments, seconds=1.5, rounds=5)


if __name__ == "__main__":
    main()
