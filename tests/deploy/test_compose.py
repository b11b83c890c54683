"""What compose.yaml gives each program fits what the programs are set to, and what it shows to others is little."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from redis import Redis
from redis.exceptions import AuthenticationError

from cli.embedded.account import Location
from cli.embedded.valkey import find_program
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


def fill_in(text: str, values: dict[str, str]) -> str:
    """A text of the file as Compose reads it: variables, their defaults (`-` for none, `:-` for an empty one too), and
    `$$` for a plain `$`."""

    def read(found: re.Match[str]) -> str:
        name, form, default = found.groups()
        if name is None:
            return "$"
        value = values.get(name)
        is_default = value is None or (not value and form == ":-")
        return default if is_default else str(value)

    return re.sub(r"\$\$|\$\{(\w+)(:?[-?])?([^}]*)\}", read, text)


def published(values: dict[str, str]) -> dict[str, list[str]]:
    """The ports of this host by service."""
    return {
        name: [fill_in(port, values) for port in service["ports"]]
        for name, service in SERVICES.items()
        if "ports" in service or service.get("network_mode")
    }


def without_profile(ports: dict[str, list[str]]) -> dict[str, list[str]]:
    return {name: given for name, given in ports.items() if "profiles" not in SERVICES[name]}


def test_only_the_api_is_published_and_on_this_host_alone_unless_told() -> None:
    assert without_profile(published({})) == {"api": ["127.0.0.1:8000:8000"]}
    told = {"MAYDAY_PUBLISH": "192.0.2.1", "MAYDAY_PORTS": "80"}
    assert without_profile(published(told)) == {"api": ["192.0.2.1:80:8000"]}


def test_an_empty_port_is_any_that_is_free() -> None:
    free = published({"MAYDAY_PORTS": "", "MAYDAY_TLS_PORT": "", "PROMETHEUS_PORT": "", "GRAFANA_PORT": ""})
    assert {given.rpartition(":")[0] for ports in free.values() for given in ports} == {"127.0.0.1:"}


def test_what_profiles_add_is_for_this_host_alone_unless_tls_is_shown_to_others() -> None:
    added = {name: given for name, given in published({}).items() if "profiles" in SERVICES[name]}
    assert {name: [port.split(":")[0] for port in given] for name, given in added.items()} == {
        "proxy": ["127.0.0.1"],
        "prometheus": ["127.0.0.1"],
        "grafana": ["127.0.0.1"],
    }
    address = "192.0.2.1"
    told = published({"MAYDAY_PUBLISH": address, "MAYDAY_TLS_PUBLISH": address, "MAYDAY_TLS_PORT": "443"})
    shown = [name for name, given in told.items() if given[0].startswith(address)]
    assert shown == ["api", "proxy"]


CHECKED = [name for name, service in SERVICES.items() if "healthcheck" in service]


@pytest.mark.parametrize("service", CHECKED)
def test_health_checks_are_in_the_form_that_docker_and_podman_read_alike(service: str) -> None:
    """podman 4 cuts the words of `CMD` at their blanks; both give `CMD-SHELL` to the shell as it is."""
    [form, _] = SERVICES[service]["healthcheck"]["test"]
    assert form == "CMD-SHELL"


def test_every_program_that_stays_has_a_health_check_but_the_proxy_which_has_no_state() -> None:
    assert SERVICES.keys() - set(CHECKED) == {"migrate", "proxy", "settings"}


@pytest.mark.parametrize(
    "service", [name for name, given in SERVICES.items() if given.get("profiles") or "build" in given]
)
def test_what_is_ours_or_of_a_profile_may_do_no_more_than_it_must(service: str) -> None:
    given = SERVICES[service]
    assert given["read_only"] is True
    assert given["cap_drop"] == ["ALL"]
    assert given["security_opt"] == ["no-new-privileges:true"]
    assert given.get("cap_add", []) == (["NET_BIND_SERVICE"] if service == "proxy" else [])


def test_files_that_are_mounted_are_there() -> None:
    mounted = [
        volume.split(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if volume[0] == "."
    ]
    assert len(mounted) == 4
    assert [path for path in mounted if not (ROOT / path).exists()] == []


def test_grafana_is_given_the_dashboard_and_the_prometheus_of_this_file() -> None:
    provisioning = ROOT / "deploy/grafana/provisioning"
    [source] = yaml.safe_load((provisioning / "datasources/prometheus.yaml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    assert "prometheus" in SERVICES
    [provider] = yaml.safe_load((provisioning / "dashboards/mayday.yaml").read_text())["providers"]
    targets = [volume.split(":")[1] for volume in SERVICES["grafana"]["volumes"] if "mayday.json" in volume]
    assert targets == [f"{provider['options']['path']}/mayday.json"]
    assert SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] == targets[0]


@pytest.mark.parametrize("service", SERVICES)
def test_no_password_stands_in_what_a_program_is_started_with(service: str) -> None:
    words = [*SERVICES[service].get("command", []), *SERVICES[service].get("healthcheck", {}).get("test", [])]
    assert not [word for word in words if re.search(r"(?<!\$)\$\{?\w*PASSWORD", word)]


@contextmanager
def running(service: str, folder: Path, password: str) -> Iterator[subprocess.Popen[bytes]]:
    """A service's command, with the entry point of its image replaced by one that has it listen on `folder/socket`."""
    entry = folder / "docker-entrypoint.sh"
    program = find_program(Location(folder, folder, None))
    entry.write_text(f'#!/bin/sh\nshift\nexec "{program}" "$@" --port 0 --unixsocket "{folder}/socket"\n')
    entry.chmod(0o755)
    command = [fill_in(word, {}) for word in SERVICES[service]["command"]]
    environment = {"PATH": f"{folder}:{os.defpath}", "REDIS_PASSWORD": password}
    with subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.terminate()


def is_listening(path: str) -> bool:
    """Whether it can be connected to: its file is there a moment before."""
    with socket.socket(socket.AF_UNIX) as trial:
        return trial.connect_ex(path) == 0


def check_settings(**passwords: str) -> subprocess.CompletedProcess[str]:
    """What the service of this name says, with the environment that the file gives it."""
    given = {
        name: fill_in(str(value), passwords)
        for name, value in COMPOSE["x-mayday"]["environment"].items()
        if name.endswith(("_URL", "_PASSWORD"))
    }
    environment = {**given, "MAYDAY_MODE": "production", "PATH": os.defpath, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-P", "-m", "cli", *SERVICES["settings"]["command"]]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_no_store_is_made_with_a_password_that_the_programs_would_refuse() -> None:
    for store in ("postgres", "cache", "queue"):
        assert SERVICES[store]["depends_on"] == {"settings": {"condition": "service_completed_successfully"}}
    good, base64 = "3f0c4b1d9a7e5c2f8b60", "q/8Zt+1mB/9xkQ2mLw8RzA=="
    assert check_settings(POSTGRES_PASSWORD=good, REDIS_PASSWORD=base64).returncode == 0
    refused = check_settings(POSTGRES_PASSWORD="mayday-postgres", REDIS_PASSWORD=good)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert re.fullmatch(r"MAYDAY_DATABASE_URL: has a password with a well-known word in it: .*\n", refused.stderr)
    weak = check_settings(POSTGRES_PASSWORD=base64, REDIS_PASSWORD="short")
    assert [line.partition(":")[0] for line in weak.stderr.splitlines()] == ["MAYDAY_CACHE_URL", "MAYDAY_QUEUE_URL"]


@pytest.mark.parametrize("password", ["long-random-text", "q/8Zt+1mB=", "a\"b\\c$d'e`f g#h", '\\"'])
@pytest.mark.parametrize("service", ["cache", "queue"])
def test_a_redis_takes_its_password_from_where_others_cannot_read_it(
    service: str, password: str, tmp_path: Path
) -> None:
    with running(service, tmp_path, password) as process:
        path = str(tmp_path / "socket")
        until = time.monotonic() + 20
        while not is_listening(path):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.02)
        with Redis(unix_socket_path=path, password=password) as client:
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": option(service, "--maxmemory-policy")}
        with Redis(unix_socket_path=path) as stranger, pytest.raises(AuthenticationError):
            stranger.ping()
