"""A real Postgres and a real Valkey, started from wheels: sockets in a private folder, no TCP, data that stays.

`start_servers` is used by `mayday up` and by the tests.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cli.embedded.account import Location, explaining, make_passable, settle_place
from cli.embedded.failures import (
    DataOfAnotherRelease,
    EmbeddedFailed,
    HomeTaken,
    HomeUnusable,
    ProgramMissing,
    ServerFailed,
)
from cli.embedded.postgres import Postgres
from cli.embedded.valkey import Valkey

__all__ = [
    "DataOfAnotherRelease",
    "EmbeddedFailed",
    "HomeTaken",
    "HomeUnusable",
    "ProgramMissing",
    "ServerFailed",
    "Servers",
    "make_home",
    "start_servers",
    "temporary_home",
]


@dataclass(frozen=True, slots=True)
class Servers:
    """What runs; None for a server that was not asked for."""

    postgres: Postgres | None
    valkey: Valkey | None

    @property
    def database_url(self) -> str:
        """URL for asyncpg and SQLAlchemy; empty when there is no Postgres."""
        return self.postgres.url if self.postgres else ""

    @property
    def redis_url(self) -> str:
        """URL for redis-py; empty when there is no Valkey."""
        return self.valkey.url if self.valkey else ""

    @property
    def postgres_pid(self) -> int:
        """The number of the server process; 0 when there is none."""
        return self.postgres.pid if self.postgres else 0

    @property
    def valkey_pid(self) -> int:
        """The number of the server process; 0 when there is none."""
        return self.valkey.pid if self.valkey else 0

    def tend(self) -> str:
        """Look after both; to be called every now and then. Gives a line that says what was done, or nothing.

        A Valkey that ended is started again: all that it held can be made anew. Raises ServerFailed when Postgres
        ended, since only a restart of everything can tell what that meant.
        """
        if self.postgres:
            self.postgres.refuse_end()
        return self.valkey.tend() if self.valkey else ""


@contextmanager
def start_servers(
    home: Path, *, is_durable: bool = True, has_postgres: bool = True, has_valkey: bool = True
) -> Iterator[Servers]:
    """Both servers, or one, on the state folder `home`; on the way out Valkey stops first, then Postgres.

    `is_durable=False` leaves fsync out, for tests. Raises EmbeddedFailed, whose text says what to do.
    """
    with hold(home), ExitStack() as stack:
        place = settle_place(home)
        stack.callback(leave_no_folder, place)
        postgres = stack.enter_context(Postgres.run(place, is_durable=is_durable)) if has_postgres else None
        yield Servers(postgres, stack.enter_context(Valkey.run(place)) if has_valkey else None)


@contextmanager
def temporary_home() -> Iterator[Path]:
    """A state folder that goes on the way out. The servers' user may pass it, so that what they keep goes with it:
    as root they would keep it under /var/lib/mayday, where it stays."""
    with tempfile.TemporaryDirectory(prefix="mayday-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


@contextmanager
def hold(home: Path) -> Iterator[None]:
    """Make the folder ours alone while we run. The kernel lets go of the lock however we end."""
    make_home(home)
    with explaining(home):
        lock = (home / "lock").open("a")
        os.fchmod(lock.fileno(), 0o600)  # whoever may read it may hold it, and keep us from starting
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise HomeTaken(
                f"another Mayday runs on {home}: stop it, or give this one a MAYDAY_HOME and MAYDAY_PORT of its own"
            ) from error
        yield


def make_home(home: Path) -> None:
    """Make the state folder: closed to others, but for root, whose servers' user has to pass it. Raises HomeUnusable."""
    with explaining(home):
        if os.geteuid() == 0:
            make_passable(home)
        else:
            home.mkdir(mode=0o700, parents=True, exist_ok=True)


def leave_no_folder(place: Location) -> None:
    """Take the folder of the sockets away where it is not in the state folder."""
    if place.folder in place.sockets.parents:
        return
    with suppress(OSError):  # a killed server leaves its socket there, and the next start finds it
        place.sockets.rmdir()
        if place.user is not None:
            place.sockets.parent.rmdir()
