"""A backup made and brought back by the lines of docs/operations.md: the counts are equal, nothing is counted again."""

import asyncio
import importlib.util
import os
import re
import subprocess
from pathlib import Path
from uuid import uuid4

import pytest

from cli.embedded.postgres import MAJOR, PACKAGE
from common.settings import ROOT, Settings
from tests.conftest import Service, execute, run_service
from tests.databases import on_database

COUNTS = """
    SELECT (SELECT count(*) FROM errors), (SELECT sum(count)::bigint FROM rollups), (SELECT count(*) FROM deltas),
           (SELECT count(*) FROM patterns), (SELECT count(*) FROM pg_inherits), (SELECT version_num FROM alembic_version)
"""
NAMED_IN_THE_DOCS = "mayday_restored"


def documented_lines(name: str) -> str:
    """The first block of the section, with a database of the test's own."""
    section = (ROOT / "docs/operations.md").read_text().partition("\n## Backup and restore\n")[2]
    found = re.search(r"^```\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert found
    assert [line.split()[0] for line in found[1].splitlines()] == ["umask", "pg_dump", "createdb", "pg_restore"]
    return found[1].replace(NAMED_IN_THE_DOCS, name)


def embedded_tools() -> Path:
    found = importlib.util.find_spec(PACKAGE)
    tools = Path(found.origin).parent / f"pginstall{MAJOR}" / "bin" if found and found.origin else Path()
    if not (tools / "pg_dump").is_file():
        pytest.skip("the embedded Postgres has no pg_dump here")
    return tools


def documented_sql(database: str, role: str) -> list[str]:
    """The statements of the section, each alone, for a database and a role of the test's own."""
    section = (ROOT / "docs/operations.md").read_text().partition("\n## Backup and restore\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"^```sql\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    lines = [line.partition(";")[0] for block in blocks for line in block.splitlines()]
    return [line.replace(NAMED_IN_THE_DOCS, database).replace(" mayday", f" {role}") for line in lines]


@pytest.mark.parametrize("may_make_databases", [True, False])
async def test_a_role_with_the_rights_of_the_docs_and_no_others_restores(
    service: Service, tmp_path: Path, may_make_databases: bool
) -> None:
    """The dump is of a superuser's tables. The role is that of the session (`PGOPTIONS`): who may log in is the server's."""
    project = await service.project()
    await project.send({"service": "shop", "severity": "error", "message": "card declined"})
    before, url = await service.execute(COUNTS), service.settings.database_url
    name, role = f"test_{uuid4().hex}", f"role_{uuid4().hex}"
    make_role, let_make, make_database = documented_sql(name, role)
    environment = {
        **os.environ,
        "PATH": f"{embedded_tools()}:{os.environ['PATH']}",
        "MAYDAY_DATABASE_URL": url,
        "RESTORED_URL": on_database(url, name),
    }
    umask, dump, create, restore = documented_lines(name).splitlines()

    async def run(*lines: str, options: str = "") -> int:
        command = ["sh", "-eu", "-c", "\n".join((umask, *lines))]
        given = environment | {"PGOPTIONS": options}
        return (await asyncio.to_thread(subprocess.run, command, cwd=tmp_path, env=given, check=False)).returncode

    try:
        await execute(url, make_role)
        assert await run(dump) == 0
        assert await run(create, options=f"-c role={role}") != 0, "a control: without the right it may not"
        await execute(url, let_make if may_make_databases else make_database)
        if may_make_databases:
            assert await run(create, options=f"-c role={role}") == 0
        assert await run(restore, options=f"-c role={role}") == 0
        restored = Settings.load(database_url=on_database(url, name), redis_url=service.settings.redis_url)
        async with run_service(restored) as again:
            assert await again.execute(COUNTS) == before
            owners = await again.execute("SELECT DISTINCT tableowner::text FROM pg_tables WHERE schemaname = 'public'")
            assert owners == [(role,)]
    finally:
        await execute(url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await execute(url, f"DROP ROLE IF EXISTS {role}")


async def test_a_backup_restored_by_the_documented_lines_has_every_row_and_every_count(
    service: Service, tmp_path: Path
) -> None:
    project = await service.project()
    await project.send(*[{"service": "shop", "severity": "error", "message": f"order {n} failed"} for n in range(30)])
    await service.run_worker()
    await project.send({"service": "shop", "severity": "error", "message": "not folded yet"})
    before = await service.execute(COUNTS)
    url, name = service.settings.database_url, f"test_{uuid4().hex}"
    environment = {
        **os.environ,
        "PATH": f"{embedded_tools()}:{os.environ['PATH']}",
        "MAYDAY_DATABASE_URL": url,
        "RESTORED_URL": on_database(url, name),
    }
    command = ["sh", "-eu", "-c", documented_lines(name)]
    try:
        await asyncio.to_thread(subprocess.run, command, cwd=tmp_path, env=environment, check=True)
        assert (tmp_path / "mayday.dump").stat().st_mode & 0o077 == 0, "all errors are in it"
        restored = Settings.load(database_url=on_database(url, name), redis_url=service.settings.redis_url)
        async with run_service(restored) as again:
            assert await again.execute(COUNTS) == before
            await again.run_worker()
            assert await again.execute("SELECT sum(count)::bigint FROM rollups") == [(31,)]
    finally:
        await execute(url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
