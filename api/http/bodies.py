"""Request bodies: given to admitted callers alone, decompressed as a stream, under the limits of size and time."""

import asyncio
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Protocol

import brotli
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.problems import BadRequest, BodyTooLarge, Invalid, Overloaded, RequestTooSlow, Unauthorized, Unsupported
from common.compression import zstd
from common.settings import Settings
from common.telemetry import metrics

# What is unpacked at once: a millisecond, brotli's slowest kind aside. The rest of what one read brought is unpacked in
# a thread, where the decoders let go of the interpreter.
PIECE_BYTES = 256 * 2**10
# Bodies that FastAPI parses are parsed in one go, by the event loop. The largest that has a meaning, 1,000 fingerprints
# to split off and a note in escapes, has 50 KB.
SMALL_MAX_BYTES = 64 * 2**10
PEEKED_BYTES = 16 * 2**10  # that are looked at before anyone knows who asks
GZIP = 31  # what zlib calls it
BLOCK_BYTES = 16 * 2**10
MEMBERS_MAX = 10_000  # of one gzip body: empty ones cost time and bring nothing
CODINGS = "gzip, zstd, br or deflate"


class Decoder(Protocol):
    """Gives back what the input unpacks to, no more than `room` bytes and one at a time: bombs stay packed."""

    def feed(self, data: bytes, room: int) -> bytes: ...

    def is_complete(self) -> bool: ...


class GzipDecoder:
    """gzip of one member or several, which those send who append to what is packed already (RFC 1952, 2.2). What one read
    brought is fed in blocks, since what stands behind the end of a member is copied at each."""

    def __init__(self) -> None:
        self.stream = zlib.decompressobj(GZIP)
        self.members = 1
        self.waiting = b""
        self.at = 0

    def feed(self, data: bytes, room: int) -> bytes:
        if data:
            self.waiting, self.at = self.waiting[self.at :] + data, 0
        pieces: list[bytes] = []
        while room and (block := self.next_block()) is not None:
            piece = self.stream.decompress(block, room)
            self.at -= len(self.stream.unused_data)
            if not (piece or block):
                break
            room -= len(piece)
            pieces.append(piece)
        return b"".join(pieces)

    def next_block(self) -> bytes | None:
        """What is unpacked next; None where nothing is left. Raises zlib.error for too many members."""
        if self.stream.eof:
            if self.at == len(self.waiting):
                return None
            if self.members == MEMBERS_MAX:
                raise zlib.error("too many members")
            self.stream, self.members = zlib.decompressobj(GZIP), self.members + 1
        if self.stream.unconsumed_tail:
            return self.stream.unconsumed_tail
        start = self.at
        self.at = min(start + BLOCK_BYTES, len(self.waiting))
        return self.waiting[start : self.at]

    def is_complete(self) -> bool:
        return self.stream.eof and self.at == len(self.waiting)


class DeflateDecoder:
    """deflate as a zlib stream."""

    def __init__(self) -> None:
        self.stream = zlib.decompressobj()

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
    "gzip": GzipDecoder,
    "x-gzip": GzipDecoder,
    "deflate": DeflateDecoder,
    "zstd": ZstdDecoder,
    "br": BrotliDecoder,
}
DECODING_ERRORS = (zlib.error, zstd.ZstdError, brotli.error, EOFError)


class BodyLimits:
    """ASGI middleware: what the application receives is its admitted caller's, decompressed, in bounds and in time, or a
    Problem is raised."""

    def __init__(self, app: ASGIApp, settings: Settings, held: "BodyBudget") -> None:
        self.app = app
        self.settings = settings
        self.held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = BodyReader(scope, receive, self.settings, self.held)
        scope["peek_line"] = body.peek_line
        try:
            await self.app(scope, body.receive, send)
        finally:
            self.held.total_bytes -= body.held_bytes


async def read_large(request: Request) -> bytes:
    """The body of a route that parses it beside the event loop: it alone may be as large as the settings say."""
    request.scope["takes_large"] = True
    return await request.body()


async def read_of_stranger(request: Request, most_bytes: int) -> bytes:
    """A body that says who sends it, such as the form by which people sign in: so many bytes, which are not unpacked."""
    request.scope["stranger_max_bytes"] = most_bytes
    return await request.body()


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
class BodyBudget:
    """The bytes of all bodies whose requests are under way in this process, and the turn to unpack one in a thread: many
    at once would take the processors from the event loop."""

    total_bytes: int = 0
    unpacking: asyncio.Lock = field(default_factory=asyncio.Lock)

    def has_room(self, body_bytes: int, settings: Settings) -> bool:
        """Whether a body of this size can be held beside those that are."""
        return self.total_bytes + body_bytes <= settings.bodies_max_bytes


class BodyReader:
    """Wraps `receive` of one request and counts. Does nothing until it is asked for the body."""

    def __init__(self, scope: Scope, receive: Receive, settings: Settings, held: BodyBudget) -> None:
        self.scope = scope
        self.inner = receive
        self.settings = settings
        self.held = held
        self.held_bytes = 0
        self.wire_bytes = 0
        self.decoded_bytes = 0
        self.is_begun = self.is_read = False
        self.peeked: deque[Message] = deque()
        self.deadline = asyncio.get_running_loop().time() + settings.body_seconds

    async def receive(self) -> Message:
        if self.is_read:
            return await self.inner()
        if not self.is_begun:
            self.begin()
        return await self.take(self.peeked.popleft() if self.peeked else await self.next_message())

    async def next_message(self) -> Message:
        """The next piece as it was sent. Raises RequestTooSlow, BadRequest."""
        try:
            async with asyncio.timeout_at(self.deadline):
                message = await self.inner()
        except TimeoutError as error:
            raise body_too_slow(self.settings) from error
        if message["type"] == "http.disconnect":
            raise BadRequest("the connection ended before the body had arrived: send it again")
        return message

    async def peek_line(self) -> bytes:
        """The body's first line, as far as it is within PEEKED_BYTES, packed and unpacked: for guards of protocols that name
        the caller in it. What was read is kept, and given out with the rest once there is a caller. Raises RequestTooSlow,
        BadRequest."""
        try:
            decoder = make_decoder(Headers(scope=self.scope).getlist("content-encoding"))
        except Unsupported:
            return b""
        line, wire_bytes, is_last = b"", 0, False
        while not is_last and b"\n" not in line and max(len(line), wire_bytes) < PEEKED_BYTES:
            message = await self.next_message()
            self.peeked.append(message)
            data, is_last = message.get("body", b""), not message.get("more_body", False)
            wire_bytes += len(data)
            try:
                line += decoder.feed(data, PEEKED_BYTES - len(line)) if decoder else data[:PEEKED_BYTES]
            except DECODING_ERRORS:  # the reading of the whole says so
                break
        return line.partition(b"\n")[0]

    def begin(self) -> None:
        """Judge the body by the head. Raises Unauthorized where no caller was admitted, BodyTooLarge, Unsupported."""
        unseen_bytes = self.scope.get("stranger_max_bytes", 0)
        if "caller" not in self.scope and not unseen_bytes:
            raise Unauthorized("nothing is read of a body that comes without a key")
        limits = (self.settings.body_max_bytes, self.settings.body_max_decoded_bytes)
        if not self.scope.get("takes_large"):
            limits = (min(limits[0], SMALL_MAX_BYTES), min(limits[1], SMALL_MAX_BYTES))
        if "caller" not in self.scope:
            limits = (unseen_bytes, unseen_bytes)
        self.sent_max, self.decoded_max = limits
        headers = Headers(scope=self.scope)
        declared = headers.get("content-length", "0")
        if declared.isdigit() and int(declared) > self.sent_max:
            raise too_large(self.sent_max, "as sent")
        self.decoder = make_decoder([] if "caller" not in self.scope else headers.getlist("content-encoding"))
        self.is_begun = True

    async def take(self, message: Message) -> Message:
        """Count and unpack one piece of the body."""
        data, self.is_read = message.get("body", b""), not message.get("more_body", False)
        self.wire_bytes += len(data)
        if self.wire_bytes > self.sent_max:
            raise too_large(self.sent_max, "as sent")
        if self.decoder is not None:
            data = await self.unpack(self.decoder, data)
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

    async def unpack(self, decoder: Decoder, data: bytes) -> bytes:
        try:
            unpacked = await self.unpack_all(decoder, data) if data else b""
            is_whole = not self.is_read or decoder.is_complete()
        except DECODING_ERRORS as error:
            raise Invalid("the body is not what its Content-Encoding says: pack it again, or leave it plain") from error
        if not is_whole:
            raise Invalid("the packed body ends too early, or goes on after its end: pack it as one whole")
        return unpacked

    async def unpack_all(self, decoder: Decoder, data: bytes) -> bytes:
        """What the data unpacks to; a bomb does not keep the event loop."""
        pieces = self.unpack_pieces(decoder, data)
        first = next(pieces, b"")
        if len(first) < PIECE_BYTES:
            return first + b"".join(pieces)
        async with self.held.unpacking:
            return await asyncio.to_thread(b"".join, chain([first], pieces))

    def unpack_pieces(self, decoder: Decoder, data: bytes) -> Iterator[bytes]:
        """What the data unpacks to, a piece at a time: asked for all that may come, brotli held it three times."""
        piece = decoder.feed(data, PIECE_BYTES)
        while piece:
            self.decoded_bytes += len(piece)
            if self.decoded_bytes > self.decoded_max:
                raise too_large(self.decoded_max, "after decompression")
            yield piece
            piece = b"" if decoder.is_complete() else decoder.feed(b"", PIECE_BYTES)


def unpack_at_once(data: bytes, content_encoding: bytes | None, most_bytes: int) -> bytes | None:
    """What a whole body unpacks to; None where that is more than so many bytes, or nothing that can be told at once."""
    decoder = make_decoder([] if content_encoding is None else [content_encoding.decode("latin-1")])
    try:
        unpacked = data if decoder is None else decoder.feed(data, most_bytes + 1)
        is_whole = decoder is None or decoder.is_complete()
    except DECODING_ERRORS:
        return None
    return unpacked if is_whole and len(unpacked) <= most_bytes else None


def too_large(limit_bytes: int, what: str) -> BodyTooLarge:
    return BodyTooLarge(f"the body may have {limit_bytes:,} bytes {what}: send less at once")


def count_body_bytes(sent: int, unpacked: int) -> None:
    """Count what bodies brought: as it came, and with its coding undone."""
    metrics.BODY_BYTES.of("sent").inc(sent)
    metrics.BODY_BYTES.of("unpacked").inc(unpacked)


def body_too_slow(settings: Settings) -> RequestTooSlow:
    return RequestTooSlow(f"the body must arrive within {settings.body_seconds:g} s: send less at once")
