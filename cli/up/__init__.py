"""`mayday up`: everything at once, for a laptop or a small server: stores, schema, first keys, API and worker."""

import asyncio
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from types import FrameType
from typing import Annotated, BinaryIO
from urllib.parse import urlsplit

import httpx
import typer
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncConnection

from cli.client import ApiFailed, address_of, open_api, otlp_address_of
from cli.embedded import EmbeddedFailed, Servers, make_home, start_servers
from cli.embedded.process import follow_parent
from cli.keys import in_transaction
from cli.migrate import failing_in_a_sentence, migration_url, upgrade
from cli.project import create_key, ensure_project, find_dsn
from cli.signin import make_link
from cli.state import KEY_NAME, STATE_FILE, keep_secret_key, read_env, write_env
from cli.up.screen import Screen, make_screen, say
from common.keys import Scope
from common.settings import ROOT, Settings

READY_SECONDS = 60.0
STOP_SECONDS = 25.0
RESTART_SECONDS = (1.0, 30.0)
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # Ctrl-C, a supervisor, a terminal that was closed


stopping = threading.Event()


class UpFailed(Exception):
    """Mayday cannot run; the text says what to do."""


class Stopped(Exception):
    """Somebody pressed Ctrl-C, or sent SIGTERM."""


def up(
    is_verbose: Annotated[
        bool, typer.Option("--verbose", help="Show the whole log on the terminal, not only what goes wrong.")
    ] = False,
) -> None:
    """Run Mayday here: Postgres and Valkey (unless URLs point elsewhere), schema, first keys, API and worker.

    On a terminal the log goes to mayday.log in the state folder; elsewhere it goes to standard error.
    """
    for wish in ENDINGS:
        # nohup has SIGHUP ignored, and means it; a shell has SIGINT ignored in what it puts into the background
        if wish != signal.SIGHUP or signal.getsignal(wish) != signal.SIG_IGN:
            signal.signal(wish, raise_stopped)
    with failing_in_a_sentence():
        settings = Settings.load().refuse_weak()
    try:
        run(settings, is_verbose)
    except Stopped:
        say("stopped")
    except (UpFailed, EmbeddedFailed) as error:
        typer.echo(f"mayday: {error}", err=True)
        raise typer.Exit(1) from error


def raise_stopped(_number: int, _frame: FrameType | None) -> None:
    """Turn the first signal into a clean way out, and ignore those that come while it is walked."""
    for wish in ENDINGS:
        signal.signal(wish, signal.SIG_IGN)
    stopping.set()
    if sys.stderr.isatty():
        with suppress(OSError):  # the terminal may be gone
            os.write(sys.stderr.fileno(), b"\nmayday: stopping\n")  # print may be under way right now
    raise Stopped


def go_on() -> None:
    """Raise Stopped when we were told to stop: Python drops what a handler raises while it starts a child."""
    if stopping.is_set():
        raise Stopped


def run(settings: Settings, is_verbose: bool) -> None:
    """Start all in order, watch, and stop in reverse: worker, API, Valkey, Postgres."""
    refuse_taken_port(settings)
    with ExitStack() as stack:
        settings, servers = stack.enter_context(stores(settings))
        with failing_in_a_sentence():
            upgrade(migration_url(settings))
            keys = asyncio.run(first_keys(settings))
        secret_key = SecretStr(keep_secret_key(settings))
        settings = settings.model_copy(update={"secret_key": secret_key})
        stack.enter_context(announced(settings))
        screen = stack.enter_context(make_screen(settings, is_verbose))
        api = stack.enter_context(program("api", settings, screen))
        wait_until_ready(api, settings, screen)
        screen.await_error(address_of(settings), keys["MAYDAY_READ_KEY"])
        greet(settings, keys, where_data_lies(settings, servers), link_for(settings, keys))
        watch(api, settings, servers, screen)


def refuse_taken_port(settings: Settings) -> None:
    """Raise UpFailed before anything is started when an address cannot be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    for name, port in (("MAYDAY_PORT", settings.port), ("MAYDAY_OTLP_PORT", settings.otlp_port)):
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.host, port))  # port 0, for none, can always be had
            except OSError as error:
                raise UpFailed(
                    f"{settings.host}:{port} cannot be listened on ({error.strerror}): "
                    f"stop what uses it, or choose another with {name}"
                ) from error


@contextmanager
def stores(settings: Settings) -> Iterator[tuple[Settings, Servers]]:
    """The settings with URLs of stores that run: the given ones, or embedded servers for those that are missing, which come
    with them."""
    needs_redis = not (settings.effective_cache_url and settings.effective_queue_url)
    if settings.database_url and not needs_redis:
        make_home(settings.home)
        yield settings, Servers(None, None)
        return
    wanted = [
        name for name, is_wanted in (("Postgres", not settings.database_url), ("Valkey", needs_redis)) if is_wanted
    ]
    say(f"starting {' and '.join(wanted)}")
    with start_servers(settings.home, has_postgres=not settings.database_url, has_valkey=needs_redis) as servers:
        database_url, redis_url = settings.database_url or servers.database_url, settings.redis_url or servers.redis_url
        yield Settings.load(database_url=database_url, redis_url=redis_url), servers


async def first_keys(settings: Settings) -> dict[str, str]:
    """The keys in keys.env; at the first start a project and a key of each scope are made and written there. With them the
    ingest key's DSN, at the address of now."""
    names = {f"MAYDAY_{scope.name.upper()}_KEY": scope for scope in Scope}
    found = read_env(settings.keys_file)
    base_url = settings.public_url or address_of(settings)

    async def complete(connection: AsyncConnection) -> dict[str, str]:
        keys = dict(found)
        if missing := names.keys() - keys.keys():  # all at first, those of new scopes after an upgrade
            project_id = await ensure_project(connection, settings.default_project)
            keys |= {
                name: await create_key(connection, project_id, names[name], "mayday up") for name in sorted(missing)
            }
        dsn = await find_dsn(connection, keys["MAYDAY_INGEST_KEY"], base_url)
        return keys | ({"MAYDAY_DSN": dsn} if dsn else {})

    keys = await in_transaction(settings, complete)
    if keys != found:
        write_env(settings.keys_file, keys)
    return keys


@contextmanager
def announced(settings: Settings) -> Iterator[None]:
    """Leave word in the home of where stores and API listen, for `mayday key`, `mayday send` and the like."""
    path = settings.home / STATE_FILE
    write_env(path, urls_of(settings) | {"MAYDAY_HOST": settings.host, "MAYDAY_PORT": str(settings.port)})
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def urls_of(settings: Settings) -> dict[str, str]:
    return {
        "MAYDAY_DATABASE_URL": settings.database_url,
        "MAYDAY_CACHE_URL": settings.effective_cache_url,
        "MAYDAY_QUEUE_URL": settings.effective_queue_url,
    }


@contextmanager
def program(name: str, settings: Settings, screen: Screen) -> Iterator[subprocess.Popen[bytes]]:
    """One of our programs as a child, which is asked to end on the way out."""
    secret_key = {KEY_NAME: settings.secret_key.get_secret_value()}
    process = spawn(name, {**urls_of(settings), **secret_key, **screen.environment}, screen.output)
    try:
        yield process
    finally:
        end(process)


def spawn(name: str, variables: Mapping[str, str], output: BinaryIO | None) -> subprocess.Popen[bytes]:
    # a session of its own keeps the terminal's Ctrl-C from it: we stop it when it is its turn
    return subprocess.Popen(
        [sys.executable, "-m", "cli", name],
        cwd=ROOT,
        env={**os.environ, **variables},
        stdout=output,
        stderr=output,
        start_new_session=True,
        preexec_fn=follow_parent(signal.SIGTERM),  # noqa: PLW1509 - nothing runs in threads here
    )


def end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_until_ready(api: subprocess.Popen[bytes], settings: Settings, screen: Screen) -> None:
    """Wait for /readyz. Raises UpFailed when the API ends, or says for a minute that it is not ready."""
    until = time.monotonic() + READY_SECONDS
    state = "no answer"
    while time.monotonic() < until:
        go_on()
        if api.poll() is not None:
            raise UpFailed(f"the API ended with {api.returncode}: {screen.tell_log()}")
        try:
            answer = httpx.get(f"{address_of(settings)}/readyz", timeout=2, trust_env=False)
            if lacks_worker_at_most(answer):
                return
            state = answer.text
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise UpFailed(f"the API is not ready after {READY_SECONDS:.0f} s: {state}")


def lacks_worker_at_most(answer: httpx.Response) -> bool:
    """Whether the API is well but for the worker, which is started when it is."""
    checks = {"worker": "", **answer.json().get("checks", {"api": "starting"})}
    return all(state == "ok" for name, state in checks.items() if name != "worker")


def where_data_lies(settings: Settings, servers: Servers) -> str:
    """Where, if that is not the checkout: a folder, or the Postgres that was given."""
    if servers.postgres is None:
        given = urlsplit(settings.database_url)
        return f"Postgres at {given.hostname or 'a socket'}, database {given.path.lstrip('/') or '(default)'}"
    folder = servers.postgres.log.parent
    return "" if folder.is_relative_to(ROOT) else str(folder)


def link_for(settings: Settings, keys: Mapping[str, str]) -> str:
    """A link that signs the administrator in, once; how to get one where the API does not make it now."""
    try:
        with open_api(Scope.admin, address_of(settings), keys["MAYDAY_ADMIN_KEY"]) as api:
            return make_link(api, settings.public_url)
    except ApiFailed:
        return "./mayday signin prints a link that signs in once"


def greet(settings: Settings, keys: Mapping[str, str], data: str, link: str) -> None:
    """Say where it listens, where the data lies, and how to use it."""
    errors = '{"errors": [{"service": "shop", "severity": "error", "message": "payment 4711 failed: card declined"}]}'
    base = f"{address_of(settings)}/api/errors"
    typer.echo(
        f"\nMayday listens on {address_of(settings)}\n"
        f"  ingest key  {keys['MAYDAY_INGEST_KEY']}\n"
        f"  read key    {keys['MAYDAY_READ_KEY']}\n"
        f"  DSN         {keys.get('MAYDAY_DSN', 'none: the ingest key of keys.env is unknown here')}\n"
        f"  (with the admin key in {settings.keys_file})\n"
        + (f"  data        {data}\n" if data else "")
        + f"\nsend errors:\n"
        f"  curl -sS {base}/batch -H 'Authorization: Bearer {keys['MAYDAY_INGEST_KEY']}'"
        f" -H 'Content-Type: application/json' -d {shlex.quote(errors)}\n"
        "  ./mayday send app.log\n\n"
        "see what is failing (a new failure is there within ten seconds):\n"
        f"  {link}    # signs in once; ./mayday signin prints another\n"
        "  ./mayday patterns\n"
        f"  curl -sS '{base}/patterns?format=markdown' -H 'Authorization: Bearer {keys['MAYDAY_READ_KEY']}'\n\n"
        f"send it what OpenTelemetry exports (docs/otlp.md):\n"
        f"  export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf\n"
        f"  export OTEL_EXPORTER_OTLP_ENDPOINT={otlp_address_of(settings)}\n"
        f"  export OTEL_EXPORTER_OTLP_HEADERS='Authorization=Bearer%20{keys['MAYDAY_INGEST_KEY']}'\n\n"
        "Ctrl-C stops it.\n"
    )


def watch(api: subprocess.Popen[bytes], settings: Settings, servers: Servers, screen: Screen) -> None:
    """Keep a worker and the embedded servers running until we are stopped. Raises when the API or Postgres ends."""
    pause, (shortest, longest) = RESTART_SECONDS[0], RESTART_SECONDS
    while True:
        with program("worker", settings, screen) as worker:
            started = time.monotonic()
            while worker.poll() is None:
                look_after(api, servers, screen)
        pause = shortest if time.monotonic() - started > longest else min(pause * 2, longest)
        say(f"the worker ended with {worker.returncode}; it starts again in {pause:.0f} s")
        until = time.monotonic() + pause
        while time.monotonic() < until:
            look_after(api, servers, screen)


def look_after(api: subprocess.Popen[bytes], servers: Servers, screen: Screen) -> None:
    go_on()
    if api.poll() is not None:
        raise UpFailed(f"the API ended with {api.returncode}: {screen.tell_log()}")
    if news := servers.tend():
        say(news)
    screen.refresh()
    time.sleep(0.2)
