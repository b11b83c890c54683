"""A file that is followed is read whole, once, however it is rotated."""

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cli.send.decoding import InputRefused
from cli.send.following import FollowedFile


@contextmanager
def followed(path: Path) -> Iterator[Callable[[bytes], bytes]]:
    """Gives what waits until so much has been read, and gives it."""
    stopped = threading.Event()
    received = bytearray()
    one = FollowedFile(path, stopped.is_set)

    def read() -> None:
        for chunk in one.chunks():
            received.extend(chunk or b"")

    def wait_for(ending: bytes) -> bytes:
        until = time.monotonic() + 60
        while ending not in received and time.monotonic() < until:
            time.sleep(0.02)
        return bytes(received)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield wait_for
    finally:
        stopped.set()
        reader.join()


def append(path: Path, text: bytes) -> None:
    with path.open("ab") as file:
        file.write(text)


def test_what_is_there_and_what_comes(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_bytes(b"one\n")
    with followed(path) as wait_for:
        wait_for(b"one\n")
        append(path, b"two\n")
        assert wait_for(b"two\n") == b"one\ntwo\n"


def test_moved_away_and_made_anew(tmp_path: Path) -> None:
    """What the writer still sends to the old one is read before the new one."""
    path = tmp_path / "app.log"
    path.write_bytes(b"one\n")
    with followed(path) as wait_for, path.open("ab", buffering=0) as old:
        wait_for(b"one\n")
        path.rename(tmp_path / "app.log.1")
        old.write(b"two\n")
        time.sleep(0.6)
        old.write(b"three\n")
        path.write_bytes(b"four\n")
        assert wait_for(b"four\n").split() == [b"one", b"two", b"three", b"four"]


def test_copied_and_truncated(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_bytes(b"a line that is long\n")
    with followed(path) as wait_for:
        wait_for(b"long\n")
        shutil.copy(path, tmp_path / "app.log.1")
        os.truncate(path, 0)
        append(path, b"short\n")
        assert wait_for(b"short\n").split(b"\n") == [b"a line that is long", b"", b"short", b""]


def test_emptied_and_filled_again_with_more(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_bytes(b"one\n")
    with followed(path) as wait_for:
        wait_for(b"one\n")
        path.write_bytes(b"another beginning, and longer\n")
        assert b"another beginning, and longer\n" in wait_for(b"longer\n")


def test_several_rotations_lose_and_double_nothing(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_bytes(b"")
    with followed(path) as wait_for:
        for turn in range(4):
            for line in range(50):
                append(path, b"line %d of %d\n" % (line, turn))
            wait_for(b"line 49 of %d\n" % turn)
            path.rename(tmp_path / f"app.log.{turn}")
            path.write_bytes(b"")
        append(path, b"end\n")
        lines = wait_for(b"end\n").split(b"\n")
    assert [line for line in lines if line] == [b"line %d of %d" % (n, t) for t in range(4) for n in range(50)] + [
        b"end"
    ]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="cannot be read"):
        FollowedFile(tmp_path / "absent.log", lambda: True)
