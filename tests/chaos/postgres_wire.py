"""Follows a conversation in the Postgres protocol, to notice when a write was committed. Pure: bytes in, facts out.

Of the extended protocol it must know one thing that is easily got wrong: outside a transaction block the commit happens
at Sync, after CommandComplete was made and before ReadyForQuery. So a write is committed when ReadyForQuery says idle.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

HEAD_BYTES = 400  # of a message, enough to know a statement by
SSL_REQUEST, GSS_REQUEST = 80877103, 80877104
REFUSED = b"N"  # the server's whole answer to a wish for encryption that it does not have


@dataclass(slots=True)
class Messages:
    """Splits one direction into messages (type byte, int32 length with itself, payload), however the bytes arrive."""

    header: bytearray = field(default_factory=bytearray)
    head: bytearray = field(default_factory=bytearray)
    left: int = 0

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Type and first HEAD_BYTES of the payload of each message that these bytes complete."""
        position = 0
        while position < len(data):
            if len(self.header) < 5:
                taken = data[position : position + 5 - len(self.header)]
                self.header += taken
                position += len(taken)
                if len(self.header) < 5:
                    return
                self.left = struct.unpack_from("!I", self.header, 1)[0] - 4
            taken = data[position : position + self.left]
            self.head += taken[: HEAD_BYTES - len(self.head)]
            position += len(taken)
            self.left -= len(taken)
            if self.left == 0:
                yield bytes(self.header[:1]), bytes(self.head)
                self.header.clear()
                self.head.clear()


@dataclass(slots=True)
class Conversation:
    """What client and server say; `writes` is how a statement that counts as a write begins somewhere, with its table as
    first group."""

    writes: re.Pattern[bytes]
    from_client: Messages = field(default_factory=Messages)
    from_server: Messages = field(default_factory=Messages)
    statements: dict[bytes, bytes] = field(default_factory=dict)
    running: bytes = b""
    written: str = ""  # the table that the transaction under way wrote to
    is_in_block: bool = False

    @property
    def may_be_committing(self) -> bool:
        """Whether the answer that is coming may be that of a commit: within a block, only COMMIT's own."""
        return bool(self.written) and (not self.is_in_block or self.running.upper().startswith(b"COMMIT"))

    def client_says(self, data: bytes) -> None:
        """Follow which statement is asked for: by name, or by its text."""
        for kind, head in self.from_client.feed(data):
            if kind == b"P":
                name, _, text = head.partition(b"\0")
                self.statements[name] = text
            elif kind == b"B":
                self.running = self.statements.get(head.split(b"\0")[1], b"")
            elif kind == b"Q":
                self.running = head

    def server_says(self, data: bytes) -> tuple[bool, str]:
        """Whether these bytes end an exchange, and to which table a write was committed in it, if any."""
        is_ready, committed = False, ""
        for kind, head in self.from_server.feed(data):
            if kind in (b"C", b"s") and (found := self.writes.search(self.running)):
                self.written = found[1].decode()  # done, or as many rows as were asked for: a fetchrow() ends so
            if kind == b"E" or (kind == b"C" and head.startswith(b"ROLLBACK")):
                self.written = ""
            if kind == b"Z":
                is_ready, self.is_in_block = True, head == b"T"
                if head == b"I":
                    committed, self.written = committed or self.written, ""
        return is_ready, committed


def wants_encryption(opening: bytes) -> bool:
    """Whether the first eight bytes of a connection are the wish for TLS or GSS instead of a start."""
    return len(opening) >= 8 and struct.unpack_from("!I", opening, 4)[0] in (SSL_REQUEST, GSS_REQUEST)


def start_length(opening: bytes) -> int:
    """How long the start message is, which alone has no type byte."""
    return int(struct.unpack_from("!I", opening)[0])
