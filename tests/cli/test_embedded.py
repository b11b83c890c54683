"""The embedded servers: data that stays, nothing left behind, and a sentence for what is in the way."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import asyncpg
import pytest
from redis import Redis
from sqlalchemy import make_url

from cli.embedded import (
    DataOfAnotherRelease,
    HomeTaken,
    HomeUnusable,
    ProgramMissing,
    ServerFailed,
    account,
    start_servers,
    temporary_home,
)
from cli.embedded.account import Location, short_folder
from cli.embedded.process import Traces
from cli.embedded.user import NUMBERS, User, can_reach, pick_user
from cli.embedded.valkey import is_up
from common.settings import ROOT


@pytest.fixture
def home() -> Iterator[Path]:
    with temporary_home() as folder:
        yield folder / "home"


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


def wait_for(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.05)


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
        wait_for(lambda: not any(map(is_alive, pids)))


def test_a_killed_postgres_recovers_at_the_next_start(home: Path) -> None:
    with start_servers(home) as servers:
        ask(servers.database_url, "CREATE TABLE kept AS SELECT 7 AS number")
        os.kill(servers.postgres_pid, signal.SIGKILL)
    with start_servers(home) as servers:
        assert ask(servers.database_url, "SELECT number FROM kept") == 7


def test_a_second_one_on_the_same_home_is_refused(home: Path) -> None:
    with start_servers(home), pytest.raises(HomeTaken, match="another Mayday runs on"), start_servers(home):
        pass


def test_data_of_another_major_release_is_left_alone(home: Path) -> None:
    with start_servers(home):
        pass
    version = next(home.rglob("data/PG_VERSION"))
    version.write_text("17\n")
    with (
        pytest.raises(DataOfAnotherRelease, match=r"is of PostgreSQL 17, this release carries 18"),
        start_servers(home),
    ):
        pass


def test_sockets_of_a_deep_folder_go_to_a_short_one(home: Path) -> None:
    deep = home / ("d" * 60) / ("e" * 60)
    assert len(str(short_folder(deep))) < 60
    deep.parent.mkdir(parents=True, mode=0o755)
    home.chmod(0o755)
    with start_servers(deep) as servers:
        assert ask(servers.database_url, "SELECT 1") == 1


def test_a_home_with_a_space_and_a_percent_sign_works(home: Path) -> None:
    with start_servers(home / "my 5% folder") as servers:
        assert ask(servers.database_url, "SELECT 1") == 1
        with Redis.from_url(servers.redis_url) as client:
            assert client.ping()
        assert make_url(servers.database_url).query["host"] == str(home / "my 5% folder" / "run")


def test_a_home_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HomeUnusable, match="MAYDAY_HOME"), start_servers(tmp_path / "file" / "home"):
        pass


def test_whether_a_folder_can_be_reached_is_told_by_every_folder_above(home: Path) -> None:
    inner = home / "private" / "inner"
    inner.mkdir(parents=True)
    for folder in (home, inner):
        folder.chmod(0o755)
    (home / "private").chmod(0o700)
    assert not can_reach(inner, User(NUMBERS[0], NUMBERS[0]))
    (home / "private").chmod(0o711)
    assert can_reach(inner, User(NUMBERS[0], NUMBERS[0]))


def test_a_busy_session_that_outlives_its_postgres_does_not_stop_the_next_start(home: Path) -> None:
    endless = "DO $$ BEGIN LOOP END LOOP; END $$"
    script = "import asyncio, asyncpg, sys\nasync def run():\n    connection = await asyncpg.connect(sys.argv[1])\n"
    script += "    await connection.execute(sys.argv[2])\nasyncio.run(run())"
    with start_servers(home, has_valkey=False) as servers:
        ask(servers.database_url, "CREATE TABLE kept AS SELECT 7 AS number")
        command = [sys.executable, "-c", script, servers.database_url, endless]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as session:
            busy = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'DO %' AND state = 'active'"
            until = time.monotonic() + 20
            while (pid := ask(servers.database_url, busy)) is None:
                assert time.monotonic() < until
                time.sleep(0.05)
            assert isinstance(pid, int)
            os.kill(servers.postgres_pid, signal.SIGKILL)
            assert is_alive(pid)
            session.kill()
    with start_servers(home, has_valkey=False) as servers:
        assert ask(servers.database_url, "SELECT number FROM kept") == 7
        assert not is_alive(pid)


def test_only_processes_of_the_same_server_are_taken_for_leftovers() -> None:
    traces = Traces(["postgres"], ["mayday-aa11", " -D /home/x/data "], follower="postgres: ")
    assert traces.fits("/opt/bin/postgres -D /home/x/data -k /run ")
    assert traces.fits("postgres: mayday-aa11: checkpointer ")
    assert not traces.fits("postgres: mayday-bb22: checkpointer ")
    assert not traces.fits("/opt/bin/postgres -D /home/x/data2 ")
    assert not traces.fits("tail -f mayday-aa11 ")


def test_a_valkey_that_ended_is_started_again_and_a_postgres_is_not(home: Path) -> None:
    with start_servers(home) as servers:
        assert servers.tend() == ""
        killed = servers.valkey_pid
        os.kill(killed, signal.SIGKILL)
        wait_for(lambda: "was started again" in servers.tend())
        assert servers.valkey_pid != killed
        wait_for(lambda: is_up(Path(unquote(urlsplit(servers.redis_url).path))))
        os.kill(servers.postgres_pid, signal.SIGKILL)
        wait_for(lambda: not is_alive(servers.postgres_pid))
        with pytest.raises(ServerFailed, match="start Mayday again"):
            servers.tend()


def test_only_what_is_asked_for_is_started(home: Path) -> None:
    with start_servers(home, has_postgres=False) as servers:
        assert (servers.database_url, servers.postgres_pid) == ("", 0)
        assert servers.redis_url.startswith("unix:///")
        assert not (home / "postgres").exists()


def test_a_link_in_the_home_is_not_followed(home: Path) -> None:
    aim = home.parent / "aim"
    aim.mkdir(mode=0o755)
    home.mkdir(mode=0o711)
    (home / "postgres").symlink_to(aim)
    with pytest.raises(HomeUnusable, match="is a link or a file"), start_servers(home):
        pass
    assert (aim.stat().st_uid, aim.stat().st_mode & 0o777) == (os.geteuid(), 0o755)


def test_a_log_that_is_a_link_is_not_followed(home: Path) -> None:
    with start_servers(home, has_postgres=False):
        pass
    log = home / "valkey" / "server.log"
    log.unlink()
    log.symlink_to(home.parent / "victim")
    with pytest.raises(HomeUnusable, match=r"server\.log cannot be written"), start_servers(home, has_postgres=False):
        pass
    assert not (home.parent / "victim").exists()


def test_a_home_that_was_there_keeps_its_mode(home: Path) -> None:
    home.mkdir()
    home.chmod(0o1777)
    with start_servers(home, has_postgres=False):
        assert home.stat().st_mode & 0o7777 == 0o1777


def test_a_private_folder_that_others_could_enter_is_closed(home: Path) -> None:
    home.mkdir(mode=0o711)
    (home / "run").mkdir()
    (home / "run").chmod(0o777)
    assert Location(home, home / "run", None).own(home / "run").stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to someone else")
def test_a_data_folder_of_someone_else_is_a_sentence(home: Path) -> None:
    home.mkdir(mode=0o711)
    (home / "postgres").mkdir()
    os.chown(home / "postgres", 12345, 12345)
    with pytest.raises(HomeUnusable, match="belongs to the user with the id 12345: run as"), start_servers(home):
        pass
    assert (home / "postgres").stat().st_uid == 12345


@pytest.mark.skipif(os.geteuid() != 0, reason="only as root do the servers run as another user")
def test_data_that_the_servers_can_no_longer_reach_is_not_begun_anew(home: Path) -> None:
    with start_servers(home, has_valkey=False):
        pass
    home.parent.chmod(0o700)
    with pytest.raises(HomeUnusable, match="can no longer pass"), start_servers(home):
        pass


def test_a_platform_without_a_wheel_is_told_what_to_set(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(ProgramMissing, match="MAYDAY_DATABASE_URL"), start_servers(home, has_valkey=False):
        pass
    monkeypatch.setattr("shutil.which", lambda _name: None)
    with pytest.raises(ProgramMissing, match="MAYDAY_REDIS_URL"), start_servers(home, has_postgres=False):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only as root do the servers have a folder elsewhere")
def test_a_new_home_on_the_path_of_a_removed_one_does_not_find_its_data(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account, "ROOT_FOLDER", home.parent / "var")
    home.parent.chmod(0o711)
    hidden = home / "hidden"
    tokens = []
    for _ in range(2):
        hidden.mkdir(parents=True, mode=0o700)
        tokens.append(account.settle_place(hidden).folder)
        assert account.settle_place(hidden).folder == tokens[-1]
        shutil.rmtree(home)
    assert len(set(tokens)) == 2


def test_the_servers_get_a_number_that_no_account_and_no_process_has(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = pick_user([], home)
    assert first.uid in NUMBERS
    assert pick_user([], home) == first
    monkeypatch.setattr("cli.embedded.user.users_of_processes", lambda: {first.uid})
    second = pick_user([], home)
    assert second.uid in set(NUMBERS) - {first.uid}
    monkeypatch.setattr("cli.embedded.user.has_account", lambda _number: True)
    with pytest.raises(HomeUnusable, match="run Mayday as an ordinary user"):
        pick_user([], home)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to someone else")
def test_the_servers_keep_their_number_while_it_is_free(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.mkdir()
    os.chown(home, NUMBERS[7], NUMBERS[7])
    monkeypatch.setattr("cli.embedded.user.users_of_processes", lambda: {NUMBERS[7]})
    assert pick_user([home], home) == (NUMBERS[7], NUMBERS[7])
    monkeypatch.setattr("cli.embedded.user.has_account", lambda number: number == NUMBERS[7])
    assert pick_user([home], home).uid != NUMBERS[7]
