"""What compose.yaml brought up, as a user of it: its addresses, keys, health and rows."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import httpx
import pytest

from tests.containers.compose import Compose
from tests.containers.podman import Podman

HEALTHY_SECONDS = 300.0


@dataclass(slots=True)
class Stack:
    """compose.yaml, brought up. `left_out` are services whose image cannot be had here."""

    podman: Podman
    compose: Compose
    left_out: dict[str, str]
    keys: dict[str, str] = field(default_factory=dict)

    def addresses(self) -> list[str]:
        return [self.compose.address(name, 8000) for name in self.compose.containers("api")]

    def health(self, container: str) -> str:
        state = self.podman.inspect(container)["State"]
        return str((state.get("Health") or state["Healthcheck"])["Status"])

    def wait_until_healthy(self, *services: str) -> None:
        for service in services:
            for name in self.compose.containers(service):
                wait_for(f"{name} is healthy", lambda name=name: self.health(name) == "healthy")  # type: ignore[misc]

    def sql(self, statement: str) -> list[str]:
        [postgres] = self.compose.containers("postgres")
        return self.podman.run("exec", postgres, "psql", "-U", "mayday", "-d", "mayday", "-Atc", statement).splitlines()

    def make_keys(self) -> None:
        """As the top of compose.yaml says."""
        run = ["run", "--rm", "--no-deps", "-T", "migrate"]
        self.compose.run(*run, "project", "create", "default")
        for scope in ("ingest", "read"):
            self.keys[scope] = self.compose.run(*run, "key", "create", "--scope", scope).split()[-1]

    def skip_without(self, service: str) -> None:
        if service in self.left_out:
            pytest.skip(self.left_out[service])

    def send(self, address: str, message: str) -> UUID:
        """One error, stored. Gives its id."""
        event_id = uuid4()
        error = {"event_id": str(event_id), "service": "test", "severity": "error", "message": message}
        headers = {"Authorization": f"Bearer {self.keys['ingest']}"}
        url = f"http://{address}/api/errors/batch"
        answer = httpx.post(url, json={"errors": [error]}, headers=headers, timeout=20, trust_env=False)
        assert answer.status_code == 201, answer.text
        return event_id

    def get(self, path: str, address: str = "") -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.keys['read']}"}
        return httpx.get(f"http://{address or self.addresses()[0]}{path}", headers=headers, timeout=20, trust_env=False)


def wait_for(what: str, is_so: Callable[[], bool], seconds: float = HEALTHY_SECONDS) -> None:
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, f"not after {seconds:.0f} s: {what}"
        time.sleep(0.5)
