"""API keys: how they look, how they are made, how they are checked. Pure; the table is written by `common/projects/`.

A key reads `mayday_<scope>_<key id>_<secret><checksum>`: the id finds its row, the secret (190 random bits) is
stored only as SHA-256, and the checksum tells a mistyped key, or a string that a scanner found, without a look-up.

An ingest key has a second form, for Sentry's SDKs, which want 32 hex digits in their DSN: the DSN key. It follows from the
secret, which does not follow from it, since a DSN may stand in a web page.
"""

import hashlib
import hmac
import re
import secrets
import string
import zlib
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

ALPHABET = string.digits + string.ascii_letters
DSN_KEY = re.compile(r"[0-9a-fA-F]{32}")
DSN_DOMAIN = b"mayday dsn key"  # what parts this digest of the secret from any other
KEY = re.compile(r"mayday_(ingest|read|triage|admin)_([0-9A-Za-z]{12})_([0-9A-Za-z]{32})([0-9A-Za-z]{6})")


class Scope(StrEnum):
    """What a key may do. Admin may do everything in its project; ingest only writes, read only reads; triage reads and
    decides about patterns, and touches no prices, budgets and keys."""

    ingest = "ingest"
    read = "read"
    triage = "triage"
    admin = "admin"

    def allows(self, needed: "Scope") -> bool:
        return self in (needed, Scope.admin) or (self, needed) == (Scope.triage, Scope.read)


@dataclass(frozen=True, slots=True)
class Key:
    """A key in its parts; `str(key)` is what the client sends."""

    scope: Scope
    key_id: str
    secret: str

    def __str__(self) -> str:
        head = f"mayday_{self.scope}_{self.key_id}_{self.secret}"
        return head + checksum(head)

    def __repr__(self) -> str:
        return f"Key(scope={self.scope.value!r}, key_id={self.key_id!r})"

    @property
    def secret_sha256(self) -> bytes:
        """What is stored of the secret, 32 bytes."""
        return hashlib.sha256(self.secret.encode()).digest()

    def is_stored_as(self, secret_sha256: bytes) -> bool:
        """Compare with the stored hash in constant time."""
        return hmac.compare_digest(self.secret_sha256, secret_sha256)

    @property
    def dsn_key(self) -> "DsnKey":
        """The key's form in a DSN."""
        return DsnKey(hashlib.blake2b(self.secret.encode(), digest_size=16, key=DSN_DOMAIN).hexdigest())


@dataclass(frozen=True, slots=True)
class DsnKey:
    """An ingest key in the form that it has in a DSN, 32 hex digits."""

    text: str

    def __repr__(self) -> str:
        return "DsnKey(...)"

    @property
    def sha256(self) -> bytes:
        """What is stored of it, and what it is found by, 32 bytes."""
        return hashlib.sha256(self.text.encode()).digest()


def make_dsn(dsn_key: DsnKey, project_number: int, base_url: str) -> str:
    """The DSN for Sentry's SDKs: where this project's events go, and with which key."""
    scheme, _, place = base_url.rstrip("/").partition("://")
    return f"{scheme}://{dsn_key.text}@{place}/{project_number}"


def make_key(scope: Scope) -> Key:
    """A new random key."""
    return Key(scope, random_text(12), random_text(32))


def parse_key(text: str) -> Key | None:
    """The key in `text`, or None when it is not one: wrong form or wrong checksum."""
    match = KEY.fullmatch(text)
    if match is None or not hmac.compare_digest(checksum(text[:-6]), text[-6:]):
        return None
    return Key(Scope(match[1]), match[2], match[3])


def parse_dsn_key(text: str) -> DsnKey | None:
    """The DSN key in `text`, or None where it is none."""
    return DsnKey(text.lower()) if DSN_KEY.fullmatch(text) else None


def find_dsn_key(dsn: object) -> str | None:
    """The text of the key that a DSN names, in small letters; None where it names none or is no DSN."""
    try:
        return (urlsplit(dsn).username or "").lower() or None if isinstance(dsn, str) else None
    except ValueError:
        return None


def random_text(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def checksum(head: str) -> str:
    """CRC-32 of the head, as six characters of base 62."""
    number, digits = zlib.crc32(head.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = ALPHABET[digit] + digits
    return digits
