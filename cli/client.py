"""How our own commands find a running Mayday and a key for it, and ask it: over HTTP, as everyone does."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Annotated, Any, cast
from urllib.parse import urlsplit

import httpx
import typer

from api.reads.cells import show_unseen
from cli.state import read_env, read_state
from common.keys import Scope
from common.settings import Settings

TIMEOUT_SECONDS = 30.0

Url = Annotated[str | None, typer.Option(help="Where Mayday listens. Default: MAYDAY_URL, else as it runs here.")]
ReadKey = Annotated[
    str | None, typer.Option("--key", help="Read key. Default: MAYDAY_READ_KEY, MAYDAY_KEY, or that of keys.env.")
]
IngestKey = Annotated[
    str | None, typer.Option("--key", help="Ingest key. Default: MAYDAY_INGEST_KEY, MAYDAY_KEY, or that of keys.env.")
]
AdminKey = Annotated[
    str | None, typer.Option("--key", help="Admin key. Default: MAYDAY_ADMIN_KEY, MAYDAY_KEY, or that of keys.env.")
]


class NoKey(typer.Exit):
    """There is no key; that was said, and the command exits 2."""

    def __init__(self) -> None:
        super().__init__(2)


class ApiFailed(Exception):
    """Mayday did not do what was asked; the text is a sentence that says what to do. `status` is 0 where none came."""

    def __init__(self, sentence: str, status: int = 0, retry_after_seconds: float = 0.0) -> None:
        super().__init__(sentence)
        self.status = status
        self.retry_after_seconds = retry_after_seconds

    @property
    def may_pass(self) -> bool:
        """Whether the same may go well a moment later."""
        return self.status == 0 or self.status == 429 or self.status >= 500


@dataclass(frozen=True, slots=True)
class Api:
    """One Mayday, asked with one key."""

    http: httpx.Client

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """The answer, 304 included. Raises ApiFailed."""
        try:
            answer = self.http.request(method, path, **options)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ApiFailed(f"{self.http.base_url} does not answer ({error}): is `mayday up` running there?") from error
        if answer.is_error:
            raise ApiFailed(explain(answer), answer.status_code, read_retry_after(answer))
        return answer

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        """The document; parameters that are None are not sent. Raises ApiFailed."""
        return read_document(self.ask("GET", path, params={k: v for k, v in params.items() if v is not None}))

    def find(self, path: str, **params: Any) -> dict[str, Any] | None:
        """The document, None where there is none. Raises ApiFailed."""
        try:
            return self.get(path, **params)
        except ApiFailed as error:
            if error.status == 404:
                return None
            raise

    def patch(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Raises ApiFailed."""
        return read_document(self.ask("PATCH", path, json=body))

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Raises ApiFailed."""
        return read_document(self.ask("POST", path, json=body))

    def list_all(self, path: str, name: str) -> list[dict[str, Any]]:
        """All of a list that comes by pages. Raises ApiFailed."""
        page = self.get(path)
        found = list(page[name])
        while page["next"]:
            page = self.get(path, cursor=page["next"])
            found += page[name]
        return found


def read_document(answer: httpx.Response) -> dict[str, Any]:
    """Raises ApiFailed where something else answers than Mayday."""
    try:
        document = answer.json()
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise ApiFailed(f"what {answer.url} answers is not Mayday's: see MAYDAY_URL and --url", answer.status_code)
    return cast("dict[str, Any]", document)


def explain(answer: httpx.Response) -> str:
    """What the problem says, or as much of another answer as helps."""
    try:
        said = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        said = answer.text[:300]
    return show_unseen(f"{answer.status_code}: {said}")


def read_retry_after(answer: httpx.Response) -> float:
    value = answer.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else 0.0


@contextmanager
def connected(scope: Scope, url: str | None, key: str | None) -> Iterator[Api]:
    """Mayday, with the key that was given or found. Exits 2 without a key, and 1 with a sentence where asking fails."""
    try:
        with open_api(scope, url, key) as api:
            yield api
    except ApiFailed as error:
        typer.echo(f"mayday: {error}", err=True)
        raise typer.Exit(1) from error


@contextmanager
def open_api(scope: Scope, url: str | None, key: str | None) -> Iterator[Api]:
    """As `connected`, for who says failures in another way. Raises NoKey."""
    settings = Settings.load()
    base = (url or find_address(settings)).rstrip("/")
    found = find_key(f"MAYDAY_{scope.name.upper()}_KEY", key, settings)
    with make_client(base, found) as http:
        yield Api(http)


def make_client(base: str, key: str) -> httpx.Client:
    """Raises ApiFailed where that is no address, and for a key that no header can hold."""
    try:
        return httpx.Client(
            base_url=base,
            headers={"Authorization": f"Bearer {key}"},
            timeout=TIMEOUT_SECONDS,
            trust_env=not is_this_machine(base),  # no proxy is asked for what is here
        )
    except UnicodeEncodeError as error:
        raise ApiFailed("the key has letters that no key has: copy it again") from error
    except (httpx.InvalidURL, ValueError) as error:
        raise ApiFailed(f"{base} is no address ({error}): give it as http://127.0.0.1:8000") from error


def is_this_machine(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def find_address(settings: Settings) -> str:
    """Where the API is: MAYDAY_URL, else as the environment says, else that of the Mayday that runs on this home, else by
    the defaults."""
    if url := os.environ.get("MAYDAY_URL"):
        return url
    told = {**read_state(settings.home), **os.environ}
    places = {"host": "MAYDAY_HOST", "port": "MAYDAY_PORT"}
    return address_of(Settings.load(**{name: told[variable] for name, variable in places.items() if variable in told}))


def address_of(settings: Settings) -> str:
    """Where to reach the API from this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)  # noqa: S104 - compared, not bound
    return f"http://{host}:{settings.port}"


def otlp_address_of(settings: Settings) -> str:
    """Where exporters of OpenTelemetry reach it from this machine: the port that is theirs, else that of all."""
    return address_of(settings.model_copy(update={"port": settings.otlp_port or settings.port}))


def find_public_url() -> str:
    """Where senders reach the API: MAYDAY_PUBLIC_URL, else its address here."""
    settings = Settings.load()
    return settings.public_url or find_address(settings)


def find_key(name: str, given: str | None, settings: Settings) -> str:
    """The key that was given, else that of the environment (under its name, or MAYDAY_KEY), else that of keys.env; exits
    2 when there is none."""
    key = given or os.environ.get(name) or os.environ.get("MAYDAY_KEY") or read_env(settings.keys_file).get(name)
    if not key:
        typer.echo(
            f"no key: give --key, set {name}, or run `./mayday up` once, which writes {settings.keys_file}", err=True
        )
        raise NoKey
    return key
