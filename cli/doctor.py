"""`mayday doctor`: sends a test error through every hop and says where it stops."""

import time
from collections.abc import Callable
from typing import Annotated

import httpx
import typer
import uuid_utils.compat

from cli.client import Url, find_address, find_key
from common.settings import Settings

SERVICE = "mayday-doctor"


class Stuck(Exception):
    """A hop that does not work; the text says what to do."""


def doctor(
    url: Url = None,
    ingest_key: Annotated[str | None, typer.Option(help="Default: MAYDAY_INGEST_KEY, or that of keys.env.")] = None,
    read_key: Annotated[str | None, typer.Option(help="Default: MAYDAY_READ_KEY, or that of keys.env.")] = None,
) -> None:
    """Send a test error and follow it: API, Postgres, worker, cache, read. Exits 1 where it stops."""
    settings = Settings.load()
    base = url or find_address(settings)
    keys = [find_key(f"MAYDAY_{k}_KEY", v, settings) for k, v in (("INGEST", ingest_key), ("READ", read_key))]
    with httpx.Client(base_url=base, timeout=10, trust_env=False) as client:
        patient = Patient(
            client, *keys, patience_seconds=settings.fold_every_seconds + settings.patterns_every_seconds + 10
        )
        for name, hop in patient.hops().items():
            try:
                typer.echo(f"ok    {name}: {hop()}")
            except Stuck as stuck:
                typer.echo(f"STUCK {name}: {stuck}")
                raise typer.Exit(1) from stuck
            except httpx.TransportError as error:
                typer.echo(f"STUCK {name}: {base} does not answer ({error}): is `mayday up` or `mayday api` running?")
                raise typer.Exit(1) from error


class Patient:
    """One test error on its way."""

    def __init__(self, client: httpx.Client, ingest_key: str, read_key: str, *, patience_seconds: float) -> None:
        self.client = client
        self.ingest = {"Authorization": f"Bearer {ingest_key}"}
        self.read = {"Authorization": f"Bearer {read_key}"}
        self.patience_seconds = patience_seconds
        self.event_id = str(uuid_utils.compat.uuid7())

    def hops(self) -> dict[str, Callable[[], str]]:
        """What is looked at, in the order of an error's path."""
        return {
            "api": self.reach_api,
            "stores": self.check_readiness,
            "write": self.write,
            "postgres": self.read_back,
            "cache": self.check_cache,
            "worker": self.await_worker,
        }

    def get(self, path: str) -> httpx.Response:
        answer = self.client.get(path, headers=self.read)
        if answer.status_code in (401, 403):
            raise Stuck(
                f"the read key is refused ({answer.status_code}): make one with `./mayday key create --scope read`"
            )
        return answer

    def reach_api(self) -> str:
        answer = self.client.get("/livez")
        if answer.status_code != 200:
            raise Stuck(f"/livez answers {answer.status_code}: something else listens there")
        return str(self.client.base_url)

    def check_readiness(self) -> str:
        answer = self.client.get("/readyz")
        if answer.status_code != 200:
            raise Stuck(f"not ready: {answer.text}")
        return "Postgres, schema and writer are well"

    def write(self) -> str:
        error = {
            "service": SERVICE,
            "severity": "debug",
            "message": "a test of mayday doctor",
            "event_id": self.event_id,
        }
        answer = self.client.post("/api/errors/log", headers=self.ingest, json=error)
        if answer.status_code in (401, 403):
            raise Stuck(
                f"the ingest key is refused ({answer.status_code}): make one with `./mayday key create --scope ingest`"
            )
        if answer.status_code != 201:
            raise Stuck(f"answered {answer.status_code}: {answer.text[:300]}")
        return f"201, {answer.json()['outcome']} as {self.event_id}"

    def read_back(self) -> str:
        answer = self.get(f"/api/errors/{self.event_id}")
        if answer.status_code != 200:
            raise Stuck(
                f"answered {answer.status_code}: is the read key of the same project as the ingest key? {answer.text[:200]}"
            )
        return "read back by its id"

    def check_cache(self) -> str:
        path = f"/api/errors/recent?limit=1&service={SERVICE}"
        sources = [self.get(path).headers["X-Mayday-Cache"] for _ in range(2)]
        if "bypass" in sources:
            raise Stuck("the API does without its cache (reads are slow, nothing is lost): check MAYDAY_CACHE_URL")
        return f"Redis answers ({', then '.join(sources)})"

    def await_worker(self) -> str:
        started = time.monotonic()
        while time.monotonic() - started < self.patience_seconds:
            answer = self.get("/api/errors/patterns?window=1h").json()
            detail = self.get(f"/api/errors/{self.event_id}").json()
            if detail["pattern_id"] in {pattern["id"] for pattern in answer["patterns"]}:
                return f"counted and in patterns after {time.monotonic() - started:.0f} s"
            time.sleep(1)
        raise Stuck(
            f"not in patterns after {self.patience_seconds:.0f} s: is `mayday worker` running, and on the same database?"
        )
