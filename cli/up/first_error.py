"""The first error that comes while `mayday up` runs: who starts it the first time waits for just that."""

import time
from typing import Any

import httpx

from api.reads.cells import show_unseen
from cli.looking.references import shorten

LOOK_SECONDS = 1.0
TIMEOUT_SECONDS = 2.0
LATEST = 200
MESSAGE_CHARS = 160


class FirstError:
    """Looks at the latest errors once a second until one came that was not there when this was made, and is counted."""

    def __init__(self, address: str, read_key: str) -> None:
        self.http = httpx.Client(
            base_url=address,
            headers={"Authorization": f"Bearer {read_key}"},
            timeout=TIMEOUT_SECONDS,
            trust_env=False,
        )
        self.etag = ""
        self.before: set[str] | None = None  # those that were there; None until it is known
        self.look_at = 0.0
        self.is_over = False
        self.read_latest()

    def close(self) -> None:
        self.http.close()

    def look(self) -> str:
        """What to say of the first error; empty while there is none, and ever after."""
        if self.is_over or time.monotonic() < self.look_at:
            return ""
        self.look_at = time.monotonic() + LOOK_SECONDS
        came = [error for error in self.read_latest() if error["pattern_id"] is not None]
        self.is_over = bool(came)
        return describe(came[-1]) if came else ""

    def read_latest(self) -> list[dict[str, Any]]:
        """Those that came since the start, newest first; none where the API does not answer now."""
        headers = {"If-None-Match": self.etag} if self.etag else {}
        try:
            answer = self.http.get("/api/errors/recent", params={"limit": LATEST}, headers=headers)
        except httpx.HTTPError:
            return []
        if answer.status_code != 200:
            return []
        self.etag = answer.headers.get("ETag", "")
        errors: list[dict[str, Any]] = answer.json()["errors"]
        if self.before is None:
            self.before = {error["id"] for error in errors}
        return [error for error in errors if error["id"] not in self.before]


def describe(error: dict[str, Any]) -> str:
    """The error in a line, and what to do with it in another."""
    message = show_unseen(error["message"])
    cut = message if len(message) <= MESSAGE_CHARS else f"{message[:MESSAGE_CHARS]}..."
    return (
        f"first error: {error['severity']} of {show_unseen(error['service'])}: {cut}\n"
        f"  ./mayday show {shorten(error['pattern_id'])}    ./mayday patterns    ./mayday tail"
    )
