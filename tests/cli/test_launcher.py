"""The launcher `mayday`: it makes the venv when it must, and says in a sentence when it cannot."""

import importlib.util
import os
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


def test_a_python_without_venv_is_told_what_to_install(launcher: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher.subprocess, "call", lambda *_arguments, **_options: 1)
    with pytest.raises(SystemExit, match="python3-venv"):
        launcher.make_venv()


def test_a_python_that_is_too_old_is_a_sentence(launcher: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher.sys, "version_info", (3, 8, 1))
    monkeypatch.setattr(launcher.shutil, "which", lambda _name: None)
    with pytest.raises(SystemExit, match=r"needs Python 3\.11 to 3\.14 and this is 3\.8"):
        launcher.leave_old_python()


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
