"""Pages that this process has shown, each as the one browser saw it that asked: who asks for the same again, while all that
it was made of is as it was, is sent the same bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

from starlette.requests import Request

from api.access.sessions import Session, SignedIn
from api.http.responses import Ready
from api.reads.answer_cache import Question
from api.reads.caching import Build
from api.reads.local_cache import LocalCache
from common.compression import Encoding

SHOWN_MAX_BYTES = 16 * 2**20
OVERHEAD_BYTES = 8_192  # of one: its heads, the names of its answers and sessions, and what holds them


@dataclass(frozen=True, slots=True)
class Source:
    """An answer of the catalogue that a page was made of: its name in the cache, what makes it, and its tag."""

    question: Question
    build: Build
    etag: str


@dataclass(frozen=True, slots=True)
class ShownPage:
    """A page in one coding. It is good while each of its sessions is who it was, the one whose page it is first, and each
    of its sources has the tag that it had."""

    route: str
    etag: str
    sessions: Sequence[tuple[Session, SignedIn]]
    sources: Sequence[Source]
    known: Ready  # for who has it
    whole: Ready | None  # for who has not, where somebody asked for it


class ShownPages:
    """Those of one process. Nothing in a page comes of anything but what names it here and what it is good by."""

    def __init__(self) -> None:
        self.kept: LocalCache[bytes, ShownPage] = LocalCache(
            SHOWN_MAX_BYTES, lambda page: OVERHEAD_BYTES + (len(page.whole.body) if page.whole else 0)
        )

    def get(self, name: bytes) -> ShownPage | None:
        return self.kept.get(name)

    def keep(self, name: bytes, page: ShownPage) -> None:
        self.kept.keep(name, page)


def name_page(target: bytes, host: bytes, cookies: bytes, coding: Encoding) -> bytes:
    """Of a page all that its request says: a digest, since cookies are long, and secret. No field of a head holds a zero."""
    return blake2b(b"\0".join((target, host, cookies, coding.encode())), digest_size=32).digest()


def name_asked(request: Request, coding: Encoding) -> bytes:
    """The same of a request that has come to its route."""
    path, query = request.scope["raw_path"], request.scope["query_string"]
    host, cookies = (request.headers.get(name, "").encode("latin-1") for name in ("host", "cookie"))
    return name_page(path + b"?" + query if query else path, host, cookies, coding)
