"""The bytes of an input, unpacked, in UTF-8: by what it holds and not by its name."""

import bz2
import codecs
import gzip
import io
import lzma
import os
import select
import sys
import zlib
from collections.abc import Callable, Iterator
from itertools import takewhile
from pathlib import Path
from typing import IO, cast

from common.compression import zstd

CHUNK_BYTES = 64 * 2**10
IDLE_SECONDS = 1.0
# None: nothing came for a second, so that what is held back should go on.
Chunks = Iterator[bytes | None]

PACKED = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
}
MAGIC_BYTES = 6
BROKEN = (EOFError, zlib.error, zstd.ZstdError, lzma.LZMAError, OSError)
CHARSETS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What begins so is no text, and what to do about it.
KINDS = (
    (b"PK\x03\x04", "a zip archive: unpack it first"),
    (b"LPKSHHRH", "a journal of systemd: journalctl -o json --file FILE | mayday send"),
    (b"SQLite format 3", "a database of SQLite"),
    (b"\x7fELF", "a program"),
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"PAR1", "a Parquet file"),
    (b"ElfFile", "an event log of Windows"),
)
TAR_AT, TAR = 257, b"ustar"
CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\x0b\x0c\x1b\x1e\x00") | {0x7F})
CONTROLS_SHARE = 0.1


class InputRefused(Exception):
    """An input that is not read; the text says why, in a sentence."""


class RawInput(io.RawIOBase):
    """The bytes of a file descriptor, after those that were read of it before; counts them."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.position = 0
        self.given_back = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        if self.given_back:
            data, self.given_back = self.given_back[: len(buffer)], self.given_back[len(buffer) :]
        else:
            data = os.read(self.descriptor, len(buffer))
            self.position += len(data)
        buffer[: len(data)] = data
        return len(data)

    def is_ready(self) -> bool:
        """Whether something comes within a second, the end included."""
        return bool(self.given_back) or bool(select.select([self.descriptor], [], [], IDLE_SECONDS)[0])


class Input:
    """One file, or standard input: its chunks, and how far it is read."""

    def __init__(self, path: Path | None, is_stopped: Callable[[], bool] = lambda: False) -> None:
        """Raises InputRefused. Where it is stopped, it ends."""
        self.path = path
        self.is_stopped = is_stopped
        self.name = path.name if path else "stdin"
        self.size_bytes = 0
        self.changed_ms: int | None = None
        self.raw: RawInput | None = None
        if path:
            with self.open() as file:
                status = os.fstat(file.fileno())
            self.size_bytes, self.changed_ms = status.st_size, status.st_mtime_ns // 1_000_000

    def open(self) -> IO[bytes]:
        """Raises InputRefused."""
        try:
            return self.path.open("rb", buffering=0) if self.path else sys.stdin.buffer
        except OSError as error:
            raise InputRefused(f"{self.path} cannot be read: {error.strerror}") from error

    @property
    def position(self) -> int:
        """Bytes read of the file as it is, packed or not."""
        return self.raw.position if self.raw else 0

    def chunks(self) -> Chunks:
        """Raises InputRefused for what is no text, and where a packed file is damaged, after all that could be read."""
        with self.open() as file:
            self.raw = RawInput(file.fileno())
            yield from to_text(takewhile(lambda _: not self.is_stopped(), unpack(self.raw, self.name)), self.name)


def unpack(raw: RawInput, name: str) -> Chunks:
    head = b""
    while len(head) < MAGIC_BYTES:
        if not raw.is_ready():
            yield None
        elif more := raw.read(CHUNK_BYTES):
            head += more
        else:
            break
    raw.given_back = head
    packing = next((packing for magic, packing in PACKED.items() if head.startswith(magic)), None)
    yield from plain_chunks(raw) if packing is None else packed_chunks(raw, packing, name)


def plain_chunks(raw: RawInput) -> Chunks:
    while True:
        if not raw.is_ready():
            yield None
        elif chunk := raw.read(CHUNK_BYTES):
            yield chunk
        else:
            return


def packed_chunks(raw: RawInput, packing: str, name: str) -> Chunks:
    file = open_packed(io.BufferedReader(raw, CHUNK_BYTES), packing)
    while True:
        try:
            chunk = file.read(CHUNK_BYTES)
        except BROKEN as error:
            raise InputRefused(
                f"{name}: {packing} that ends too early or is damaged; what came before is sent"
            ) from error
        if not chunk:
            return
        yield chunk


def open_packed(packed: io.BufferedReader, packing: str) -> IO[bytes]:
    match packing:
        case "gzip":
            return cast("IO[bytes]", gzip.GzipFile(fileobj=packed))
        case "zstd":
            return cast("IO[bytes]", zstd.ZstdFile(packed))
        case "bzip2":
            return cast("IO[bytes]", bz2.BZ2File(packed))
        case _:
            return cast("IO[bytes]", lzma.LZMAFile(packed))


def to_text(chunks: Chunks, name: str) -> Chunks:
    """The same in UTF-8 without a mark at its start. Raises InputRefused where the first chunk is no text."""
    decoder: codecs.IncrementalDecoder | None = None
    is_begun = False
    for chunk in chunks:
        text = chunk
        if chunk and not is_begun:
            is_begun = True
            mark, charset = find_charset(chunk)
            decoder = codecs.getincrementaldecoder(charset)("replace") if charset != "utf-8" else None
            text = chunk[len(mark) :]
            if decoder is None:
                refuse_binary(text, name)
        if text and decoder is not None:
            text = decoder.decode(text).encode()
        yield text


def find_charset(head: bytes) -> tuple[bytes, str]:
    """The mark that a text begins with, and its charset; where it has no mark, by where the NULs are."""
    for mark, charset in CHARSETS:
        if head.startswith(mark):
            return mark, charset
    sample = head[:1_000]
    if len(sample) > 3 and sample[1::2].count(0) > len(sample) // 3 and not sample[::2].count(0):
        return b"", "utf-16-le"
    if len(sample) > 3 and sample[::2].count(0) > len(sample) // 3 and not sample[1::2].count(0):
        return b"", "utf-16-be"
    return b"", "utf-8"


def refuse_binary(head: bytes, name: str) -> None:
    """Raise InputRefused for what is no text."""
    sample = head[:8_192]
    kind = next((kind for magic, kind in KINDS if sample.startswith(magic)), None)
    if kind is None and sample[TAR_AT : TAR_AT + len(TAR)] == TAR:
        kind = "a tar archive: unpack it first"
    if kind is None:
        controls = len(sample) - len(sample.translate(None, CONTROLS))
        is_text = controls <= CONTROLS_SHARE * len(sample) and sample.count(0) <= len(sample) // 1_000
        kind = None if is_text else "binary"
    if kind is not None:
        raise InputRefused(f"{name} is no text but {kind}: nothing of it was sent")
