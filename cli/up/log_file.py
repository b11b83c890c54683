"""The log of what `mayday up` runs: one file in the state folder that API and worker write to, kept from growing.

Both append to it by themselves, so that nothing of it is lost or waits when `up` is busy or killed; `up` reads what came.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from cli.embedded.process import last_lines, open_log

NAME = "mayday.log"
MAX_BYTES = 10 * 2**20
LINE_MAX_BYTES = 64 * 2**10  # of one that has not ended yet


class LogFile:
    """The log, open to be written to by children; read from where it ended when it was opened. Close it at the end."""

    def __init__(self, home: Path, max_bytes: int = MAX_BYTES) -> None:
        self.path, self.max_bytes = home / NAME, max_bytes
        self.file: BinaryIO = open_log(self.path)
        self.read_to = self.path.stat().st_size
        self.unended = b""

    def close(self) -> None:
        self.file.close()

    def read_lines(self) -> Iterator[str]:
        """The lines that ended since the last call, and one that is too long to be waited for. Then, where the file has
        grown too large, it goes on empty and what it held is beside it as `mayday.log.1`, in place of what was there."""
        with self.path.open("rb") as log:
            log.seek(self.read_to)
            *ended, self.unended = (self.unended + log.read()).split(b"\n")
            self.read_to = log.tell()
        if len(self.unended) > LINE_MAX_BYTES:
            ended, self.unended = [*ended, self.unended], b""
        for line in ended:
            yield line.decode(errors="replace")
        if self.read_to > self.max_bytes:
            self.turn_over()

    def turn_over(self) -> None:
        """Those who append go on at the new beginning; a line that comes in the instant between copy and cut is lost."""
        new = self.path.with_name(f"{NAME}.new")
        shutil.copyfile(self.path, new)
        new.chmod(0o600)
        new.replace(self.path.with_name(f"{NAME}.1"))
        os.ftruncate(self.file.fileno(), 0)
        self.read_to, self.unended = 0, b""

    def tell_end(self) -> str:
        """Where it is and how it ends, for a message."""
        return f"its log {self.path} ends with:\n{last_lines(self.path)}"
