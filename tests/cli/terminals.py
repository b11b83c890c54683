"""Our command line in a real terminal (a pty), with what it showed."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class Terminal:
    """A program in a terminal of its own, which its Ctrl-C goes to."""

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        *,
        columns: int = 160,
    ) -> None:
        self.ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        self.raw = b""
        # the size is this terminal's, not that of the one that the tests were started in
        own = {name: value for name, value in environment.items() if name not in {"COLUMNS", "LINES"}}
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "cli", *arguments],
            cwd=ROOT,
            env={**own, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT)},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - the test has no threads that hold locks
        )
        os.close(theirs)

    @property
    def shown(self) -> str:
        """What was shown, as lines of text without colours."""
        return COLOURS.sub("", self.raw.decode(errors="replace")).replace("\r\n", "\n")

    def read(self, seconds: float) -> bool:
        """Take in what comes; whether more may come."""
        if select.select([self.ours], [], [], seconds)[0]:
            with suppress(OSError):  # Linux says so when the program has ended
                if came := os.read(self.ours, 65_536):
                    self.raw += came
                    return True
            return False
        return True

    def until(self, is_so: Callable[[str], bool], seconds: float = 120) -> str:
        """Wait until what was shown is as wanted."""
        ends_at = time.monotonic() + seconds
        while not is_so(self.shown):
            assert time.monotonic() < ends_at, self.shown
            assert self.read(0.1) or is_so(self.shown), self.shown
        return self.shown

    def type(self, keys: str) -> None:
        os.write(self.ours, keys.encode())

    def end(self, seconds: float = 60) -> int:
        """Wait for the program to end; its exit status."""
        ends_at = time.monotonic() + seconds
        while self.read(0.1) and time.monotonic() < ends_at:
            pass
        try:
            return self.process.wait(max(0.1, ends_at - time.monotonic()))
        finally:
            self.close()

    def hang_up(self) -> None:
        """Close the terminal while the program runs in it."""
        os.close(self.ours)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        with suppress(OSError):
            os.close(self.ours)


def run_in_terminal(arguments: Sequence[str], environment: Mapping[str, str], *, columns: int = 160) -> tuple[int, str]:
    """Run to the end; the exit status, and all that was shown with its colours."""
    terminal = Terminal(arguments, environment, columns=columns)
    status = terminal.end()
    return status, terminal.raw.decode(errors="replace").replace("\r\n", "\n")
