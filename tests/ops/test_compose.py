"""What compose.yaml gives each program fits what the programs are set to."""

import re
from typing import Any

import pytest
import yaml

from common.settings import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
UNITS = {"m": 2**20, "mb": 2**20, "g": 2**30, "gb": 2**30}


def size_of(text: str) -> int:
    """Bytes of `256mb`, or of the default in `${NAME:-2g}`."""
    found = re.search(r"(\d+)([mg]b?)\b", text.lower())
    assert found, text
    return int(found[1]) * UNITS[found[2]]


def option(service: str, name: str) -> str:
    """What follows an option in a service's command, or stands in one of its `name=value`."""
    command: list[str] = SERVICES[service]["command"]
    given = [word.partition("=")[2] for word in command if word.startswith(f"{name}=")]
    return given[0] if given else command[command.index(name) + 1]


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_a_limit_of_memory(service: str) -> None:
    assert size_of(SERVICES[service]["mem_limit"]) >= 2**27


@pytest.mark.parametrize("service", ["cache", "queue"])
def test_a_redis_reaches_its_own_limit_before_it_is_killed_for_memory(service: str) -> None:
    """Beside its data it needs room for connections and for what fragments."""
    assert size_of(SERVICES[service]["mem_limit"]) >= 1.5 * size_of(option(service, "--maxmemory"))


def test_postgres_has_room_beside_its_shared_buffers() -> None:
    assert size_of(SERVICES["postgres"]["mem_limit"]) >= 4 * size_of(option("postgres", "shared_buffers"))


def test_postgres_gets_more_of_short_cores_than_the_api_and_the_api_more_than_the_worker() -> None:
    shares = [SERVICES[name]["cpu_shares"] for name in ("postgres", "api", "worker")]
    assert shares == sorted(set(shares), reverse=True)
    assert all(float(service.get("cpus", 0)) <= 1 for service in SERVICES.values()), "a host may have one core"


@pytest.mark.parametrize("service", ["api", "worker"])
def test_a_program_is_not_killed_before_it_has_stopped(service: str) -> None:
    """docs/operations.md: delay and twice the time to stop."""
    settings = COMPOSE["x-mayday"]["environment"]
    needed = settings["MAYDAY_SHUTDOWN_DELAY_SECONDS"] + 2 * settings["MAYDAY_SHUTDOWN_SECONDS"]
    assert int(SERVICES[service]["stop_grace_period"].removesuffix("s")) >= needed + 5
