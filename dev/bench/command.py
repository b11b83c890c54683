"""What the commands of the benches have in common: options, and the file that the figures go to."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dev.bench.stores import Stores, start_stores
from dev.figures import write_figures

Option = int | float | str


def measure(
    name: str,
    description: str | None,
    run: Callable[[Stores, argparse.Namespace], Any],
    show: Callable[[Any], None],
    arguments: Sequence[str] | None,
    **defaults: Option,
) -> None:
    """The command of a bench on stores of its own, with these options; the file says what was asked beside the figures."""
    options = parse(name, description, arguments, defaults)
    with start_stores() as stores:
        result = run(stores, options)
    show(result)
    given = {option: getattr(options, option) for option in defaults}
    asked = [
        f"--{option} {value:g}" if isinstance(value, float) else f"--{option} {value}"
        for option, value in given.items()
    ]
    write_figures(options.json, {"arguments": " ".join(asked), "figures": result})


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
    """The command of a bench of `bench all`, which notes itself what it asked: slices of `seconds`, `rounds` of them."""
    options = parse(name, description, arguments, {"seconds": seconds, "rounds": rounds})
    with start_stores() as stores:
        result = run(stores, options.seconds, options.rounds)
    show(result)
    write_figures(options.json, result)


def parse(
    name: str, description: str | None, arguments: Sequence[str] | None, defaults: Mapping[str, Option]
) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"mayday bench {name}", description=description)
    for option, default in defaults.items():
        parser.add_argument(f"--{option}", type=type(default), default=default)
    parser.add_argument("--json", type=Path)
    return parser.parse_args(arguments)
