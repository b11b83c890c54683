"""A real PgBouncer in transaction mode, with few connections behind it, so that transactions change their server."""

import asyncio
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.engine import URL, make_url

PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")
NOBODY = 65534
SERVERS_PER_DATABASE = 10


@contextmanager
def run_pgbouncer(database_url: str) -> Iterator[str]:
    """One in front of the server of this URL, on a socket; gives the URL that leads through it to the same database.

    Skips the test where the program is not installed.
    """
    if PROGRAM is None:
        pytest.skip("pgbouncer is not installed here")
    server = make_url(database_url)
    with tempfile.TemporaryDirectory(prefix="pgbouncer-") as name:
        folder = Path(name)
        (folder / "pgbouncer.ini").write_text(configuration(folder, server))
        log = (folder / "pgbouncer.log").open("wb")
        command = [PROGRAM, str(folder / "pgbouncer.ini")]
        with (
            log,
            subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=seem_nobody) as process,  # noqa: PLW1509 - one call
        ):
            try:
                url = f"postgresql://{server.username}@/{server.database}?host={folder}&port=6432"
                wait_until_it_answers(url, process, folder / "pgbouncer.log")
                yield url
            finally:
                process.terminate()


def seem_nobody() -> None:
    """It refuses to run for root, whom alone the embedded Postgres lets in: started by nobody, it acts as root."""
    if os.geteuid() == 0:
        os.setresuid(NOBODY, 0, 0)


def configuration(folder: Path, server: URL) -> str:
    """pgbouncer.ini: any database of that server, and none of the time limits that a session would bring."""
    host = server.query.get("host") or server.host or "localhost"
    password = f" password={server.password}" if server.password else ""
    return f"""
[databases]
* = host={host} port={server.port or 5432} user={server.username}{password}
[pgbouncer]
listen_addr =
listen_port = 6432
unix_socket_dir = {folder}
auth_type = any
pool_mode = transaction
default_pool_size = {SERVERS_PER_DATABASE}
max_client_conn = 500
server_round_robin = 1
"""


def wait_until_it_answers(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 10
    while not asyncio.run(answers(url)):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.05)


async def answers(url: str) -> bool:
    try:
        connection = await asyncpg.connect(url, statement_cache_size=0, timeout=5)
    except (OSError, asyncpg.PostgresError):
        return False
    await connection.close()
    return True
