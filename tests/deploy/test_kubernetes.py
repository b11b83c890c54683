"""deploy/kubernetes is what Kubernetes takes, and fits what the programs listen on, are set by and need to stop."""

import json
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from common.settings import ROOT, Settings
from common.version import VERSION

KUBERNETES = ROOT / "deploy/kubernetes"
BASE, EXAMPLE = KUBERNETES / "base", KUBERNETES / "example"
# the oldest that its makers still look after when this was written, and the newest whose schemas are known
VERSIONS = ["1.34", kubernetes_validate.latest_version()]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
PROGRAMS = ["api", "worker", "migrate"]


def load(path: Path) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


@cache
def kustomization(folder: Path) -> dict[str, Any]:
    [found] = load(folder / "kustomization.yaml")
    return found


def resources(folder: Path) -> list[dict[str, Any]]:
    """What the files hold that a kustomization names, those of other folders left out."""
    files = [folder / name for name in kustomization(folder)["resources"] if name.endswith(".yaml")]
    return [document for file in files for document in load(file)]


RESOURCES = [*resources(BASE), *resources(EXAMPLE)]
IDS = [f"{found['kind']}-{found['metadata']['name']}" for found in RESOURCES]


def find(kind: str, name: str) -> dict[str, Any]:
    [found] = [one for one in RESOURCES if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    return found


def workload(program: str) -> dict[str, Any]:
    return find("Job" if program == "migrate" else "Deployment", f"mayday-{program}")


def pod(program: str) -> dict[str, Any]:
    return dict(workload(program)["spec"]["template"]["spec"])


def container(program: str) -> dict[str, Any]:
    [only] = pod(program)["containers"]
    return dict(only)


def settings_of_all() -> dict[str, str]:
    [generated] = kustomization(BASE)["configMapGenerator"]
    return dict(literal.split("=", 1) for literal in generated["literals"])


def problems_of(document: dict[str, Any], version: str) -> str:
    """What the schema of that version of Kubernetes says against it, a field that it does not know included."""
    try:
        kubernetes_validate.validate(document, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("document", RESOURCES, ids=IDS)
def test_every_file_is_what_the_schemas_allow(document: dict[str, Any], version: str) -> None:
    assert problems_of(document, version) == ""


def test_a_field_that_kubernetes_does_not_know_is_found() -> None:
    wrong = yaml.safe_load((BASE / "migrate.yaml").read_text())
    wrong["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {}
    assert "livenesProbe" in problems_of(wrong, VERSIONS[-1])


def test_every_file_of_the_folders_is_in_a_kustomization() -> None:
    for folder in (BASE, EXAMPLE):
        files = {path.name for path in folder.glob("*.yaml")} - {"kustomization.yaml"}
        assert files == {name for name in kustomization(folder)["resources"] if name.endswith(".yaml")}


def test_the_image_is_that_of_compose() -> None:
    [image] = kustomization(BASE)["images"]
    assert f"{image['name']}:{image['newTag']}" == COMPOSE["x-mayday"]["image"] == f"mayday:{VERSION}"
    assert {container(program)["image"] for program in PROGRAMS} == {image["name"]}


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_is_started_as_compose_starts_it(program: str) -> None:
    assert container(program)["args"] == COMPOSE["services"][program]["command"]


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_variable_sets_something_and_every_secret_is_one_that_the_example_has(program: str) -> None:
    known = {f"MAYDAY_{name.upper()}" for name in Settings.model_fields}
    given = container(program)["env"]
    assert {variable["name"] for variable in given} | settings_of_all().keys() <= known
    assert container(program)["envFrom"] == [
        {"configMapRef": {"name": kustomization(BASE)["configMapGenerator"][0]["name"]}}
    ]
    secrets = {made["name"]: made["envs"] for made in kustomization(EXAMPLE)["secretGenerator"]}
    for variable in given:
        reference = variable["valueFrom"]["secretKeyRef"]
        [file] = secrets[reference["name"]]
        assert reference["key"] == variable["name"]
        assert reference["key"] in (EXAMPLE / f"{file}.example").read_text()


def test_only_the_migration_gets_the_role_that_owns_the_tables() -> None:
    holders = [program for program in PROGRAMS if "mayday-owner" in str(pod(program))]
    assert holders == ["migrate"]


def test_the_secrets_of_a_copy_of_the_example_are_not_committed() -> None:
    ignored = (KUBERNETES / ".gitignore").read_text().split()
    assert sorted(ignored) == sorted(
        file for made in kustomization(EXAMPLE)["secretGenerator"] for file in made["envs"]
    )


def test_ports_are_those_that_the_programs_listen_on() -> None:
    ports = {
        name: {port["name"]: port["containerPort"] for port in container(name)["ports"]} for name in ("api", "worker")
    }
    default = Settings.model_construct()
    assert ports == {
        "api": {"http": default.port, "metrics": default.api_metrics_port},
        "worker": {"metrics": default.worker_metrics_port},
    }
    for name, named in ports.items():
        annotations = workload(name)["spec"]["template"]["metadata"]["annotations"]
        assert annotations["prometheus.io/port"] == str(named["metrics"])
    [service_port] = find("Service", "mayday-api")["spec"]["ports"]
    assert service_port["targetPort"] in ports["api"]
    rule = find("Ingress", "mayday-api")["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    assert rule == {"name": "mayday-api", "port": {"name": service_port["name"]}}


def test_probes_ask_what_the_api_answers_without_a_key() -> None:
    document = json.loads((ROOT / "docs/openapi.json").read_text())
    api = container("api")
    assert api["livenessProbe"]["httpGet"]["path"] == "/livez" == api["startupProbe"]["httpGet"]["path"]
    assert api["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert [document["paths"][path]["get"].get("security") for path in ("/livez", "/readyz")] == [None, None]
    check = container("worker")["livenessProbe"]["exec"]["command"]
    assert " ".join(check) in COMPOSE["services"]["worker"]["healthcheck"]["test"][1]


@pytest.mark.parametrize("program", ["api", "worker"])
def test_a_program_is_not_killed_before_it_has_stopped(program: str) -> None:
    given = settings_of_all()
    needed = int(given["MAYDAY_SHUTDOWN_DELAY_SECONDS"]) + 2 * int(given["MAYDAY_SHUTDOWN_SECONDS"])
    assert pod(program)["terminationGracePeriodSeconds"] >= needed + 5


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_may_do_no_more_than_it_must(program: str) -> None:
    """What the standard `restricted` of Pod Security asks for, and a root that cannot be written."""
    inside = pod(program)
    assert inside["securityContext"]["runAsNonRoot"] is True
    assert f"USER {inside['securityContext']['runAsUser']}\n" in (ROOT / "Dockerfile").read_text()
    assert inside["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert inside["automountServiceAccountToken"] is inside["enableServiceLinks"] is False
    assert container(program)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container(program)["volumeMounts"] == [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108 - in a container


@pytest.mark.parametrize("program", PROGRAMS)
def test_memory_is_that_of_compose_and_cpu_is_asked_for_and_not_cut(program: str) -> None:
    units = {"g": "Gi", "m": "Mi"}
    limit = COMPOSE["services"][program]["mem_limit"]
    given = container(program)["resources"]
    assert given["limits"] == {"memory": limit[:-1] + units[limit[-1]]}
    assert given["requests"].keys() == {"cpu", "memory"}


def test_every_selector_finds_the_pods_that_it_means() -> None:
    pods = {name: workload(name)["spec"]["template"]["metadata"]["labels"] for name in PROGRAMS}
    for document in RESOURCES:
        spec, component = (
            document.get("spec", {}),
            document["metadata"].get("labels", {}).get("app.kubernetes.io/component"),
        )
        selector = spec.get("selector") or spec.get("podSelector")
        if selector is None:
            continue
        wanted = selector.get("matchLabels", selector)
        found = [name for name, labels in pods.items() if wanted.items() <= labels.items()]
        assert found == ([component] if component else PROGRAMS), document["metadata"]["name"]


def test_the_autoscaler_scales_the_api_and_the_file_does_not_say_against_it_how_many() -> None:
    [scaler] = [one for one in RESOURCES if one["kind"] == "HorizontalPodAutoscaler"]
    target = scaler["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", "mayday-api")
    assert "replicas" not in workload("api")["spec"]
    budget = find("PodDisruptionBudget", "mayday-api")["spec"]["minAvailable"]
    assert 0 < budget < scaler["spec"]["minReplicas"], "a node must be able to be emptied"


def test_kustomize_makes_of_it_what_the_schemas_allow(tmp_path: Path) -> None:
    """With the names that it gives, each of which must lead to something that is there."""
    tool = [["kustomize", "build"], ["kubectl", "kustomize"]]
    command = next((words for words in tool if shutil.which(words[0])), None)
    if command is None:
        pytest.skip("neither kustomize nor kubectl is installed")
    shutil.copytree(KUBERNETES, tmp_path / "kubernetes")
    for example in (tmp_path / "kubernetes/example").glob("*.env.example"):
        example.rename(example.with_suffix(""))
    built = subprocess.run(
        [*command, tmp_path / "kubernetes/example"], capture_output=True, text=True, check=True
    ).stdout
    made = [document for document in yaml.safe_load_all(built) if document]
    assert [problem for document in made if (problem := problems_of(document, VERSIONS[-1]))] == []
    assert len(made) == len(RESOURCES) + 4
    names = {document["metadata"]["name"] for document in made if document["kind"] in ("ConfigMap", "Secret")}
    [api] = [one for one in made if (one["kind"], one["metadata"]["name"]) == ("Deployment", "mayday-api")]
    [inside] = api["spec"]["template"]["spec"]["containers"]
    assert inside["image"] == f"mayday:{VERSION}"
    referred = {one["configMapRef"]["name"] for one in inside["envFrom"]}
    referred |= {one["valueFrom"]["secretKeyRef"]["name"] for one in inside["env"]}
    assert referred <= names
