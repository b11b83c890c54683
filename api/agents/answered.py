"""What tools answered in this process, with what it was made of: asked the same again, as agents do within seconds, and nothing
of that is different, it is the same."""

from dataclasses import dataclass
from uuid import UUID

import msgspec
from pydantic_core import to_json

from api.pages.shown import Source
from api.reads.caching import Reads
from api.reads.local_cache import LocalCache
from common.keys import Scope

ANSWERED_MAX_BYTES = 4 * 2**20
ENTRY_BYTES = 2_048
PARAMS_MAX_BYTES = 2_048


class CallMessage(msgspec.Struct):
    """A message that calls a tool, as far as it has to be read to know it again."""

    jsonrpc: str
    id: int | str
    method: str
    params: msgspec.Raw


class CallName(msgspec.Struct, frozen=True):
    """What was asked by whom: its parameters by their bytes, in a version of the protocol, by keys of a scope of a project."""

    project_id: UUID
    scope: Scope
    version: str
    params: bytes


@dataclass(frozen=True, slots=True)
class Answered:
    """A result as it was sent, and the answers of the catalogue that it was made of."""

    result: bytes
    sources: tuple[Source, ...]

    def is_good(self, reads: Reads) -> bool:
        """Whether this process holds all that it was made of, and as it was."""
        for source in self.sources:
            held = reads.held(source.question, "identity", source.build)
            if held is None or held.etag != source.etag:
                return False
        return True


AnsweredCalls = LocalCache[CallName, Answered]
decode = msgspec.json.Decoder(CallMessage).decode


def make_answered_calls() -> AnsweredCalls:
    return LocalCache(ANSWERED_MAX_BYTES, lambda one: len(one.result) + ENTRY_BYTES + PARAMS_MAX_BYTES)


def read_call(body: bytes) -> CallMessage | None:
    """The call of a tool that a body is; None for anything else, and for what is better read by the route."""
    try:
        message = decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    is_usual = (
        message.jsonrpc == "2.0" and message.method == "tools/call" and len(bytes(message.params)) <= PARAMS_MAX_BYTES
    )
    return message if is_usual and (isinstance(message.id, int) or len(message.id) <= 100) else None


def write_answer(request_id: int | str, result: bytes) -> bytes:
    """The message that answers a request."""
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (to_json(request_id), result)
