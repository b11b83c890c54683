"""Every bench one after another, in a quick form, into one file: the figures, and what they were measured on.

`mayday bench all [--json FILE] [--data DIR]` takes under ten minutes on two cores. Each bench is the one that its own
command runs. DIR is for the grouping bench, which is left out without it. `mayday bench report FILE` makes the page.
"""

import argparse
import asyncio
import json
import os
import platform
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import asyncpg
from redis.asyncio import Redis

from dev import benches
from dev.bench.stores import Stores, start_stores
from dev.figures import write_figures

QUICK = {
    "ingest": ["--seconds", "1.2", "--rounds", "4"],
    "reads": ["--seconds", "0.6", "--rounds", "3"],
    "patterns": ["--errors", "200000"],
    "projection": ["--series", "40"],
}
PACKAGES = ("fastapi", "starlette", "uvicorn", "uvloop", "asyncpg", "pydantic", "sqlalchemy", "flask")


def plan(data: Path | None) -> dict[str, list[str]]:
    """The benches in their order, each with its arguments."""
    return QUICK | ({"grouping": ["--data", str(data)]} if data else {})


def run_bench(name: str, arguments: Sequence[str]) -> dict[str, Any]:
    """What `mayday bench NAME` measures; it prints its tables. Raises SystemExit when a check of it fails."""
    print(f"\n== {name}", flush=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mayday-") as folder:
        file = Path(folder) / "figures.json"
        benches.run(name, [*arguments, "--json", str(file)])
        figures = json.loads(file.read_text())
    return {"arguments": " ".join(arguments), "wall_seconds": round(time.monotonic() - started, 1), "figures": figures}


def describe_machine(stores: Stores) -> dict[str, Any]:
    """Size and versions; nothing that names the machine."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1),
        "load_at_start": round(os.getloadavg()[0], 1),
        "versions": {"Python": platform.python_version(), "Linux": platform.release().partition("-")[0]}
        | asyncio.run(ask_versions(stores))
        | {name: version(name) for name in PACKAGES if is_installed(name)},
    }


def is_installed(name: str) -> bool:
    try:
        return bool(version(name))
    except ModuleNotFoundError:
        return False


async def ask_versions(stores: Stores) -> dict[str, str]:
    """What the two servers say of themselves."""
    connection = await asyncpg.connect(stores.servers.database_url)
    postgres = str(await connection.fetchval("SHOW server_version")).partition(" ")[0]
    await connection.close()
    async with Redis.from_url(stores.redis_url) as client:
        info = await client.info("server")
    return {"Postgres": postgres, "Valkey": str(info.get("valkey_version", info["redis_version"]))}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="mayday bench all", description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures here, after each bench")
    parser.add_argument("--data", type=Path, help="a folder of CSV files for the grouping bench")
    options = parser.parse_args(arguments)
    started = time.monotonic()
    with start_stores(wal_files=0) as stores:
        result: dict[str, Any] = {"machine": describe_machine(stores), "benches": {}}
    for name, quick in plan(options.data).items():
        result["benches"][name] = run_bench(name, quick)
        result["machine"]["wall_seconds"] = round(time.monotonic() - started, 1)
        write_figures(options.json, result)
    print(f"\nall of it took {result['machine']['wall_seconds']:.0f} s")


if __name__ == "__main__":
    main()
