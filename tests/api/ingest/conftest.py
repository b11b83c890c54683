"""A project that sends over sockets, and places at which the server can be watched and held."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from api.http.connection import Connection
from api.http.problems import Unavailable
from api.http.responder import Responder
from api.ingest import routes
from api.ingest.fast import FastWrites
from api.storing.writer import Writer
from common.settings import Settings
from tests.api.ingest.sending import ERROR, Gate, Raw, Seen, port_of
from tests.api.serving import over_sockets
from tests.conftest import Project, Service


@pytest.fixture
def quotas() -> dict[str, Any]:
    return {}


@pytest.fixture
async def project(service: Service, settings: Settings, quotas: dict[str, Any]) -> AsyncIterator[Project]:
    """A project that sends over sockets, its key known to the process."""
    async with over_sockets(await service.project(), settings.model_copy(update=quotas)) as made:
        await made.send(ERROR)
        yield made


@pytest.fixture
def no_route(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise Unavailable("the route was asked")

    monkeypatch.setattr(routes, "read_sent", fail)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    """Of requests taken by the hot way, of those given up before they were whole, of connections that were told that the
    process stops, and that ended."""
    seen = Seen()
    seen.watch(monkeypatch, FastWrites, "begin")
    seen.watch(monkeypatch, Responder, "abandon")
    for step in ("shutdown", "connection_lost"):
        seen.watch(monkeypatch, Connection, step)
    return seen


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    write, gate = Writer.write, Gate()
    gate.set()

    async def wait_and_write(*given: Any) -> None:
        if not gate.is_set():
            await gate.wait()
        await write(*given)

    monkeypatch.setattr(Writer, "write", wait_and_write)
    return gate


@pytest.fixture
def fast_writes(monkeypatch: pytest.MonkeyPatch) -> list[FastWrites]:
    """Those of each application that is made from here on."""
    made: list[FastWrites] = []
    init = FastWrites.__init__

    def note(self: FastWrites, *given: Any) -> None:
        init(self, *given)
        made.append(self)

    monkeypatch.setattr(FastWrites, "__init__", note)
    return made


@pytest.fixture
async def raw(project: Project) -> AsyncIterator[Raw]:
    connection = Raw(project.ingest.headers["authorization"])
    await connection.connect(port_of(project))
    yield connection
    connection.writer.close()
