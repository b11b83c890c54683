"""The launcher `mayday`: it makes the venv when it must, and says in a sentence when it cannot."""

import importlib.util
import os
import shutil
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

from common.settings import ROOT


@pytest.fixture
def launcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The launcher as a module, with a root of its own."""
    loader = SourceFileLoader("launcher", str(ROOT / "mayday"))
    spec = importlib.util.spec_from_loader("launcher", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    (tmp_path / "requirements.lock").write_text("")
    monkeypatch.setattr(module, "ROOT", str(tmp_path))
    monkeypatch.setattr(module, "VENV", str(tmp_path / ".venv"))
    monkeypatch.setattr(module, "LOCK", str(tmp_path / "requirements.lock"))
    monkeypatch.setattr(module, "STAMP", str(tmp_path / ".venv" / "made-from"))
    return module


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the launcher, a lock that pins nothing, and a command line that says that it runs."""
    shutil.copy(ROOT / "mayday", tmp_path / "mayday")
    (tmp_path / "requirements.lock").write_text("")
    (tmp_path / "cli").mkdir()
    (tmp_path / "cli" / "__main__.py").write_text("print('cli runs')\n")
    return tmp_path


def test_a_venv_is_made_once_and_again_when_the_lock_changed(launcher: ModuleType) -> None:
    assert not launcher.is_fresh()
    launcher.make_venv()
    assert launcher.is_fresh()
    Path(launcher.LOCK).write_text("# another lock\n")
    assert not launcher.is_fresh()


def test_an_interrupted_installation_is_done_again(launcher: ModuleType) -> None:
    Path(launcher.LOCK).write_text("no-such-package-in-any-lock==1.0 --hash=sha256:" + "0" * 64 + "\n")
    with pytest.raises(SystemExit, match="could not be installed"):
        launcher.make_venv()
    assert not launcher.is_fresh()


def test_an_interrupted_installation_leaves_no_stamp(launcher: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def is_interrupted(command: list[str], **_options: object) -> int:
        if "pip" in command:
            raise KeyboardInterrupt
        return 0

    monkeypatch.setattr(launcher.subprocess, "call", is_interrupted)
    with pytest.raises(KeyboardInterrupt):
        launcher.make_venv()
    assert not launcher.is_fresh()


def test_a_venv_whose_python_moved_on_is_made_again(launcher: ModuleType) -> None:
    launcher.make_venv()
    stamp = Path(launcher.STAMP)
    digest, _, place = stamp.read_text().split(" ", 2)
    stamp.write_text(f"{digest} 3.9 {place}")
    assert not launcher.is_fresh()


def test_two_first_starts_make_one_venv(checkout: Path) -> None:
    starts = [
        subprocess.Popen(
            [sys.executable, checkout / "mayday"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    outputs = [start.communicate(timeout=120) for start in starts]
    assert [out for out, _ in outputs] == ["cli runs\n"] * 2
    assert sum(err.count("installing what requirements.lock pins") for _, err in outputs) == 1


def test_packages_of_the_folder_it_is_run_from_are_not_taken_for_ours(checkout: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "cli").mkdir(parents=True)
    (elsewhere / "cli" / "__main__.py").write_text("print('not ours')\n")
    command = [sys.executable, str(checkout / "mayday")]
    output = subprocess.run(command, cwd=elsewhere, capture_output=True, text=True, check=True).stdout
    assert output == "cli runs\n"


def test_a_python_without_venv_is_told_what_to_install(launcher: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "serves", lambda _python: False)
    with pytest.raises(SystemExit, match=rf"python3\.{sys.version_info.minor}-venv"):
        launcher.go_on_with_a_python_that_serves()


def test_a_python_that_is_too_old_is_a_sentence(launcher: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher.sys, "version_info", (3, 8, 1))
    monkeypatch.setattr(launcher, "serves", lambda _python: False)
    with pytest.raises(SystemExit, match=r"needs Python 3\.11 to 3\.14 and this is 3\.8"):
        launcher.go_on_with_a_python_that_serves()


def test_a_name_on_the_path_that_runs_nothing_is_passed_over(launcher: ModuleType, tmp_path: Path) -> None:
    shim = tmp_path / "python3.13"
    shim.write_text("#!/bin/sh\necho command not found >&2\nexit 127\n")
    shim.chmod(0o755)
    assert not launcher.serves(str(shim))
    assert not launcher.serves(str(tmp_path / "absent"))
    assert launcher.serves(sys.executable)


def test_the_launcher_has_no_syntax_that_an_old_python_would_refuse() -> None:
    source = (ROOT / "mayday").read_text()
    compile(source, "mayday", "exec", dont_inherit=True)
    for newer in ("f'", 'f"', ":=", "match "):
        assert newer not in source


def test_the_help_names_every_program() -> None:
    environment = {**os.environ, "COLUMNS": "200"}
    output = subprocess.run(
        [sys.executable, "-m", "cli", "--help"], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    ).stdout
    for program in ("up", "test", "check", "migrate", "api", "worker", "key", "project", "send", "doctor"):
        assert f"\n  {program} " in output
