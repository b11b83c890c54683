"""Takes secrets out of an error before anything else sees it. Pure.

By name (`names`): the values of sensitive keys in context and tags, and what stands after such a name in text, with any
operator, quotes or brackets (`assignments`, `values`). By form (`forms`, `providers`): credentials in URLs and headers,
private keys, JWTs, keys of well-known providers. And numbers of cards (`cards`).

Every search is linear in what a client can send: no repeat may start again inside of what another start has scanned
already. A prefix of words before a name once took minutes for 64 KB of `a-a-a-`.

Most texts hold no secret, so one search for all that could begin one goes first, by the regular expressions of
pydantic's core: they are a finite automaton in Rust,
forty times as fast here as `re`. All searches but those over lines
end with the line, so of a text that is suspected only the suspected lines are searched: few through a memo, many as one
block; and by those alone whose own hint the automaton finds.
"""

from api.ingest.sanitize.redaction.expressions import automaton
from api.ingest.sanitize.redaction.names import is_secret
from api.ingest.sanitize.redaction.objects import may_hold, redact_object, redact_value, without_programs
from api.ingest.sanitize.redaction.texts import HINT, is_utf8, may_hold_secrets, redact_text
from common.fingerprint import REDACTED

__all__ = [
    "HINT",
    "REDACTED",
    "automaton",
    "is_secret",
    "is_utf8",
    "may_hold",
    "may_hold_secrets",
    "redact_object",
    "redact_text",
    "redact_value",
    "without_programs",
]
