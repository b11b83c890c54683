"""Server processes: started as the place's user, waited for, ended, and looked for after a Mayday that was killed."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cli.embedded.account import Location
from cli.embedded.failures import HomeUnusable, ServerFailed
from cli.embedded.user import User

PR_SET_PDEATHSIG = 1
QUIT_SECONDS = 5.0


def open_log(path: Path, flags: int = os.O_APPEND) -> BinaryIO:
    """A log to write to. As root we write into a folder of another user: never through a link that it made."""
    try:
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | flags, 0o600), "ab")
    except OSError as error:
        raise HomeUnusable(f"{path} cannot be written ({error.strerror}): move it away") from error


def last_lines(log: Path, count: int = 8) -> str:
    """The end of a log, for a message."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-count:])


def start(
    place: Location,
    command: Sequence[str | Path],
    log: BinaryIO,
    dying_wish: signal.Signals,
    *,
    user: User | None = None,
) -> subprocess.Popen[bytes]:
    """Run a server as the place's user, or `user`, out of reach of the terminal's Ctrl-C; it gets `dying_wish` when we
    die."""
    user = user or place.user
    return subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        cwd=place.folder,
        env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
        user=user.uid if user else None,
        group=user.gid if user else None,
        extra_groups=[] if user else None,
        umask=0o077,
        start_new_session=True,
        preexec_fn=follow_parent(dying_wish),  # noqa: PLW1509 - nothing else runs in threads yet
    )


def follow_parent(wish: signal.Signals) -> Callable[[], None] | None:
    """Ask the kernel to send `wish` to the child when its parent dies, however that happens. Linux only."""
    if sys.platform != "linux":
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def follow() -> None:
        prctl(PR_SET_PDEATHSIG, wish)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return follow


def wait_until(is_up: Callable[[], bool], process: subprocess.Popen[bytes], log: Path, seconds: float) -> None:
    """Wait for a server to answer. Raises ServerFailed with the last lines of its log."""
    until = time.monotonic() + seconds
    while not is_up():
        if process.poll() is not None or time.monotonic() > until:
            state = "does not answer" if process.returncode is None else f"ended with {process.returncode}"
            raise ServerFailed(f"{log.parent.name} {state}; its log {log} ends with:\n{last_lines(log)}")
        time.sleep(0.02)


def stop(process: subprocess.Popen[bytes], wish: signal.Signals, seconds: float) -> None:
    """Ask the server to end, and end it when it does not."""
    if process.poll() is None:
        process.send_signal(wish)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@dataclass(frozen=True, slots=True)
class Traces:
    """What the processes of one server show in their command lines, as they set them.

    `programs` are the names a command line may have its program under, one of `marks` stands in it, and a command
    line that begins with `follower` is that of a child, which must not get the signal that is meant for the server.
    """

    programs: Collection[str]
    marks: Collection[str]
    follower: str | None = None

    def find(self) -> dict[int, str]:
        """The processes, with their command lines."""
        return {pid: line for pid, line in command_lines() if self.fits(line)}

    def fits(self, line: str) -> bool:
        is_ours = any(line.startswith((f"{name} ", f"{name}: ")) or f"/{name} " in line for name in self.programs)
        return is_ours and any(mark in line for mark in self.marks)


def command_lines() -> list[tuple[int, str]]:
    """Every process with its command line. /proc rather than `ps`, which small images lack."""
    if not Path("/proc/self/cmdline").exists():
        shown = subprocess.run(["ps", "-axww", "-o", "pid=,command="], capture_output=True, text=True, check=False)
        return [
            (int(pid), line + " ") for pid, _, line in (row.strip().partition(" ") for row in shown.stdout.splitlines())
        ]
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                found.append((int(folder.name), line + " "))
    return found


def end_leftovers(traces: Traces, wish: signal.Signals, seconds: float) -> None:
    """End what a killed Mayday left: the server by `wish`, then what is still there the hard way.

    The caller holds the lock of the state folder, so that nobody else's server can be meant. Raises ServerFailed.
    """
    for step, limit in ((wish, seconds), (signal.SIGQUIT, QUIT_SECONDS), (signal.SIGKILL, QUIT_SECONDS)):
        for pid, line in traces.find().items():
            # a child whose server is gone knows no gentle way out: it only stands in the way of the next start
            if step != wish or traces.follower is None or not line.startswith(traces.follower):
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, step)
        if is_gone(traces, wish=step, seconds=limit):
            return
    numbers = ", ".join(map(str, traces.find()))
    raise ServerFailed(f"processes of an earlier Mayday do not end: end them, by number {numbers}, then start again")


def is_gone(traces: Traces, wish: signal.Signals, seconds: float) -> bool:
    """Wait for the processes to go; at once False when only followers are left, which did not get the first signal."""
    until = time.monotonic() + seconds
    while found := traces.find():
        only_followers = traces.follower and all(line.startswith(traces.follower) for line in found.values())
        if time.monotonic() > until or (only_followers and wish not in (signal.SIGQUIT, signal.SIGKILL)):
            return False
        time.sleep(0.05)
    return True
