"""The embedded servers: data that stays, nothing left behind, and a sentence for what is in the way."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from cli.embedded import EmbeddedFailed, start_servers
from cli.embedded.account import can_reach, short_folder
from common.settings import ROOT


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mayday-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder) / "home"


def ask(url: str, statement: str) -> object:
    async def fetch() -> object:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    return asyncio.run(fetch())


def is_alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def test_data_outlives_a_restart_and_nothing_is_left_running(home: Path) -> None:
    with start_servers(home) as servers:
        assert str(ask(servers.database_url, "SHOW server_version")).startswith("18")
        assert ask(servers.database_url, "SHOW fsync") == "on"
        assert ask(servers.database_url, "SHOW listen_addresses") == ""
        ask(servers.database_url, "CREATE TABLE kept AS SELECT 7 AS number")
    assert not is_alive(servers.postgres_pid)
    assert not is_alive(servers.valkey_pid)
    with start_servers(home) as servers:
        assert ask(servers.database_url, "SELECT number FROM kept") == 7


def test_servers_do_not_run_as_root(home: Path) -> None:
    with start_servers(home) as servers:
        for pid in (servers.postgres_pid, servers.valkey_pid):
            assert Path(f"/proc/{pid}").stat().st_uid != 0
        assert (home / "postgres").stat().st_mode & 0o077 == 0


def test_a_killed_parent_takes_its_servers_along_and_the_next_start_finds_the_data(home: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from cli.embedded import start_servers\n"
        f"with start_servers(Path({str(home)!r})) as s:\n"
        "    print(s.postgres_pid, s.valkey_pid, flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    parent.kill()
    parent.communicate()
    with start_servers(home) as servers:
        assert ask(servers.database_url, "SELECT 1") == 1
        until = time.monotonic() + 20
        while any(map(is_alive, pids)):
            assert time.monotonic() < until
            time.sleep(0.05)


def test_a_killed_postgres_recovers_at_the_next_start(home: Path) -> None:
    with start_servers(home) as servers:
        ask(servers.database_url, "CREATE TABLE kept AS SELECT 7 AS number")
        os.kill(servers.postgres_pid, signal.SIGKILL)
    with start_servers(home) as servers:
        assert ask(servers.database_url, "SELECT number FROM kept") == 7


def test_a_second_one_on_the_same_home_is_refused(home: Path) -> None:
    with start_servers(home), pytest.raises(EmbeddedFailed, match="another Mayday runs on"), start_servers(home):
        pass


def test_data_of_another_major_release_is_left_alone(home: Path) -> None:
    with start_servers(home):
        pass
    version = next(home.rglob("data/PG_VERSION"))
    version.write_text("17\n")
    with pytest.raises(EmbeddedFailed, match=r"is of PostgreSQL 17, this release carries 18"), start_servers(home):
        pass


def test_sockets_of_a_deep_folder_go_to_a_short_one(home: Path) -> None:
    deep = home / ("d" * 60) / ("e" * 60)
    assert len(str(short_folder(deep))) < 60
    deep.parent.mkdir(parents=True, mode=0o755)
    home.chmod(0o755)
    with start_servers(deep) as servers:
        assert ask(servers.database_url, "SELECT 1") == 1


def test_a_home_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedFailed, match="MAYDAY_HOME"), start_servers(tmp_path / "file" / "home"):
        pass


def test_whether_a_folder_can_be_reached_is_told_by_every_folder_above(home: Path) -> None:
    inner = home / "private" / "inner"
    inner.mkdir(parents=True)
    for folder in (home, inner):
        folder.chmod(0o755)
    (home / "private").chmod(0o700)
    assert not can_reach(inner, "nobody")
    (home / "private").chmod(0o711)
    assert can_reach(inner, "nobody")
