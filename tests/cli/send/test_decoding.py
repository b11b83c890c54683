"""Inputs are unpacked and read by what they hold; what is no text is refused with a sentence."""

import bz2
import gzip
import lzma
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.send.decoding import Input, InputRefused, find_charset, to_text
from common.compression import zstd
from tests.cli.send.reading import in_chunks, without_pauses

TEXT = "ERROR größer\n".encode() * 1_000
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress, "zstd": zstd.compress, "bz2": bz2.compress, "xz": lzma.compress,
}  # fmt: skip


def read(path: Path) -> bytes:
    return b"".join(without_pauses(Input(path).chunks()))


@pytest.mark.parametrize("name", PACKERS)
def test_packed_files_whatever_their_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / "app.log"
    path.write_bytes(PACKERS[name](TEXT) * 2)  # of two members
    one = Input(path)
    assert b"".join(without_pauses(one.chunks())) == TEXT * 2
    assert one.position == one.size_bytes == path.stat().st_size


@pytest.mark.parametrize("name", PACKERS)
def test_what_ends_too_early_is_read_up_to_there_and_told(tmp_path: Path, name: str) -> None:
    path = tmp_path / "app.log"
    path.write_bytes(PACKERS[name](os.urandom(2**20).hex().encode())[:-2_000])
    received: list[bytes | None] = []
    with pytest.raises(InputRefused, match="ends too early or is damaged"):
        received.extend(Input(path).chunks())
    assert received or name == "bz2"


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("size", [7, 2**16])
def test_charsets_with_a_mark_and_without(charset: str, size: int) -> None:
    text = "2026-11-23 ERROR größer\n" * 50
    assert b"".join(without_pauses(to_text(in_chunks(text.encode(charset), max(size, 64)), "x"))) == text.encode()


BINARY = {
    "app.zip": b"PK\x03\x04" + bytes(100),
    "app.journal": b"LPKSHHRH" + bytes(100),
    "app": b"\x7fELF" + bytes(100),
    "app.tar": b"x" * 257 + b"ustar" + bytes(100),
    "app.bin": bytes(range(256)) * 10,
}


@pytest.mark.parametrize("name", BINARY)
def test_what_is_no_text_is_refused_with_a_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(BINARY[name])
    with pytest.raises(InputRefused, match=rf"{name} is no text but .*: nothing of it was sent"):
        read(tmp_path / name)


def test_a_file_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="cannot be read: No such file"):
        Input(tmp_path / "absent.log")


def test_a_pipe_where_nothing_comes_says_so_each_second(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def write() -> None:
        with pipe.open("wb", buffering=0) as file:
            file.write(b"ERROR one\n")
            time.sleep(1.5)
            file.write(b"ERROR two\n")

    writer = threading.Thread(target=write)
    writer.start()
    chunks = list(Input(pipe).chunks())
    writer.join()
    assert chunks.index(b"ERROR one\n") < chunks.index(None) < chunks.index(b"ERROR two\n")


@given(st.binary(max_size=2_000))
def test_any_bytes_have_a_charset_or_are_refused(data: bytes) -> None:
    find_charset(data)
    try:
        list(to_text(iter([data]), "x"))
    except InputRefused as refused:
        assert str(refused).startswith("x is no text but")  # noqa: PT017 - either is right
