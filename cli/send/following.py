"""A file that grows, for ever: also when it is moved away and made anew, or emptied and filled again (logrotate)."""

import os
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import IO

from cli.send.decoding import CHUNK_BYTES, Chunks, InputRefused

POLL_SECONDS = 0.25
IDLE_POLLS = 4  # within which nothing came: a second
HEAD_BYTES = 256  # by which a file is known to be the same after it was emptied and filled again


class FollowedFile:
    """One file by its name. What was moved away is read to its end before the new one is begun."""

    def __init__(self, path: Path, is_stopped: Callable[[], bool]) -> None:
        """Raises InputRefused where there is no such file."""
        self.path = path
        self.name = path.name
        self.is_stopped = is_stopped
        self.changed_ms: int | None = None
        self.size_bytes = 0
        self.position = 0
        self.head = b""
        try:
            self.file = self.open()
        except OSError as error:
            raise InputRefused(f"{path} cannot be read: {error.strerror}") from error

    def open(self) -> IO[bytes]:
        file = self.path.open("rb", buffering=0)
        self.position, self.head = 0, b""
        return file

    def chunks(self) -> Chunks:
        """What is there, and what comes, until it is stopped; a line that was not ended in the old file is in the new one."""
        with closing(self):
            yield from self.follow()

    def close(self) -> None:
        self.file.close()

    def follow(self) -> Chunks:
        idle = 0
        while not self.is_stopped():
            if chunk := self.read():
                idle = 0
                yield chunk
            elif self.begin_anew():
                yield b"\n"
            else:
                idle += 1
                if idle % IDLE_POLLS == 0:
                    yield None
                time.sleep(POLL_SECONDS)

    def read(self) -> bytes:
        chunk = self.file.read(CHUNK_BYTES)
        self.position += len(chunk)
        if len(self.head) < HEAD_BYTES:
            self.head += chunk[: HEAD_BYTES - len(self.head)]
        return chunk

    def begin_anew(self) -> bool:
        """Whether the file under this name is another one by now, or was emptied; then it is read from its start. Of one that
        was moved away all is read before, what came meanwhile too."""
        try:
            there = self.path.stat()
        except OSError:
            return False  # moved away, and not made yet
        mine = os.fstat(self.file.fileno())
        if (there.st_dev, there.st_ino) != (mine.st_dev, mine.st_ino):
            if mine.st_size > self.position:
                return False
            try:
                file = self.open()
            except OSError:
                return False
            self.file.close()
            self.file = file
            return True
        if mine.st_size < self.position or os.pread(self.file.fileno(), len(self.head), 0) != self.head:
            self.file.seek(0)
            self.position, self.head = 0, b""
            return True
        return False
