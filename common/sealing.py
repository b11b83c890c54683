"""Secrets at rest: what channels hold is encrypted with the installation's key (Fernet: AES-128-CBC, HMAC-SHA256).

Each is sealed for one place, and opens nowhere else: who may write to Postgres cannot put one project's secret where
another's is sent to.
"""

import base64
import re
import secrets
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from pydantic import SecretStr
from pydantic_core import from_json, to_json

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet  # imported where it is used: most commands of `mayday` need none

KEY_BYTES = 32
KEY = re.compile(r"[A-Za-z0-9_-]{43}=")
NO_KEY = (
    "this installation has no key to seal secrets with: set MAYDAY_SECRET_KEY for API and worker"
    " (`./mayday secret-key create` makes one)"
)


class SecretKeyMissing(Exception):
    """MAYDAY_SECRET_KEY is not set."""


class NotOpened(Exception):
    """It was sealed with another key, for another place, or was changed since."""


def make_secret_key() -> str:
    """A new key, as MAYDAY_SECRET_KEY takes it."""
    return base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def read_secret_keys(text: str) -> list[str]:
    """The keys in MAYDAY_SECRET_KEY, the sealing one first; none for an empty text. Raises ValueError."""
    keys = [one.strip() for one in text.split(",") if one.strip()]
    if not all(KEY.fullmatch(key) for key in keys):
        raise ValueError("must be keys as `./mayday secret-key create` makes them, with commas between them")
    return keys


class Sealer:
    """Seals with the first key, opens with each of them."""

    def __init__(self, keys: list[str]) -> None:
        from cryptography.fernet import Fernet, MultiFernet

        self._keys = MultiFernet([Fernet(key) for key in keys]) if keys else None

    @classmethod
    def of(cls, secret_key: SecretStr) -> Self:
        """By the setting of this name."""
        return cls(read_secret_keys(secret_key.get_secret_value()))

    def seal(self, project_id: UUID, owner_id: UUID, content: dict[str, Any]) -> bytes:
        """The content, JSON values alone, encrypted for this owner in this project. Raises SecretKeyMissing."""
        return self._require().encrypt(to_json({"for": name_place(project_id, owner_id), "content": content}))

    def open(self, project_id: UUID, owner_id: UUID, sealed: bytes) -> dict[str, Any]:
        """What was sealed for this owner. Raises SecretKeyMissing, NotOpened."""
        from cryptography.fernet import InvalidToken

        try:
            opened = from_json(self._require().decrypt(sealed))
        except (InvalidToken, ValueError):
            raise NotOpened("it was sealed with a key that MAYDAY_SECRET_KEY does not hold any more") from None
        if opened["for"] != name_place(project_id, owner_id):
            raise NotOpened("it was sealed for another place")
        content: dict[str, Any] = opened["content"]
        return content

    def reseal(self, sealed: bytes) -> bytes:
        """The same under the first key. Raises SecretKeyMissing, NotOpened."""
        from cryptography.fernet import InvalidToken

        try:
            return self._require().rotate(sealed)
        except InvalidToken:
            raise NotOpened("it was sealed with a key that MAYDAY_SECRET_KEY does not hold any more") from None

    def _require(self) -> "MultiFernet":
        if self._keys is None:
            raise SecretKeyMissing(NO_KEY)
        return self._keys


def name_place(project_id: UUID, owner_id: UUID) -> str:
    return f"{project_id}/{owner_id}"
