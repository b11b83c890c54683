"""The head of a request: from its fields to what they mean (RFC 9110, RFC 9112), whether others may read it in another
way, and whether it is plain. Pure.

The parser (llhttp) takes no bare LF, no folded line and no odd Content-Length. What is asked here beyond that is what
others in front of us may read in another way: then the next request would be another one for them than for us.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from api.http.problems import BadRequest, CodingNotSpoken, VersionNotSpoken

Fields = list[tuple[bytes, bytes]]
# A host as RFC 9110, 7.2 has it: a name or an address, which may be empty, and a port.
HOST = re.compile(rb"(?:\[[0-9A-Fa-f:.]{2,45}\]|[\w.~!$&'()*+,;=%-]{0,255})(?::[0-9]{0,5})?[ \t]*")
# Heads with one of these are read by the server and the routes alone, and so is all that follows on their connection.
UNSURE = {b"expect", b"transfer-encoding", b"upgrade"}
# What the middleware around the routes has a word in, or only a route reads.
ROUTED = {b"content-encoding", b"origin", b"x-api-key"}


@dataclass(slots=True)  # frozen, or as a tuple, it would take twice as long to make
class Head:
    """What a request says before its body. `fields` are its header by name in lower case: each there once, where it is
    sure."""

    method: str
    path: str  # the request target: a path, and a query where it has one
    sent: Fields
    fields: dict[bytes, bytes]
    body_bytes: int  # 0 where the body comes in chunks
    is_sure: bool

    @property
    def has_body(self) -> bool:
        return b"content-length" in self.fields

    @property
    def is_plain(self) -> bool:
        """Whether it says nothing but what it asks: no field has a meaning for anyone but who answers it, a GET has no
        body, and what a POST brings has its length."""
        return self.is_plain_beside(frozenset())

    def is_plain_beside(self, own: frozenset[bytes]) -> bool:
        """The same where who answers it reads these fields too."""
        if not self.is_sure or not (ROUTED - own).isdisjoint(self.fields):
            return False
        if self.method == "GET":
            return not self.has_body
        return self.method == "POST" and self.fields.get(b"content-length", b"").isdigit()


def read_head(method: bytes, version: str, target: bytes, sent: Fields) -> Head:
    """The head of a request with these fields, their names in lower case. It is sure where each field is there once and
    none may mean something else to someone else. Raises a Problem where its bounds or its host are in doubt."""
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
    body_bytes = int(fields.get(b"content-length", 0))
    is_sure = is_sure and target.startswith(b"/")
    return Head(method.decode(), target.decode("latin-1"), sent, fields, body_bytes, is_sure)


def expects_continue(sent: Fields) -> bool:
    return any(name == b"expect" and value.lower() == b"100-continue" for name, value in sent)


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
