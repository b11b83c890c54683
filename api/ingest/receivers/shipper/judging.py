"""How bad a record is that names no level, by what it says. Pure."""

import re

from api.ingest.receivers.shipper.failures import Failure
from api.ingest.receivers.shipper.names import Record
from api.ingest.receivers.shipper.requests import status_of
from common.severities import SeverityWord

WORDS_CHARS = 1_000  # of a message that names no level
FAILED = re.compile(
    r"\b(?:error|errors|err|exception|fail|fails|failed|failure|failures|fatal|panic|panicked|segfault|traceback|critical"
    r"|emergency|aborted|aborting|crash|crashed|core dumped|unhandled|uncaught|denied|refused|corrupt|corrupted|killed"
    r"|cannot|can't|could not|couldn't|unable to|timeout|timed out|unreachable|out of memory|no space left)\b",
    re.IGNORECASE,
)
NOT_FAILED = re.compile(
    r"\b(?:no|0|zero|without) (?:error|errors|failure|failures|exception|exceptions)\b|\berrors?[=:] ?0\b",
    re.IGNORECASE,
)
WARNED = re.compile(r"\b(?:warn|warning|warnings|deprecated|uninitialized value)\b", re.IGNORECASE)
# With its place, as Perl ends what it says when it dies.
PERL_PLACE = re.compile(r" at \S{1,300} line \d{1,9}(?:, <\S{1,80}> \w{1,20} \d{1,12})?\.$")
GENERIC = re.compile(
    r"(?:/[^\s\]]{0,300}+|\W|\b(?:an?|the|this|unhandled|uncaught|unexpected|exception|error|traceback|in|on|while|during|with|when|processing|handling"
    r"|executing|serving|request|response|asgi|wsgi|application|app|server|internal|occurred|has|been|was|raised|thrown|caught|of"
    r"|get|post|put|patch|delete|head|options|worker|process|task|thread|main|fatal|php|failed|to|most|recent|call|last|"
    r"something|went|wrong|failure|critical|root)\b)++$",
    re.IGNORECASE,
)
GENERIC_CHARS = 200


def is_generic(said: str) -> bool:
    """Whether a log's message says only that there was an exception, and where at most."""
    return len(said) <= GENERIC_CHARS and GENERIC.match(said) is not None


def judge(message: str, failure: Failure, record: Record) -> SeverityWord | None:
    """Of a record that names no level: an exception is an error, and so is what says that something failed; None where
    nothing says how bad it is."""
    if failure.stack or failure.type or failure.message:
        return "error"
    if (status := status_of(record)) is not None:
        return "error" if status >= 500 else "info"
    words = message[:WORDS_CHARS]
    if FAILED.search(NOT_FAILED.sub("", words)):
        return "error"
    if WARNED.search(words):
        return "warning"
    return "error" if PERL_PLACE.search(words) else None
