"""The page docs/performance.md out of the figures of `mayday bench all --json FILE`.

`mayday bench report FILE [--out PAGE]` writes it. What the figures do not hold is said to be not measured.
"""

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from common.settings import ROOT
from dev.bench.targets import Figures, Target, find_targets, source_rows

PAGE = ROOT / "docs/performance.md"

HEAD = """# Performance

Made by `./mayday bench report FILE` from the figures of `./mayday bench all --json FILE`, which anyone can run: it
starts a Postgres and a Valkey of its own, durable as in production, and takes under ten minutes. Postgres has 2.4 GB of
used files of log in store, as one that has run for a while: whoever commits waits while it zeroes a new one.

How it is measured: one API process, everything on (keys, limits, cleaning, redaction, fingerprints, duplicates,
deltas). Errors of 500 bytes to 2 KB, three in four with a stack trace, 300 true patterns, from a fixed seed. Variants
take turns in short slices, so that other load meets all of them; a ratio is the median of the ratios of one round
each. Load comes from a raw asyncio client in a closed loop on the same machine; `generator` is its share of all CPU that
a variant's slices took. It looks at every answer, which wrk leaves out unless a script slows it down. Every answer is
checked, and at the end the stored rows must be exactly the acknowledged ones. CPU is that of the process and its
children as the kernel counts it, for each error or read.
"""

VARIANTS = {
    "mayday": "Mayday, everything on",
    "copy": "ceiling: COPY by 100, four connections, no service",
    "insert": "ceiling: one prepared INSERT a row, no service",
    "add_all": "FastAPI, SQLAlchemy `add_all`, one commit a batch",
    "one_insert": "FastAPI, asyncpg, one INSERT",
    "source": "the source's design: Flask, `bulk_insert_mappings`, cache busted by writes",
    "naive": "naive: a commit for each error",
}
WRITES = {
    "batch": "Batches of 100, eight connections",
    "single": "Single errors, 64 connections (the ceiling 16)",
    "one_connection": "Single errors, one connection",
}


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; all but the first column to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines) + "\n"


def describe_runs(benches: Mapping[str, Any]) -> str:
    """Each bench as it was run; what names a folder is left out."""
    runs = [f"`{name} {bench['arguments']}`" for name, bench in benches.items() if name != "grouping"]
    return f"Run as {', '.join(runs)}.\n\n"


def describe_machine(machine: Figures) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    return (
        f"Measured on {machine['date']}: {machine['cores']} cores, {machine['memory_gb']:g} GB of memory, load average "
        f"{machine['load_at_start']:g} at the start; all of it took {machine['wall_seconds']:.0f} s.\n{versions}.\n\n"
    )


def describe_targets(targets: Sequence[Target]) -> str:
    missed = [target.name for target in targets if not target.is_met]
    said = f"{len(targets) - len(missed)} of {len(targets)} targets are met"
    said += f"; missed: {'; '.join(missed)}.\n\n" if missed else ".\n\n"
    return "## Targets\n\n" + said + table(["target", "asked", "measured", ""], [target.row() for target in targets])


def describe_writes(ingest: Figures) -> str:
    mean = f"Errors of {ingest['error_bytes']:,} bytes on average."
    text = f"## The write path\n\n{mean} `Mayday is`: its rate over the variant's.\n\n"
    for name, title in WRITES.items():
        head = [
            title,
            "errors/s",
            "Mayday is",
            "service µs",
            "Postgres µs",
            "generator",
            "p50 ms",
            "p95 ms",
            "p99 ms",
        ]
        text += table(head, [write_row(variant, row) for variant, row in ingest[name].items()])
    memory = ingest["memory"]
    return (
        text
        + describe_parts(ingest["parts"])
        + (
            f"Memory of the API process: {memory['idle_bytes'] / 1e6:.0f} MB before the load, "
            f"{memory['after_bytes'] / 1e6:.0f} MB right after it.\n\n"
        )
    )


def write_row(variant: str, row: Figures) -> list[str]:
    rate = [f"{row['rate']:,.0f}", f"{row['ratio']:.2f} x"]
    costs = [f"{row[name]:.1f}" for name in ("server_us", "postgres_us")]
    return [
        VARIANTS[variant],
        *rate,
        *costs,
        generator_share(row),
        *[f"{row[name]:.2f}" for name in ("p50_ms", "p95_ms", "p99_ms")],
    ]


def generator_share(row: Figures) -> str:
    """What the load generator took of all CPU that the variant's slices took."""
    return f"{row['generator_us'] / (row['server_us'] + row['postgres_us'] + row['generator_us']):.0%}"


def describe_parts(parts: Figures) -> str:
    """What an error costs by part."""
    rows = [
        [part, *(f"{column[part]:.1f}" if part in column else "" for column in parts.values())]
        for part in parts["batch"]
    ]
    rows.append(["together", *(f"{sum(column.values()):.1f}" for column in parts.values())])
    return (
        "CPU of an error in a batch by part, each measured by itself in one process. All else is what the API took in the "
        "run above beyond these. In the second column no trace was seen before; else nearly all were, apart from "
        "their messages.\n\n" + table(["part", "\u00b5s", "\u00b5s, all traces new"], rows)
    )


def describe_reads(reads: Figures) -> str:
    text = (
        f"## The read path\n\nHot answers over {reads['errors']:,} errors, 32 connections, key check and limits "
        "included, beside a bare Starlette route that returns the same bytes from a constant, and uvicorn's smallest "
        "answer.\n\n"
    )
    head = ["answer", "bytes", "reads/s", "of Starlette", "service µs", "generator", "p95 ms"]
    return text + table(
        head,
        [
            [f"{name}: {variant}", f"{part['bytes']:,}", f"{row['rate']:,.0f}", f"{row['of_starlette']:.2f}",
             f"{row['server_us']:.1f}", generator_share(row), f"{row['p95_ms']:.2f}"]
            for name, part in reads["hot"].items()
            for variant, row in part.items()
            if variant != "bytes"
        ],
    )  # fmt: skip


def describe_beside(beside: Figures) -> str:
    text = (
        "## Reads beside writes\n\nOne reader asks for recent a hundred times a second while batches of 100 come in; "
        f"the service takes {beside['capacity']:,} errors/s when nothing else is asked of it. An answer is as old as the "
        "oldest batch that was acknowledged before it was asked for and is not in it. Stale copies, which are sent at "
        "once while the new one is made, are hits. The reader is a process of its own; a read ends when its answer arrives "
        "at its socket, by the kernel's stamp. Its p95 by the reader's clock, which has its wait for a core of this machine "
        "in it, stands beside, with how many reads it began 10 ms late. The three take turns; the p95 beside half the "
        "capacity is "
        f"{beside['p95_over_idle']:.2f} times that of the idle server of the same round, in the median.\n\n"
    )
    head = ["recent", "p50 ms", "p95 ms", "p99 ms", "reader's p95 ms", "began late", "hits", "of all stale", "most age"]
    return text + table(
        head,
        [
            [name, *(f"{row[key]:.2f}" for key in ("p50_ms", "p95_ms", "p99_ms", "reader_p95_ms")),
             f"{row['late_reads']:,} of {row['reads']:,}", f"{row['hit_share']:.1%}", f"{row['stale_share']:.1%}",
             f"{row['age_most_seconds']:.2f} s"]
            for name, row in beside["rows"].items()
        ],
    )  # fmt: skip


def describe_curve(curve: Sequence[Figures]) -> str:
    text = (
        "## The cost curve\n\nBy `./mayday bench curve`: errors spread over the days of the retention, of the same patterns. "
        "Batches and hot reads take turns with those of a young log, whose rate they have so many times. Reads that no "
        "cache holds are medians of forty questions, asked once each by one reader over HTTP.\n\n"
    )
    head = ["stored", "errors/s", "of young", "p99 ms", "recent/s, hot", "of young", "patterns/s, hot", "of young",
            "recent ms", "list ms", "pattern ms", "worker's run s", "bytes an error"]  # fmt: skip
    return text + table(
        head,
        [
            [f"{row['errors']:,}", f"{row['ingest']['rate']:,.0f}", f"{row['ingest']['of_young']:.2f}",
             f"{row['ingest']['p99_ms']:.0f}",
             *(form for name in ("recent", "patterns")
               for form in (f"{row[name]['rate']:,.0f}", f"{row[name]['of_young']:.2f}")),
             *(f"{row['misses'][name]['p50_ms']:.2f}" for name in ("recent", "list", "pattern")),
             f"{row['patterns_run_seconds']:.2f}", f"{row['bytes_per_error']:,}"]
            for row in curve
        ],
    )  # fmt: skip


def describe_memory(memory: Figures) -> str:
    rows = [
        ["API process, just started", f"{memory['started_bytes'] / 1e6:.0f} MB"],
        ["idle, its memos filled", f"{memory['idle_bytes'] / 1e6:.0f} MB"],
        [f"after {memory['burst_errors']:,} errors in {memory['burst_seconds']:.0f} s",
         f"{memory['after_bytes'] / 1e6:.0f} MB"],
        [f"{memory['minutes']:g} minutes later", f"{memory['later_bytes'] / 1e6:.0f} MB"],
        [f"Redis for {memory['cached_errors']:,} cached errors, in all codings",
         f"{memory['redis_bytes'] / 1e6:.1f} MB"],
    ]  # fmt: skip
    return "## Memory\n\nBy `./mayday bench memory`.\n\n" + table(["memory", "size"], rows)


def describe_source(ingest: Figures, reads: Figures) -> str:
    rows = [
        [row.name, f"{row.before:,.4g} {row.unit}", f"{row.after:,.4g} {row.unit}", f"{row.improvement:.0f} %",
         f"{row.stated:g} %"]
        for row in source_rows(ingest, reads)
    ]  # fmt: skip
    return (
        "## The source's table\n\nBefore is the naive service in the same run; for bytes, the same answer without coding. "
        "The source names an improvement for recent, for an error in a batch, for patterns and for bytes; that of an "
        "error is asked of a single one too.\n\n"
        + table(["operation", "before", "after", "improvement", "the source's"], rows)
    )


def describe_patterns(patterns: Figures) -> str:
    rows = [
        [name, *(f"{row[key]:.2f} s" for key in ("wall_seconds", "cpu_seconds", "postgres_cpu_seconds"))]
        for name, row in patterns.items()
        if isinstance(row, dict)
    ]
    head = ["patterns job", "wall", "CPU", "CPU of Postgres"]
    return f"## The patterns job\n\n{patterns['errors']:,} errors of a day.\n\n" + table(head, rows)


def describe_unmeasured(benches: Mapping[str, Any]) -> str:
    """What is asked of Mayday and is in none of the tables."""
    known = ("ingest", "reads", "patterns", "projection", "grouping", "curve", "memory")
    left = [name for name in known if name not in benches]
    parts = f"Not run this time: {', '.join(left)}. " if left else ""
    return (
        f"## Not measured\n\n{parts}Accuracy of grouping, trends and projections stands in "
        "[decision 3](decisions/0003-grouping.md), [trends](trends.md) and [budgets](budgets.md).\n"
    )


def make_page(result: Figures) -> str:
    """The whole page."""
    figures = {name: bench["figures"] for name, bench in result["benches"].items()}
    ingest, reads = figures.get("ingest"), figures.get("reads")
    beside, curve, memory = (reads or {}).get("beside"), figures.get("curve"), figures.get("memory")
    targets = find_targets(figures)
    parts = [
        HEAD + "\n",
        describe_machine(result["machine"]),
        describe_runs(result["benches"]),
        describe_targets(targets),
        describe_writes(ingest) if ingest else "",
        describe_reads(reads) if reads else "",
        describe_beside(beside) if beside else "",
        describe_curve(curve) if curve else "",
        describe_memory(memory) if memory else "",
        describe_source(ingest, reads) if ingest and reads else "",
        describe_patterns(figures["patterns"]) if "patterns" in figures else "",
        describe_unmeasured(figures),
    ]
    return "".join(parts)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="mayday bench report", description=__doc__)
    parser.add_argument("figures", type=Path, metavar="FILE")
    parser.add_argument("--out", type=Path, default=PAGE)
    parser.add_argument("--curve", type=Path, metavar="FILE", help="what `bench curve --json FILE` wrote")
    parser.add_argument("--memory", type=Path, metavar="FILE", help="what `bench memory --json FILE` wrote")
    options = parser.parse_args(arguments)
    result = json.loads(options.figures.read_text())
    for name, file in (("curve", options.curve), ("memory", options.memory)):
        if file:
            result["benches"][name] = json.loads(file.read_text())
    options.out.write_text(make_page(result))
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
