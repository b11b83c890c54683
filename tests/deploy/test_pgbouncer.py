"""deploy/pgbouncer/pgbouncer.ini in a real PgBouncer: the main job goes through it, with a password."""

import asyncio
import configparser
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy.engine import make_url

from common.settings import ROOT, Settings
from tests.attacks.proxies import free_port
from tests.conftest import run_service
from tests.pgbouncer import PROGRAM, answers, seem_nobody, wait_until_it_answers

EXAMPLE = ROOT / "deploy/pgbouncer/pgbouncer.ini"
PASSWORD = "a-long-random-text"


def read_example() -> configparser.ConfigParser:
    parsed = configparser.ConfigParser(interpolation=None)
    parsed.read(EXAMPLE)
    return parsed


def fill_in(folder: Path, database_url: str, port: int) -> Path:
    """The file in front of this database, on this port."""
    server = make_url(database_url)
    (folder / "userlist.txt").write_text(f'"{server.username}" "{PASSWORD}"\n')
    given = read_example()
    host = server.query.get("host") or server.host
    given["databases"]["mayday"] = f"host={host} port={server.port or 5432} dbname={server.database}"
    given["pgbouncer"].update(
        {
            "listen_port": str(port),
            "auth_file": str(folder / "userlist.txt"),
            "unix_socket_dir": "",
        }
    )
    with (folder / "pgbouncer.ini").open("w") as file:
        given.write(file)
    return folder / "pgbouncer.ini"


@pytest.fixture
def pooled_url(database_url: str, tmp_path: Path) -> Iterator[str]:
    if PROGRAM is None:
        pytest.skip("pgbouncer is not installed here")
    port = free_port()
    configuration = fill_in(tmp_path, database_url, port)
    log = tmp_path / "pgbouncer.log"
    user = make_url(database_url).username
    with (
        log.open("wb") as output,
        subprocess.Popen([PROGRAM, configuration], stdout=output, stderr=output, preexec_fn=seem_nobody) as process,  # noqa: PLW1509 - one call
    ):
        try:
            url = f"postgresql://{user}:{PASSWORD}@127.0.0.1:{port}/mayday"
            wait_until_it_answers(url, process, log)
            yield url
        finally:
            process.terminate()


async def test_errors_are_stored_counted_and_read_through_it(pooled_url: str, redis_url: str) -> None:
    settings = Settings.load(database_url=pooled_url, redis_url=redis_url, database_pooler="transaction")
    async with run_service(settings) as service:
        project = await service.project()
        batch = [{"service": "shop", "severity": "error", "message": f"payment {n} failed"} for n in range(10)]
        await asyncio.gather(*[project.send(*batch) for _ in range(30)])
        await service.run_worker()
        assert (await project.get("/api/errors/patterns"))["total"] == 300


async def test_it_lets_nobody_in_without_the_password(pooled_url: str) -> None:
    assert await answers(pooled_url)
    for password in ("", ":wrong"):
        parts = urlsplit(pooled_url)
        assert not await answers(
            parts._replace(netloc=f"{parts.username}{password}@{parts.netloc.split('@')[1]}").geturl()
        )


def test_its_pool_has_what_a_worker_needs_at_once_and_room_for_the_programs() -> None:
    given = read_example()["pgbouncer"]
    assert given["pool_mode"] == "transaction"
    assert int(given["default_pool_size"]) >= 4
    assert int(given["max_client_conn"]) >= 6 * 18 + 2 * 12
    assert given["listen_addr"] == "127.0.0.1"
