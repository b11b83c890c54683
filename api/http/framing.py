"""Where a request begins and ends among the bytes of its connection, and what its head says of that (RFC 9112). Pure.

The parser (llhttp) takes no bare LF, no folded line and no odd Content-Length. What is asked here beyond that is what
others in front of us may read in another way: then the next request would be another one for them than for us.
"""

import re
from functools import lru_cache

from api.http.problems import BadRequest, CodingNotSpoken, VersionNotSpoken

END = b"\r\n\r\n"
SEAM = len(END) - 1
Fields = list[tuple[bytes, bytes]]
# A host as RFC 9110, 7.2 has it: a name or an address, which may be empty, and a port.
HOST = re.compile(rb"(?:\[[0-9A-Fa-f:.]{2,45}\]|[\w.~!$&'()*+,;=%-]{0,255})(?::[0-9]{0,5})?[ \t]*")
# Heads with one of these are read by the server and the routes alone, and so is all that follows on their connection.
UNSURE = {b"expect", b"transfer-encoding", b"upgrade"}


def read_framing(version: str, target: bytes, sent: Fields) -> tuple[int, dict[bytes, bytes] | None]:
    """What the head of a request, its field names in lower case, says of it: how long its body is (0 where it comes in
    chunks), and its fields where each is there once and none may mean something else to someone else. Raises a Problem
    where its bounds or its host are in doubt."""
    fields = dict(sent)
    is_sure = version == "1.1" and len(fields) == len(sent) and UNSURE.isdisjoint(fields)
    if not is_sure:
        refuse_unspoken(version, sent)
    host = fields.get(b"host")
    if host is None:
        if version == "1.1":
            raise BadRequest("a request must name its host: send one Host header")
    elif not is_host(host):
        raise BadRequest("the Host header must be a name or an address, and a port if need be")
    return int(fields.get(b"content-length", 0)), fields if is_sure and target.startswith(b"/") else None


@lru_cache(maxsize=64)
def is_host(value: bytes) -> bool:
    return HOST.fullmatch(value) is not None


def refuse_unspoken(version: str, sent: Fields) -> None:
    """Raise a Problem for a version or a coding that is not spoken here, and for what may be said once and was not."""
    if version not in ("1.0", "1.1"):
        raise VersionNotSpoken(f"HTTP/{version} is not spoken here: send HTTP/1.1")
    names = [name for name, _ in sent]
    for name in (b"host", b"content-length", b"transfer-encoding"):
        if names.count(name) > 1:
            raise BadRequest(f"the header {name.decode()} may be sent once")
    coding = dict(sent).get(b"transfer-encoding")
    if coding is None:
        return
    if version == "1.0" or b"content-length" in names:
        raise BadRequest("Transfer-Encoding needs HTTP/1.1, and no Content-Length beside it")
    if coding.strip(b" \t").lower() != b"chunked":
        raise CodingNotSpoken("Transfer-Encoding may be chunked, applied once; to pack a body, use Content-Encoding")


def without_upgrade(method: bytes, target: bytes, version: str, sent: Fields) -> bytes:
    """The head of the same request without the Upgrade that it offers."""
    kept = [b"%b: %b\r\n" % field for field in sent if field[0] != b"upgrade"]
    return b"%b %b HTTP/%b\r\n%b\r\n" % (method, target, version.encode(), b"".join(kept))


class Received:
    """What a connection has received and its parser has not yet, given out in pieces in which one request may end, no
    more: an end is a blank line, or the last byte of a body whose length is known."""

    __slots__ = ("at", "body_bytes", "seam", "waiting")

    def __init__(self) -> None:
        self.waiting = b""  # empty once all of it was given out
        self.at = 0
        self.seam = b""  # the last bytes given out, where a blank line may have begun in them
        self.body_bytes = 0  # that the body which has begun has still to bring

    def add(self, received: bytes) -> None:
        self.waiting = self.waiting[self.at :] + received if self.waiting else received
        self.at = 0

    def take(self) -> bytes:
        """The next piece, where something waits."""
        waiting, start = self.waiting, self.at
        end = min(start + self.body_bytes, len(waiting)) if self.body_bytes else self.find_blank_line(start)
        if self.body_bytes:
            self.body_bytes -= end - start
        if end < len(waiting):
            self.at = end
            return waiting[start:end]
        self.waiting, self.at = b"", 0
        return waiting[start:] if start else waiting

    def find_blank_line(self, start: int) -> int:
        """Where the next one ends, else the end of what waits."""
        begun = (self.seam + self.waiting[start : start + SEAM]).find(END) if self.seam else -1
        if begun >= 0:
            end = start + begun + len(END) - len(self.seam)
        elif (found := self.waiting.find(END, start)) >= 0:
            end = found + len(END)
        else:
            end = len(self.waiting)
            self.seam = (self.seam + self.waiting[max(start, end - SEAM) : end])[-SEAM:]
            return end
        self.seam = b""
        return end

    def clear(self) -> None:
        self.waiting, self.at = b"", 0
