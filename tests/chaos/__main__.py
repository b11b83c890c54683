"""`./mayday test chaos`: the long form. With `--docs` it writes its figures into docs/reliability.md.

`--minutes 11`: no fault is begun after so long; the table then says which were not.
"""

import math
import re
import sys

import uvloop

from cli.embedded import temporary_home
from common.settings import ROOT
from tests.chaos.promises import Outcome
from tests.chaos.run import Report, run_long

PAGE = ROOT / "docs" / "reliability.md"
FIGURES = re.compile(r"(?<=<!-- figures of the last run -->\n).*?(?=<!-- end of figures -->)", re.DOTALL)


def main() -> int:
    """The exit status: 0 when everything is as promised."""
    with temporary_home() as folder:
        report = uvloop.run(run_long(folder, lambda line: print(line, flush=True), seconds_given()))  # noqa: T201
    sys.stdout.write(summarize(report))
    if "--docs" in sys.argv:
        PAGE.write_text(FIGURES.sub(lambda _: tabulate(report), PAGE.read_text()))
    return 1 if report.problems else 0


def seconds_given() -> float:
    """The number after `--minutes`, in seconds; without one, no end."""
    if "--minutes" not in sys.argv:
        return math.inf
    return float(sys.argv[sys.argv.index("--minutes") + 1]) * 60


def summarize(report: Report) -> str:
    """The run in a few lines."""
    lines = [
        f"{report.faults} faults in {report.seconds:.0f} s: {report.verdict}",
        "pattern sums equal the stored rows" if not report.wrong_sums else "; ".join(report.wrong_sums),
        *(f"control, {name}: {verdict}" for name, verdict in report.controls.items()),
        f"largest API {report.memory_bytes / 2**20:.0f} MiB",
        *(f"NOT AS PROMISED: {problem}" for problem in report.problems),
    ]
    return "\n".join(lines) + "\n"


def tabulate(report: Report) -> str:
    """The run as Markdown."""
    controls = "; ".join(f"{name}: {verdict}" for name, verdict in report.controls.items())
    sums = "exact" if not report.wrong_sums else "; ".join(report.wrong_sums)
    rows = "".join(row_of(outcome) for outcome in report.outcomes)
    return (
        f"\n{report.faults} faults in {report.seconds:.0f} s. {str(report.verdict).capitalize()}. Pattern sums: {sums}.\n"
        f"Controls that must fail: {controls}. Largest API process: {report.memory_bytes / 2**20:.0f} MiB.\n\n"
        "| fault | times | answers | refused | broken | slowest s | first write after s | seen |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- |\n" + rows + "\n"
    )


def row_of(outcome: Outcome) -> str:
    """One fault; what was not as promised stands in its last column."""
    seen = outcome.skipped or "; ".join(outcome.figures[-1:])
    if outcome.problems:
        first = outcome.problems[0].splitlines()[0][:160].replace("|", "/")
        seen = f"NOT AS PROMISED ({len(outcome.problems)}): {first}"
    return (
        f"| {outcome.fault} | {outcome.times} | {outcome.answers:,} | {outcome.refused:,} | {outcome.broken:,} "
        f"| {outcome.slowest_seconds:.2f} | {outcome.recovery_seconds:.2f} | {seen} |\n"
    )


if __name__ == "__main__":
    sys.exit(main())
