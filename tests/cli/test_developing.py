"""The developers' commands: there in a clone; where the image runs, their names say that it is none."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.developing import NAMES
from common.settings import ROOT


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(root)}
    command = [sys.executable, "-P", "-m", "cli", *arguments]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)


def copied_folders() -> list[str]:
    """What the Dockerfile takes out of the clone, but for the lock."""
    copied = re.findall(r"^COPY (?!--from)(\S+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    return [name for name in copied if not name.endswith(".lock")]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder that the image has."""
    folder = tmp_path_factory.mktemp("image")
    for name in copied_folders():
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, folder / name)
    yield folder
    shutil.rmtree(folder)


def test_the_image_holds_no_tools_of_developers_and_no_tests() -> None:
    assert set(copied_folders()) == {"alembic.ini", "api", "cli", "common", "migrations", "worker"}
    assert not {"!dev", "!tests"} & set((ROOT / ".dockerignore").read_text().split())


@pytest.mark.parametrize("name", NAMES)
def test_in_the_image_a_developers_command_says_that_it_needs_a_clone(image: Path, name: str) -> None:
    refused = run(image, name, "--something")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert f"mayday: {name} needs a clone" in refused.stderr


def test_the_image_has_all_other_commands_and_does_not_list_these(image: Path) -> None:
    def commands(root: Path) -> set[str]:
        return set(re.findall(r"^  ([a-z]+) {2,}", run(root, "--help").stdout.partition("Commands:")[2], re.MULTILINE))

    assert commands(ROOT) - commands(image) == set(NAMES)
    assert "up" in commands(image)
