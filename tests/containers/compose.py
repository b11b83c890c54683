"""Docker's Compose on podman's socket: the one that is installed, else Debian's in a container."""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from common.settings import ROOT
from tests.containers.images import BUILD, STANDINS, make_debian
from tests.containers.podman import Podman

IMAGE = "localhost/compose"
INSTALLED = (["docker", "compose"], ["docker-compose"])


@dataclass(frozen=True, slots=True)
class Compose:
    """Runs Compose on compose.yaml as it stands. `variables` are those that the file asks for."""

    podman: Podman
    command: list[str]
    project: str
    variables: Mapping[str, str]

    @property
    def label(self) -> str:
        """What Compose marks all that it makes with."""
        return f"com.docker.compose.project={self.project}"

    def run(self, *arguments: str, profiles: tuple[str, ...] = (), **variables: str) -> str:
        """What it prints to standard output. Raises AssertionError with all that it said where it fails."""
        options = ["--project-name", self.project, *(f"--profile={name}" for name in profiles)]
        environment = {**self.podman.environment, **self.variables, **variables}
        done = subprocess.run(
            [*self.command, *options, *arguments],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def up(self, *arguments: str, profiles: tuple[str, ...] = (), **variables: str) -> None:
        self.run("up", "--detach", "--no-build", "--pull=never", *arguments, profiles=profiles, **variables)

    def containers(self, service: str) -> list[str]:
        """Names of a service's containers, in the order in which they were made."""
        names = self.podman.names("container", self.label)
        return sorted(name for name in names if name.rpartition("-")[0] == f"{self.project}-{service}")

    def address(self, container: str, port: int) -> str:
        """Where a port of it is published, as host:port."""
        return self.podman.run("port", container, str(port))


def find_compose(podman: Podman) -> list[str]:
    """The command that runs Compose version 2 or later, on podman's socket."""
    for command in INSTALLED:
        if is_later_than_1(command):
            return ["env", f"DOCKER_HOST=unix://{podman.socket}", *command]
    make_debian(podman)
    podman.run("build", *BUILD, "--tag", IMAGE, str(STANDINS / "compose"))
    # the folder under its own name, since the file's relative paths are given to the engine as absolute ones
    mounts = [f"--volume={podman.socket}:/var/run/docker.sock", f"--volume={ROOT}:{ROOT}:ro"]
    variables = [f"--env={name}" for name in variables_of_compose()]
    return ["podman", "run", "--rm", "--network=host", *mounts, *variables, f"--workdir={ROOT}", IMAGE]


def variables_of_compose() -> list[str]:
    """The environment variables that compose.yaml reads."""
    return sorted(set(re.findall(r"(?<!\$)\$\{(\w+)", (ROOT / "compose.yaml").read_text())))


def is_later_than_1(command: list[str]) -> bool:
    try:
        asked = subprocess.run([*command, "version", "--short"], capture_output=True, text=True, check=False)
    except OSError:
        return False
    major = asked.stdout.strip().lstrip("v").split(".")[0]
    return asked.returncode == 0 and major.isdigit() and int(major) >= 2
