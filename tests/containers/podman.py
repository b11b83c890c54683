"""podman with a store of its own: what the tests build under the names of well-known images is seen by nobody else."""

import fcntl
import json
import os
import resource
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROCESSES_MAX = (
    4_096  # podman may give a container no more than it has itself, which may be as few as the kernel's pids
)
RUNTIMES = ("crun", "runc")  # crun does not know hosts with both kinds of cgroups


class PodmanFailed(Exception):
    """A command of podman failed; the text is what it said."""


@dataclass(frozen=True, slots=True)
class Podman:
    """Runs podman. `folder` holds its store, its configuration and its socket."""

    folder: Path

    @property
    def socket(self) -> Path:
        """Where `serving` answers in Docker's protocol."""
        return self.folder / "podman.sock"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "CONTAINERS_CONF": str(self.folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.folder / "storage.conf"),
        }

    def configure(self, runtime: str) -> None:
        """Write what it is to do: its own store, this runtime, limits that this process may give, and names of images
        as they are given rather than those of one registry."""
        (self.folder / "storage.conf").write_text(
            f'[storage]\ndriver = "overlay"\ngraphroot = "{self.folder}/store"\nrunroot = "{self.folder}/run"\n'
        )
        files = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 65_536)
        (self.folder / "containers.conf").write_text(
            f'[containers]\ndefault_ulimits = ["nofile={files}:{files}", "nproc={PROCESSES_MAX}:{PROCESSES_MAX}"]\n'
            f'[engine]\nruntime = "{runtime}"\ncompat_api_enforce_docker_hub = false\n'
        )

    def run(self, *arguments: str, seconds: float = 600, given: bytes | None = None) -> str:
        """What it prints. Raises PodmanFailed."""
        done = subprocess.run(
            ["podman", *arguments],
            env=self.environment,
            input=given,
            capture_output=True,
            check=False,
            timeout=seconds,
        )
        if done.returncode:
            said = (done.stderr or done.stdout).decode(errors="replace")
            raise PodmanFailed(f"podman {' '.join(arguments)}: {said[-2_000:]}")
        return done.stdout.decode(errors="replace").strip()

    def succeeds(self, *arguments: str, seconds: float = 600) -> bool:
        with suppress(PodmanFailed, subprocess.TimeoutExpired):
            self.run(*arguments, seconds=seconds)
            return True
        return False

    def inspect(self, container: str) -> dict[str, Any]:
        [found] = json.loads(self.run("container", "inspect", container))
        return dict(found)

    def names(self, kind: str, label: str) -> list[str]:
        """Names of the containers, volumes or networks with this label, running or not."""
        form = {"container": ["ps", "-a"], "volume": ["volume", "ls"], "network": ["network", "ls"]}[kind]
        name = "{{.Names}}" if kind == "container" else "{{.Name}}"
        return self.run(*form, "--filter", f"label={label}", "--format", name).split()

    def choose_runtime(self, image: str) -> str:
        """Configure the first runtime that runs a container of this image; what hinders the last where none does."""
        hindrance = f"neither {' nor '.join(RUNTIMES)} is installed"
        for runtime in filter(shutil.which, RUNTIMES):
            self.configure(runtime)
            try:
                # as compose.yaml asks for: limits that only some pairs of runtime and kernel can set
                self.run("run", "--rm", "--entrypoint", "true", "--memory", "64m", "--cpus", "1", image, seconds=60)
            except PodmanFailed as failed:
                hindrance = str(failed)
            else:
                return ""
        return hindrance

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Its socket, for Compose."""
        self.socket.unlink(missing_ok=True)
        command = ["podman", "system", "service", "--time=0", f"unix://{self.socket}"]
        with (
            (self.folder / "service.log").open("wb") as log,
            subprocess.Popen(command, env=self.environment, stdout=log, stderr=log) as service,
        ):
            try:
                until = time.monotonic() + 30
                while not self.socket.exists():
                    assert service.poll() is None, (self.folder / "service.log").read_text()
                    assert time.monotonic() < until, "podman's socket did not come"
                    time.sleep(0.05)
                yield
            finally:
                service.terminate()


@contextmanager
def podman_of_our_own() -> Iterator[Podman]:
    """The one in the user's cache, for one run at a time; its store keeps base images from run to run."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    folder = cache / "mayday-containers"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        podman = Podman(folder)
        podman.configure(next(filter(shutil.which, RUNTIMES), RUNTIMES[0]))
        yield podman


@contextmanager
def checked_for_health(podman: Podman, label: str) -> Iterator[None]:
    """Run the health checks of the containers with this label when they are due. podman leaves that to timers of systemd;
    where systemd does not run, they are run from here, and podman keeps what they said."""
    if Path("/run/systemd/private").exists():
        yield
        return
    ended = threading.Event()
    timer = threading.Thread(target=run_checks, args=(podman, label, ended), daemon=True)
    timer.start()
    try:
        yield
    finally:
        ended.set()
        timer.join(60)


def run_checks(podman: Podman, label: str, ended: threading.Event) -> None:
    due: dict[str, float] = {}
    while not ended.wait(0.5):
        with suppress(PodmanFailed):  # a container may go at any moment
            for name in podman.run("ps", "--filter", f"label={label}", "--format", "{{.Names}}").split():
                if time.monotonic() < due.get(name, 0):
                    continue
                check = podman.inspect(name)["Config"].get("Healthcheck")
                due[name] = time.monotonic() + (check["Interval"] / 1e9 if check else 3_600)
                if check:
                    podman.succeeds("healthcheck", "run", name)
