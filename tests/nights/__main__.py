"""`./mayday test nights`: a real Prometheus on the shipped rules beside a real Mayday at the shipped intervals.

First half an hour (`--minutes 5`: less) in which nothing is wrong and no alert may fire; then each alert's cause is made
true, as far as that is done within a quarter of an hour, and it must fire. `--only quiet` and `--only causes`: one of both.
"""

import argparse
import asyncio
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

from cli.embedded import temporary_home
from tests.nights.causes import NOT_WITHIN_MINUTES, make_all_true
from tests.nights.quiet import pass_quiet_time
from tests.nights.stack import run_night


def main() -> int:
    """The exit status: 0 when all is as promised."""
    parser = argparse.ArgumentParser(prog="mayday test nights")
    parser.add_argument("--minutes", type=float, default=30.0, help="of the quiet time")
    parser.add_argument("--only", choices=("quiet", "causes"))
    given = parser.parse_args()
    if shutil.which("prometheus") is None:
        say("there is no prometheus here; Debian has it in its package prometheus")
        return 2
    problems: list[str] = []
    with temporary_home() as folder:
        if given.only != "causes":
            problems += asyncio.run(be_quiet(make_folder(folder / "quiet"), given.minutes * 60))
        if given.only != "quiet":
            problems += asyncio.run(make_causes(make_folder(folder / "causes")))
    for problem in problems:
        say(f"NOT AS PROMISED: {problem}")
    say("all as promised" if not problems else f"{len(problems)} not as promised")
    return 1 if problems else 0


def make_folder(folder: Path) -> Path:
    """One that the servers' user may pass."""
    folder.mkdir(mode=0o711)
    return folder


async def be_quiet(folder: Path, seconds: float) -> list[str]:
    async with run_night(folder) as night:
        problems = await pass_quiet_time(night, seconds, say)
        say(f"{len(night.stack.journal.answers):,} answers; {await night.stack.verdict()}")
        for line in night.prometheus.longest("pending"):
            say(f"was pending, in all {line}")
    return problems


async def make_causes(folder: Path) -> list[str]:
    say(f"by promtool alone, since they take hours: {', '.join(NOT_WITHIN_MINUTES)}")
    async with run_night(folder) as night:
        return await make_all_true(night, say)


def say(line: str) -> None:
    sys.stdout.write(f"{datetime.now(UTC):%H:%M:%S} {line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
