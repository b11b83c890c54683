"""Request bodies: decompressed as a stream, under the limits of size and time."""

import asyncio
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import brotli
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import BadRequest, BodyTooLarge, Invalid, Overloaded, RequestTooSlow, Unsupported
from common.compression import zstd
from common.settings import Settings
from common.telemetry import metrics

PIECE_BYTES = 2**20
CODINGS = "gzip, zstd, br or deflate"


class Decoder(Protocol):
    """Gives back what the input unpacks to, no more than `room` bytes and one at a time: bombs stay packed."""

    def feed(self, data: bytes, room: int) -> bytes: ...

    def is_complete(self) -> bool: ...


class ZlibDecoder:
    """gzip (wbits 31) and deflate as zlib streams (wbits 15)."""

    def __init__(self, wbits: int) -> None:
        self.stream = zlib.decompressobj(wbits)

    def feed(self, data: bytes, room: int) -> bytes:
        return self.stream.decompress(self.stream.unconsumed_tail + data, room)

    def is_complete(self) -> bool:
        return self.stream.eof and not self.stream.unused_data


class ZstdDecoder:
    def __init__(self) -> None:
        self.stream = zstd.ZstdDecompressor()

    def feed(self, data: bytes, room: int) -> bytes:
        if self.stream.needs_input and not data:
            return b""
        return self.stream.decompress(data, room)

    def is_complete(self) -> bool:
        return self.stream.eof and not self.stream.unused_data


class BrotliDecoder:
    def __init__(self) -> None:
        self.stream = brotli.Decompressor()

    def feed(self, data: bytes, room: int) -> bytes:
        return bytes(self.stream.process(data, output_buffer_limit=room))

    def is_complete(self) -> bool:
        return bool(self.stream.is_finished())


DECODERS: dict[str, Callable[[], Decoder]] = {
    "gzip": lambda: ZlibDecoder(31),
    "x-gzip": lambda: ZlibDecoder(31),
    "deflate": lambda: ZlibDecoder(15),
    "zstd": ZstdDecoder,
    "br": BrotliDecoder,
}
DECODING_ERRORS = (zlib.error, zstd.ZstdError, brotli.error, EOFError)


class BodyLimits:
    """ASGI middleware: what the application receives is decompressed, in bounds and in time, or a Problem is raised."""

    def __init__(self, app: ASGIApp, settings: Settings, held: "Held") -> None:
        self.app = app
        self.settings = settings
        self.held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        declared = headers.get("content-length", "0")
        if declared.isdigit() and int(declared) > self.settings.body_max_bytes:
            raise too_large(self.settings.body_max_bytes, "as sent")
        body = BodyReader(receive, self.settings, make_decoder(headers.getlist("content-encoding")), self.held)
        try:
            await self.app(scope, body.receive, send)
        finally:
            self.held.total_bytes -= body.held_bytes


def make_decoder(content_encoding: list[str]) -> Decoder | None:
    """The decoder for the header's value, None for identity. Raises Unsupported: one coding at most, of those known."""
    names = [name.strip().lower() for value in content_encoding for name in value.split(",")]
    codings = [name for name in names if name not in ("", "identity")]
    if not codings:
        return None
    if len(codings) > 1 or codings[0] not in DECODERS:
        raise Unsupported(
            f"Content-Encoding may be one of {CODINGS}, applied once", headers={"Accept-Encoding": "gzip, zstd, br"}
        )
    return DECODERS[codings[0]]()


@dataclass(slots=True)
class Held:
    """The bytes of all bodies whose requests are under way in this process."""

    total_bytes: int = 0


class BodyReader:
    """Wraps `receive` of one request and counts."""

    def __init__(self, receive: Receive, settings: Settings, decoder: Decoder | None, held: Held) -> None:
        self.inner = receive
        self.settings = settings
        self.decoder = decoder
        self.held = held
        self.held_bytes = 0
        self.wire_bytes = 0
        self.decoded_bytes = 0
        self.is_read = False
        self.deadline = asyncio.get_running_loop().time() + settings.body_seconds

    async def receive(self) -> Message:
        if self.is_read:
            return await self.inner()
        try:
            async with asyncio.timeout_at(self.deadline):
                message = await self.inner()
        except TimeoutError as error:
            raise body_too_slow(self.settings) from error
        if message["type"] == "http.disconnect":
            raise BadRequest("the connection ended before the body had arrived: send it again")
        return self.take(message)

    def take(self, message: Message) -> Message:
        """Count and unpack one piece of the body."""
        data, self.is_read = message.get("body", b""), not message.get("more_body", False)
        self.wire_bytes += len(data)
        if self.wire_bytes > self.settings.body_max_bytes:
            raise too_large(self.settings.body_max_bytes, "as sent")
        if self.decoder is not None:
            data = self.unpack(self.decoder, data)
        self.hold(len(data))
        if self.is_read:
            count_body_bytes(self.wire_bytes, self.decoded_bytes if self.decoder else self.wire_bytes)
        return {"type": "http.request", "body": data, "more_body": not self.is_read}

    def hold(self, size_bytes: int) -> None:
        """Count a piece among what the process holds. Raises Overloaded, but for the only body that there is."""
        self.held_bytes += size_bytes
        self.held.total_bytes += size_bytes
        if self.held_bytes < self.held.total_bytes > self.settings.bodies_max_bytes:
            raise Overloaded("more large bodies came at once than this process has memory for: try again in a moment")

    def unpack(self, decoder: Decoder, data: bytes) -> bytes:
        try:
            unpacked = b"".join(self.unpack_pieces(decoder, data)) if data else b""
            is_whole = not self.is_read or decoder.is_complete()
        except DECODING_ERRORS as error:
            raise Invalid("the body is not what its Content-Encoding says: pack it again, or leave it plain") from error
        if not is_whole:
            raise Invalid("the packed body ends too early, or goes on after its end: pack it as one whole")
        return unpacked

    def unpack_pieces(self, decoder: Decoder, data: bytes) -> Iterator[bytes]:
        """What the data unpacks to, a piece at a time: asked for all that may come, brotli held it three times."""
        piece = decoder.feed(data, PIECE_BYTES)
        while piece:
            self.decoded_bytes += len(piece)
            if self.decoded_bytes > self.settings.body_max_decoded_bytes:
                raise too_large(self.settings.body_max_decoded_bytes, "after decompression")
            yield piece
            piece = b"" if decoder.is_complete() else decoder.feed(b"", PIECE_BYTES)


def too_large(limit_bytes: int, what: str) -> BodyTooLarge:
    return BodyTooLarge(f"the body may have {limit_bytes:,} bytes {what}: send smaller batches")


def count_body_bytes(sent: int, unpacked: int) -> None:
    """Count what bodies brought: as it came, and with its coding undone."""
    metrics.BODY_BYTES.of("sent").inc(sent)
    metrics.BODY_BYTES.of("unpacked").inc(unpacked)


def body_too_slow(settings: Settings) -> RequestTooSlow:
    return RequestTooSlow(f"the body must arrive within {settings.body_seconds:g} s: send less at once")
