"""`mayday doctor`: sends a test error through every hop and says where it stops."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

import httpx
import sqlalchemy as sa
import typer
import uuid_utils.compat
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from cli.client import Url, find_address, find_key
from cli.keys import in_transaction
from cli.migrate import failing_in_a_sentence
from cli.projects import name_jobs
from cli.state import find_stores
from common.database import make_engine
from common.keys import Scope
from common.projects import create_key, ensure_project
from common.projects.deletion import DeletionHeldUp, delete_project
from common.settings import Settings, SettingsInvalid
from common.tables import projects
from common.telemetry.freshness import late_limits

SERVICE = "mayday-doctor"
OWN_PROJECT = "mayday-doctor-"
LEFT_BEHIND = timedelta(
    hours=1
)  # a doctor that was killed leaves its project, and the next one after an hour deletes it
READY_SECONDS = 20.0  # a program that has just begun, or whose last flush failed a moment ago, gets so long
ASK_AGAIN_SECONDS = 1.0
CACHE_TRIES, CACHE_PAUSE_SECONDS = 5, 2.5  # a cache that failed once is left alone for two seconds


class Stuck(Exception):
    """A hop that does not work; the text says what to do."""


def doctor(
    url: Url = None,
    ingest_key: Annotated[str | None, typer.Option(help="Send with this key, into its project.")] = None,
    read_key: Annotated[str | None, typer.Option(help="Read with this key.")] = None,
    with_keys: Annotated[
        bool, typer.Option("--with-keys", help="Use MAYDAY_INGEST_KEY and MAYDAY_READ_KEY, or those of keys.env.")
    ] = False,
) -> None:
    """Send a test error and follow it: API, Postgres, cache, worker. Exits 1 where it stops.

    It makes a project of its own for that in the database (MAYDAY_DATABASE_URL, or that of `mayday up`), and deletes it with all
    that is in it: nothing stays. With keys, or where the database cannot be reached from here, the error goes into the project
    of the keys, and one error of severity debug and service mayday-doctor stays there until its day is dropped.
    """
    settings = Settings.load()
    base = url or find_address(settings)
    with ExitStack() as stack:
        client = stack.enter_context(httpx.Client(base_url=base, timeout=10, trust_env=False))
        wants_keys = bool(with_keys or ingest_key or read_key)
        keys = None if wants_keys else stack.enter_context(project_of_its_own())
        if keys is None:
            given = {Scope.ingest: ingest_key, Scope.read: read_key}
            keys = {scope: find_key(f"MAYDAY_{scope.name.upper()}_KEY", key, settings) for scope, key in given.items()}
            typer.echo(
                f"note  one error of service {SERVICE} stays in the project of the keys until its day is dropped"
            )
        patience_seconds = sum(late_limits(settings)[job] for job in ("fold", "patterns"))
        follow(Patient(client, keys[Scope.ingest], keys[Scope.read], patience_seconds=patience_seconds), base)


def follow(patient: "Patient", base: str) -> None:
    """Take every hop and say how it went. Raises Exit at the first that does not work."""
    for name, hop in patient.hops().items():
        try:
            typer.echo(f"ok    {name}: {hop()}")
        except Stuck as stuck:
            typer.echo(f"STUCK {name}: {stuck}")
            raise typer.Exit(1) from stuck
        except httpx.TransportError as error:
            typer.echo(f"STUCK {name}: {base} does not answer ({error}): is `mayday up` or `mayday api` running?")
            raise typer.Exit(1) from error


@contextmanager
def project_of_its_own() -> Iterator[Mapping[Scope, str] | None]:
    """A project made for one run, by its keys, and deleted on the way out; None where the database cannot be reached from
    here."""
    try:
        settings = find_stores()
        project_id, keys = asyncio.run(in_transaction(settings, make_own_project))
    except (SettingsInvalid, SQLAlchemyError, OSError):
        yield None
        return
    try:
        yield keys
    finally:
        with failing_in_a_sentence():
            asyncio.run(delete_own_projects(settings, project_id))


async def make_own_project(connection: AsyncConnection) -> tuple[UUID, Mapping[Scope, str]]:
    name = OWN_PROJECT + uuid_utils.compat.uuid7().hex
    project_id = await ensure_project(connection, name)
    scopes = (Scope.ingest, Scope.read)
    return project_id, {scope: await create_key(connection, project_id, scope, name) for scope in scopes}


async def delete_own_projects(settings: Settings, project_id: UUID) -> None:
    """Delete this run's project, and those of runs that were killed."""
    engine = make_engine(settings, "cli", pool_size=1)
    try:
        for own in [project_id, *await list_left_behind(engine)]:
            await delete_project(
                settings, engine, own, lambda _: None, jobs=name_jobs(settings), is_known_to_nobody=True
            )
    except DeletionHeldUp as error:
        typer.echo(f"note  the project of this run is left to the next one: {error}")
    finally:
        await engine.dispose()


async def list_left_behind(engine: AsyncEngine) -> list[UUID]:
    old = sa.select(projects.c.project_id).where(
        projects.c.name.startswith(OWN_PROJECT),
        projects.c.created_at < sa.func.now() - LEFT_BEHIND,
    )
    async with engine.connect() as connection:
        return list((await connection.scalars(old)).all())


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
        until = time.monotonic() + READY_SECONDS
        while (answer := self.client.get("/readyz")).status_code != 200:
            if time.monotonic() > until:
                raise Stuck(f"not ready: {answer.text}")
            time.sleep(ASK_AGAIN_SECONDS)
        return "Postgres, schema and writers are well"

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
        for number in range(CACHE_TRIES):
            time.sleep(CACHE_PAUSE_SECONDS if number else 0)
            sources = [self.get(path).headers["X-Mayday-Cache"] for _ in range(2)]
            if "bypass" not in sources:
                return f"Redis answers ({', then '.join(sources)})"
        raise Stuck("the API does without its cache (reads are slow, nothing is lost): check MAYDAY_CACHE_URL")

    def await_worker(self) -> str:
        """Until the error is in a pattern of its own page, and the list of patterns was made anew since it came. Given up when
        that takes longer than what the worker has, and the API says too that the worker is late; or three times as long."""
        started = time.monotonic()
        while not self.is_found():
            waited = time.monotonic() - started
            worker = self.client.get("/readyz").json()["checks"]["worker"]
            if waited > 3 * self.patience_seconds or (waited > self.patience_seconds and worker != "ok"):
                raise Stuck(
                    f"not in patterns after {waited:.0f} s: is `mayday worker` running, and on the same database? "
                    f"The API says of it: {worker}"
                )
            time.sleep(ASK_AGAIN_SECONDS)
        return f"counted and in patterns after {time.monotonic() - started:.0f} s"

    def is_found(self) -> bool:
        error = self.get(f"/api/errors/{self.event_id}").json()
        if error["pattern_id"] is None or self.get(f"/api/errors/patterns/{error['pattern_id']}").status_code != 200:
            return False
        made_at = self.get("/api/errors/patterns?window=1h").json()["computed_at"]
        return datetime.fromisoformat(made_at) >= datetime.fromisoformat(error["received_at"])
