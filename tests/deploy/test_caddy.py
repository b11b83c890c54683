"""deploy/caddy/Caddyfile, as Caddy reads it; `./mayday test containers` runs it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from common.settings import ROOT

CADDYFILE = ROOT / "deploy/caddy/Caddyfile"


def test_caddy_reads_it_and_would_write_it_the_same(tmp_path: Path) -> None:
    program = shutil.which("caddy")
    if program is None:
        pytest.skip("caddy is not installed")
    home = dict.fromkeys(("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), str(tmp_path))
    for command in (["validate", "--adapter", "caddyfile", "--config"], ["fmt"]):
        done = subprocess.run(
            [program, *command, str(CADDYFILE)], env=os.environ | home, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip() == CADDYFILE.read_text().strip()
