"""A real Prometheus on the shipped rules and the shipped configuration; of this only how programs are found is replaced."""

import asyncio
import json
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx
import yaml

from cli.embedded.process import follow_parent, last_lines
from common.settings import ROOT
from tests.chaos.programs import free_port

SHIPPED = ROOT / "deploy/prometheus"
LOOKUP_SECONDS = 30.0  # as often as the shipped configuration looks up where the programs are
READY_SECONDS = 30.0
ASK_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Alert:
    """One that is pending or firing, with its labels but for name and severity."""

    name: str
    state: str
    labels: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return f"{self.name} {dict(self.labels)}"


@dataclass(slots=True)
class Prometheus:
    """The server, and all that its alerts were seen to be."""

    url: str
    targets: Mapping[str, Path]
    seen: dict[Alert, int] = field(default_factory=dict)  # how often, every ASK_SECONDS

    def find_at(self, ports: Mapping[str, Iterable[int]]) -> None:
        """Tell it where the programs of each scrape job listen from now on."""
        for job, path in self.targets.items():
            new = path.with_suffix(".new")
            new.write_text(json.dumps([{"targets": [f"127.0.0.1:{port}" for port in ports[job]]}]))
            new.rename(path)

    async def is_ready(self) -> bool:
        async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
            try:
                return (await client.get(f"{self.url}/-/ready")).is_success
            except httpx.TransportError:
                return False

    async def alerts(self) -> list[Alert]:
        """Those that are pending or firing now."""
        async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
            told = (await client.get(f"{self.url}/api/v1/alerts")).json()["data"]["alerts"]
        return [read_alert(one) for one in told]

    async def begin_anew(self) -> set[Alert]:
        """Forget what was seen; what fires at this moment."""
        self.seen.clear()
        return {alert for alert in await self.alerts() if alert.state == "firing"}

    async def watch(self) -> None:
        """Note for ever what the alerts are."""
        while True:
            with suppress(httpx.TransportError):
                for alert in await self.alerts():
                    self.seen[alert] = self.seen.get(alert, 0) + 1
            await asyncio.sleep(ASK_SECONDS)

    def longest(self, state: str) -> list[str]:
        """What was seen in a state, each with for how long in all."""
        found = [(times * ASK_SECONDS, str(alert)) for alert, times in self.seen.items() if alert.state == state]
        return [f"{name}: {seconds:.0f} s" for seconds, name in sorted(found, reverse=True)]

    def fired(self) -> set[Alert]:
        """All that were seen to fire, each with its labels."""
        return {alert for alert in self.seen if alert.state == "firing"}


def read_alert(told: Mapping[str, Any]) -> Alert:
    labels = {name: value for name, value in told["labels"].items() if name not in {"alertname", "severity"}}
    return Alert(told["labels"]["alertname"], told["state"], tuple(sorted(labels.items())))


def list_alerts() -> list[str]:
    """The names of the shipped alerts, in their order."""
    groups = yaml.safe_load((SHIPPED / "alerts.yml").read_text())["groups"]
    return [rule["alert"] for group in groups for rule in group["rules"]]


def configure(folder: Path) -> dict[str, Path]:
    """Write the configuration to `folder`; where the targets of each scrape job are to be written."""
    folder.mkdir()
    shutil.copy(SHIPPED / "alerts.yml", folder)
    configuration = yaml.safe_load((SHIPPED / "prometheus.yml").read_text())
    targets = {job["job_name"]: folder / f"{job['job_name']}.json" for job in configuration["scrape_configs"]}
    for job in configuration["scrape_configs"]:
        [lookup] = job.pop("dns_sd_configs")
        assert lookup["refresh_interval"] == f"{LOOKUP_SECONDS:.0f}s"
        job["file_sd_configs"] = [{"files": [str(targets[job["job_name"]])]}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration))
    return targets


@dataclass(slots=True)
class Server:
    """The process."""

    address: str
    log: Path
    process: "subprocess.Popen[bytes]"

    @classmethod
    def start(cls, folder: Path) -> Self:
        """On a port of its own, with its data in `folder`."""
        address, log = f"127.0.0.1:{free_port()}", folder / "log"
        command = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                   f"--web.listen-address={address}", "--log.level=warn"]  # fmt: skip
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                stdout=output,
                stderr=output,
                preexec_fn=follow_parent(signal.SIGKILL),  # noqa: PLW1509 - nothing here holds locks of Python's
            )
        return cls(address, log, process)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()

    async def until_ready(self, prometheus: Prometheus) -> None:
        async with asyncio.timeout(READY_SECONDS):
            while True:
                assert self.process.poll() is None, last_lines(self.log)
                if await prometheus.is_ready():
                    return
                await asyncio.sleep(0.1)


@asynccontextmanager
async def run_prometheus(folder: Path) -> AsyncIterator[Prometheus]:
    """Start it with its data in `folder`, which it makes; ended on the way out."""
    targets = configure(folder)
    server = Server.start(folder)
    prometheus = Prometheus(f"http://{server.address}", targets)
    try:
        await server.until_ready(prometheus)
        yield prometheus
    finally:
        server.stop()
