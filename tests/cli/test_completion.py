"""Completion in the real shells: what Tab offers for `./mayday`, by a path, and for `mayday` on the PATH."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from common.settings import ROOT

SHELLS = [
    pytest.param(shell, marks=pytest.mark.skipif(shutil.which(shell) is None, reason=f"there is no {shell} here"))
    for shell in ("bash", "zsh", "fish")
]
# Each prints what it would offer for the line $LINE, a word a line; what stands behind a word explains it.
ASK = {
    "bash": 'eval "$(mayday completion bash)"; read -ra COMP_WORDS <<< "$LINE"; '
    '[[ $LINE == *" " ]] && COMP_WORDS+=(""); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); '
    '$(complete -p mayday | sed "s/.*-F \\([^ ]*\\) .*/\\1/") "${COMP_WORDS[0]}"; printf "%s\\n" "${COMPREPLY[@]}"',
    "zsh": 'autoload -Uz compinit; compinit -D -u; eval "$(mayday completion zsh)"; '
    '_arguments() { print -rl -- "$@"; }; _describe() { print -rl -- "$@"; }; words=(${(s: :)LINE}); '
    '[[ $LINE == *" " ]] && words+=(""); CURRENT=${#words}; ${_comps[mayday]}',
    "fish": 'mayday completion fish | source; complete --do-complete "$LINE"',
}


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `mayday`, as it is on a PATH."""
    folder = tmp_path_factory.mktemp("bin")
    program = folder / "mayday"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -P -m cli "$@"\n')
    program.chmod(0o755)
    return folder


def offered(shell: str, line: str, programs: Path) -> str:
    environment = os.environ | {"PATH": f"{programs}:{os.environ['PATH']}", "LINE": line, "HOME": str(programs)}
    command = [
        shell,
        *(["--norc"] if shell == "bash" else ["-f"] if shell == "zsh" else ["--no-config"]),
        "-c",
        ASK[shell],
    ]
    asked = subprocess.run(command, cwd=programs, env=environment, capture_output=True, text=True, check=False)
    assert asked.stderr == ""
    return asked.stdout


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("program", ["mayday", "./mayday"])
def test_commands_options_and_words_of_a_list_are_offered(shell: str, program: str, programs: Path) -> None:
    commands = offered(shell, f"{program} pat", programs)
    assert "patterns" in commands
    assert "resolve" not in commands
    assert "create" in offered(shell, f"{program} key ", programs)
    options = offered(shell, f"{program} patterns --win", programs)
    assert "--window" in options
    assert "--severity" not in options
    assert "regressed" in offered(shell, f"{program} patterns --state reg", programs)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_program_that_fails_offers_nothing_and_says_nothing(shell: str, programs: Path, tmp_path: Path) -> None:
    script = subprocess.run(
        [programs / "mayday", "completion", shell], capture_output=True, text=True, check=True
    ).stdout
    broken = tmp_path / "mayday"
    broken.write_text(f'#!/bin/sh\n[ "$1" = completion ] && cat {tmp_path}/script && exit\necho broken >&2\nexit 1\n')
    broken.chmod(0o755)
    (tmp_path / "script").write_text(script)
    assert offered(shell, "mayday pat", tmp_path).strip() == ""
