"""A backup made and brought back as docs/operations.md says: the counts are equal, and nothing is counted again."""

import asyncio
import importlib.util
import subprocess
from pathlib import Path
from uuid import uuid4

import pytest

from cli.embedded.postgres import MAJOR, PACKAGE
from common.settings import Settings
from tests.conftest import Service, execute, on_database, run_service

COUNTS = """
    SELECT (SELECT count(*) FROM errors), (SELECT sum(count)::bigint FROM rollups), (SELECT count(*) FROM deltas),
           (SELECT count(*) FROM patterns), (SELECT version_num FROM alembic_version)
"""


def tool(name: str) -> str:
    found = importlib.util.find_spec(PACKAGE)
    path = Path(found.origin).parent / f"pginstall{MAJOR}" / "bin" / name if found and found.origin else Path()
    if not path.is_file():
        pytest.skip(f"the embedded Postgres has no {name} here")
    return str(path)


async def test_a_restored_dump_has_every_row_and_every_count(service: Service, tmp_path: Path) -> None:
    project = await service.project()
    await project.send(*[{"service": "shop", "severity": "error", "message": f"order {n} failed"} for n in range(30)])
    await service.run_worker()
    await project.send({"service": "shop", "severity": "error", "message": "not folded yet"})
    before = await service.execute(COUNTS)
    url, name, dump = service.settings.database_url, f"test_{uuid4().hex}", str(tmp_path / "mayday.dump")
    await execute(url, f"CREATE DATABASE {name}")
    try:
        run = asyncio.to_thread
        await run(subprocess.run, [tool("pg_dump"), "--format=custom", f"--file={dump}", url], check=True)
        await run(subprocess.run, [tool("pg_restore"), f"--dbname={on_database(url, name)}", dump], check=True)
        restored = Settings.load(database_url=on_database(url, name), redis_url=service.settings.redis_url)
        async with run_service(restored) as again:
            assert await again.execute(COUNTS) == before
            await again.run_worker()
            assert await again.execute("SELECT sum(count)::bigint FROM rollups") == [(31,)]
    finally:
        await execute(url, f"DROP DATABASE {name} WITH (FORCE)")
