"""The bar is shown on a terminal, with bytes, the rate and what is left, and nowhere else."""

import os
import pty
import subprocess
import sys

from common.settings import ROOT

PROGRAM = """
from cli.send.delivery import Tally
from cli.send.progress import Bar
tally = Tally(stored=1_234)
with Bar(10_000_000, tally) as bar:
    for position in range(0, 10_000_001, 2_500_000):
        bar.show(position)
"""


def test_nothing_is_shown_in_a_pipe() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")


def test_the_bar_on_a_terminal() -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, stderr=theirs, env={**os.environ, "COLUMNS": "160", "TERM": "xterm"}
    )
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 4_096):
            shown += chunk
    except OSError:
        pass  # the end of a terminal
    assert process.wait(30) == 0
    assert b"1,234 records" in shown
    assert b"10.0/10.0 MB" in shown
    assert b"100%" in shown
