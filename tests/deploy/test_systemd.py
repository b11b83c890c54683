"""deploy/systemd: units that systemd reads without a word, that may do little, and that set what is a setting."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from common.settings import ROOT, Settings
from tests.deploy.units import directives, words

SYSTEMD = ROOT / "deploy/systemd"
SERVICES = sorted(path.name for path in SYSTEMD.glob("*.service"))
CURRENT = "/opt/mayday/current"
EXPOSURE_MAX = 15  # of 100, as `systemd-analyze security` counts; a service without a word of it has 96


@pytest.fixture
def analyze() -> str:
    found = shutil.which("systemd-analyze")
    if found is None:
        pytest.skip("systemd-analyze is not installed")
    return found


def put_here(folder: Path) -> list[str]:
    """The units with this checkout for the current release, the template as one of its instances. Gives their paths."""
    for unit in SYSTEMD.glob("mayday*.[st]*"):
        text = unit.read_text().replace(CURRENT, str(ROOT))
        for name in (unit.name, unit.name.replace("@.", "@1.")):
            (folder / name).write_text(text)
    return sorted(str(path) for path in folder.iterdir() if "@." not in path.name)


def command_list() -> str:
    command = [sys.executable, "-m", "cli", "--help"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_systemd_reads_every_unit_without_a_word(analyze: str, tmp_path: Path) -> None:
    units = put_here(tmp_path)
    assert len(units) == len(SERVICES) + 1
    done = subprocess.run([analyze, "verify", "--man=no", *units], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_systemd_would_say_what_is_wrong(analyze: str, tmp_path: Path) -> None:
    put_here(tmp_path)
    wrong = tmp_path / "mayday-worker.service"
    wrong.write_text(wrong.read_text().replace("ProtectHome", "ProtectHouse"))
    done = subprocess.run([analyze, "verify", "--man=no", wrong], capture_output=True, text=True, check=False)
    assert "ProtectHouse" in done.stderr


def test_every_service_may_do_little(analyze: str, tmp_path: Path) -> None:
    services = [path for path in put_here(tmp_path) if path.endswith(".service")]
    options = ["--offline=true", f"--threshold={EXPOSURE_MAX}", "--no-pager"]
    for service in services:
        done = subprocess.run([analyze, "security", *options, service], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-400:]


@pytest.mark.parametrize("service", SERVICES)
def test_a_unit_runs_a_command_of_the_release_that_current_leads_to(service: str, tmp_path: Path) -> None:
    [line] = directives(SYSTEMD / service, "ExecStart")
    release, current = tmp_path / "1.0.0", tmp_path / "current"
    release.mkdir()
    (release / "mayday").write_text('#!/bin/sh\necho "$0" "$@"\n')
    (release / "mayday").chmod(0o755)
    current.symlink_to(release)
    command = shlex.split(line.replace("$$", "$").replace(CURRENT, str(current)))
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    program = re.sub(r"mayday-(\w+)@?\.service", r"\1", service)
    assert done.stdout.split() == [str(release.resolve() / "mayday"), program]
    assert re.search(rf"^  {program} ", command_list(), re.MULTILINE)


@pytest.mark.parametrize("service", SERVICES)
def test_every_variable_is_a_setting(service: str) -> None:
    known = {f"MAYDAY_{name.upper()}" for name in Settings.model_fields}
    named = re.findall(r"^#?\s*(MAYDAY_\w+)=", (SYSTEMD / "mayday.env.example").read_text(), re.MULTILINE)
    given = {word.partition("=")[0] for word in words(SYSTEMD / service, "Environment")}
    assert given | set(named) <= known
    assert "MAYDAY_MODE=production" in words(SYSTEMD / service, "Environment")


@pytest.mark.parametrize("service", [name for name in SERVICES if "migrate" not in name])
def test_a_program_is_not_killed_before_it_has_stopped(service: str) -> None:
    given = dict(word.split("=") for word in words(SYSTEMD / service, "Environment"))
    needed = int(given.get("MAYDAY_SHUTDOWN_DELAY_SECONDS", 0)) + 2 * int(given["MAYDAY_SHUTDOWN_SECONDS"])
    [limit] = directives(SYSTEMD / service, "TimeoutStopSec")
    assert int(limit) >= needed + 5


def test_ports_of_the_apis_differ_from_each_other_and_from_the_workers() -> None:
    given = dict(word.split("=") for word in words(SYSTEMD / "mayday-api@.service", "Environment"))
    ports = [
        given[name].replace("%i", str(n)) for n in range(1, 10) for name in ("MAYDAY_PORT", "MAYDAY_API_METRICS_PORT")
    ]
    assert len({*ports, str(Settings.model_construct().worker_metrics_port)}) == 19


def test_the_target_starts_what_there_is() -> None:
    wanted = words(SYSTEMD / "mayday.target", "Wants")
    assert {re.sub(r"@\d", "@", name) for name in wanted} == set(SERVICES) - {"mayday-migrate.service"}
    for service in SERVICES:
        if service != "mayday-migrate.service":
            assert "mayday-migrate.service" in words(SYSTEMD / service, "After")
            assert "mayday-migrate.service" in words(SYSTEMD / service, "Wants")
