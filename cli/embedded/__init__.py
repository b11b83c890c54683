"""A real Postgres and a real Valkey, started from wheels: sockets in a private folder, no TCP, data that stays.

`start_servers` is used by `mayday up` and by the tests.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cli.embedded import postgres, valkey
from cli.embedded.account import EmbeddedFailed, Place, settle_place

__all__ = ["EmbeddedFailed", "Servers", "start_servers"]


@dataclass(frozen=True, slots=True)
class Servers:
    """Where the two listen."""

    database_url: str
    redis_url: str
    postgres_pid: int
    valkey_pid: int


@contextmanager
def start_servers(home: Path, *, is_durable: bool = True) -> Iterator[Servers]:
    """Both servers on the state folder `home`; on the way out Valkey stops first, then Postgres.

    `is_durable=False` leaves fsync out, for tests. Raises EmbeddedFailed, whose text says what to do.
    """
    with hold(home):
        place = settle_place(home)
        with postgres.run(place, is_durable=is_durable) as database, valkey.run(place) as redis:
            yield Servers(database.url, redis.url, database.pid, redis.pid)


@contextmanager
def hold(home: Path) -> Iterator[None]:
    """Make the folder ours alone while we run. The kernel lets go of the lock however we end."""
    try:
        home.mkdir(mode=0o711, parents=True, exist_ok=True)
        lock = (home / "lock").open("a")
    except OSError as error:
        raise EmbeddedFailed(
            f"{home} cannot be written ({error.strerror}): give a folder of your own as MAYDAY_HOME, "
            "or make this one yours with chown"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise EmbeddedFailed(
                f"another Mayday runs on {home}: stop it, or give this one a MAYDAY_HOME and MAYDAY_PORT of its own"
            ) from error
        yield


def describe(place: Place) -> str:
    """Who the servers run as and where their files are, in a line."""
    return f"Postgres and Valkey run as {place.user or 'you'}, files in {place.folder}"
