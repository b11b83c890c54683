"""Where a request begins and ends among the bytes of its connection, by what its head (api/http/head.py) says. Pure."""

from api.http.head import Fields

END = b"\r\n\r\n"
SEAM = len(END) - 1


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
