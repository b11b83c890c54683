"""What the commands of the benches have in common: options, and the file that the figures go to."""

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.stores import Stores, start_stores


def measure_in_slices(
    name: str,
    description: str | None,
    run: Callable[[Stores, float, int], dict[str, Any]],
    show: Callable[[dict[str, Any]], None],
    arguments: Sequence[str] | None,
    *,
    seconds: float,
    rounds: int,
) -> None:
    """The command of a bench whose variants take turns: slices of `seconds`, `rounds` of them, on stores of its own."""
    parser = argparse.ArgumentParser(prog=f"mayday bench {name}", description=description)
    parser.add_argument("--seconds", type=float, default=seconds)
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    with start_stores() as stores:
        result = run(stores, options.seconds, options.rounds)
    show(result)
    write_figures(options.json, result)


def write_figures(file: Path | None, figures: Any) -> None:
    """Write the figures as JSON, where a file was asked for."""
    if file is not None:
        file.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
