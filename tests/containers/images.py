"""The images that Dockerfile and compose.yaml name: pulled where a registry can be reached, else made from Debian's packages.

A stand-in has the name, and as much of the behaviour as the files rely on, of the image for which it stands; each is a
folder of `standins/`. Their versions are those of one release of Debian, and the tests tell them.
"""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import yaml

from common.settings import ROOT
from tests.containers.podman import Podman, PodmanFailed

STANDINS = Path(__file__).parent / "standins"
DEBIAN = "localhost/debian"
DEBIAN_RELEASE = "trixie"  # its Python, PostgreSQL and Valkey are of the versions that the files name
PULL_SECONDS = 300
BUILD = ["--network=host", "--pull=missing"]  # packages are installed through this machine's network
VERSIONS = {
    "python": ["python", "--version"],
    "postgres": ["postgres", "--version"],
    "valkey": ["valkey-server", "--version"],
    "caddy": ["caddy", "version"],
    "prometheus": ["prometheus", "--version"],
}
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())


def base_images() -> list[str]:
    """Those that the Dockerfile stands on."""
    return sorted(set(re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)))


def service_images() -> dict[str, str]:
    """Those of compose.yaml that are not built, by service."""
    services = COMPOSE["services"]
    return {name: service["image"] for name, service in services.items() if "build" not in service}


def is_needed(service: str) -> bool:
    """Whether it runs without a profile."""
    return "profiles" not in COMPOSE["services"][service]


def own_image() -> str:
    return str(COMPOSE["x-mayday"]["image"])


def first_image(podman: Podman) -> str:
    """One that needs no building, to try podman with."""
    base = base_images()[0]
    if podman.succeeds("pull", "--quiet", base, seconds=PULL_SECONDS):
        return base
    make_debian(podman)
    return DEBIAN


def obtain(podman: Podman, image: str) -> str:
    """Pull it, or make its stand-in; says which. Raises PodmanFailed where neither can be done."""
    if podman.succeeds("pull", "--quiet", image, seconds=PULL_SECONDS):
        podman.succeeds("untag", f"localhost/{image}")  # of an earlier run without a registry
        return f"{image}: pulled"
    folder = STANDINS / re.split("[/:]", image)[-2]
    if not folder.is_dir():
        raise PodmanFailed(f"{image}: cannot be pulled, and nothing stands in for it")
    make_debian(podman)
    podman.run("build", *BUILD, "--tag", f"localhost/{image}", str(folder))
    version = podman.run("run", "--rm", "--entrypoint", "", image, *VERSIONS[folder.name]).splitlines()[0]
    return f"{image}: stood in for by {version}"


def make_debian(podman: Podman) -> None:
    """A plain Debian, from the packages that this machine's apt is set to. Takes a minute, once."""
    if podman.succeeds("image", "exists", DEBIAN):
        return
    if os.geteuid() or not shutil.which("debootstrap"):
        raise PodmanFailed("stand-ins take root and debootstrap")
    with tempfile.TemporaryDirectory(prefix="mayday-debian-") as name:
        command = ["debootstrap", "--variant=minbase", "--include=ca-certificates", DEBIAN_RELEASE, name, *mirror()]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise PodmanFailed(f"debootstrap: {done.stdout[-2_000:]}")
        pack = ["tar", "-C", name, "--exclude=./var/cache/apt/archives/*.deb", "--exclude=./usr/share/doc/*", "-c", "."]
        packed = subprocess.run(pack, capture_output=True, check=True)
        podman.run("import", "-", DEBIAN, given=packed.stdout)


def mirror() -> list[str]:
    """Where apt gets Debian's main archive from; none: debootstrap's own default."""
    asked = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(ORIGIN) $(LABEL) $(REPO_URI)", "Created-By: Packages"],
        capture_output=True,
        text=True,
        check=False,
    )
    return re.findall(r"^Debian Debian (\S+)$", asked.stdout, re.MULTILINE)[:1]


def build_own(podman: Podman) -> None:
    """Build the Dockerfile of this clone under the name that compose.yaml gives it."""
    with tempfile.TemporaryDirectory(prefix="mayday-pip-") as name:
        configuration = Path(name, "pip.conf")
        configuration.write_text(pip_configuration())
        # pip goes the way that it goes on this machine, and trusts whom it trusts
        mounts = [f"--volume={configuration}:/etc/pip.conf:ro", "--volume=/etc/ssl/certs:/etc/ssl/certs:ro"]
        podman.run("build", *BUILD, *mounts, "--tag", own_image(), str(ROOT), seconds=1_800)


def pip_configuration() -> str:
    """How this machine's pip reaches its index, without what only exists here."""
    told = subprocess.run(
        ["python3", "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    ).stdout
    wanted = ("index-url", "trusted-host", "proxy", "cert")
    found = re.findall(r"^(?:global|user|:env:)\.([a-z-]+)='(.*)'$", told, re.MULTILINE)
    return "[global]\n" + "".join(f"{name} = {value}\n" for name, value in dict(found).items() if name in wanted)
