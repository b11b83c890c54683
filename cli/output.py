"""How our commands show what they found: tables and colours on a terminal, tab-separated lines or JSON in a pipe.

What services sent is only shown: nothing of it moves the cursor, colours, or turns the direction of a line. In a pipe the
lines are stable: a header, then one line a row, cells apart by a tab, without colours, cuts or numbers.
"""

import json
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from api.reads.cells import UNSEEN, flat, show_unseen, write_out

Json = Annotated[bool, typer.Option("--json", help="JSON, as the API answers it; one line where it goes into a pipe.")]

STYLES = {
    "critical": "bold red", "error": "red", "warning": "yellow", "info": "cyan", "debug": "dim",
    "new": "bold magenta", "regressed": "bold red", "spiking": "bold red", "rising": "yellow", "falling": "green",
    "resolved": "green", "ignored": "dim", "ok": "green", "warn": "yellow", "watch": "yellow", "alert": "red",
    "exceeded": "bold red", "valid": "green", "expired": "yellow", "revoked": "dim",
}  # fmt: skip
BARS = "▁▂▃▄▅▆▇█"
GAP, LEAST_WIDTH = 2, 20
MINUTE, HOUR, DAY = 60, 3_600, 86_400


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. `name` heads it, also in a pipe; `show` is how a terminal shows its values."""

    name: str
    show: Callable[[Any], str] = flat
    is_number: bool = False
    is_long: bool = False  # has what the others leave, and is cut there, or goes over several lines with `may_fold`
    may_fold: bool = False
    is_spare: bool = False  # left out of a terminal that has no room for all


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of values, and how a terminal shows them: with numbers before them, with the names of the columns above, and
    with which word where there is none."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]
    is_numbered: bool = False
    has_header: bool = True
    empty: str = "nothing"


def is_terminal() -> bool:
    """Whether what is printed is seen at once."""
    return sys.stdout.isatty()


def make_console() -> Console:
    """The terminal, for text that is not markup. What it has no letters for is written out."""
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    return Console(highlight=False, markup=False, emoji=False, soft_wrap=False)


def print_rows(rows: Rows) -> None:
    """A table on a terminal, else a header and tab-separated lines."""
    if not is_terminal():
        print_lines([[column.name for column in rows.columns], *rows.rows])
    elif rows.rows:
        console = make_console()
        shown = leave_out(rows, console.width)
        # where even that is too wide lines go on in the next: a number that is cut is another number
        console.width = max(console.width, least_width(shown))
        console.print(make_table(shown, console.width), soft_wrap=True)
        left_out = [column.name.replace("_", " ") for column in rows.columns if column not in shown.columns]
        if left_out:
            print_hint(f"no room for {', '.join(left_out)}: all is in a pipe, and with --json")
    else:
        make_console().print(Text(rows.empty, style="dim"))


def print_lines(lines: Iterable[Sequence[Any]]) -> None:
    """Tab-separated cells, each free of tabs and ends of lines."""
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    for cells in lines:
        sys.stdout.write("\t".join(write_out(flat(cell)) for cell in cells) + "\n")
    sys.stdout.flush()


def leave_out(rows: Rows, width: int) -> Rows:
    """Without the last of the columns that are spare, as many as it takes."""
    places = list(range(len(rows.columns)))
    while least_width(part := take_columns(rows, places)) > width:
        spare = [place for place in places if rows.columns[place].is_spare]
        if not spare:
            break
        places.remove(spare[-1])
    return part


def take_columns(rows: Rows, places: Sequence[int]) -> Rows:
    columns = [rows.columns[place] for place in places]
    return replace(rows, columns=columns, rows=[[row[place] for place in places] for row in rows.rows])


def least_width(rows: Rows) -> int:
    """What a table of these takes with the long columns at their least."""
    widths = [
        min(own, LEAST_WIDTH) if column.is_long else own
        for column, own in zip(rows.columns, own_widths(rows), strict=True)
    ]
    return sum(widths) + GAP * len(widths) + (GAP + len(str(len(rows.rows))) if rows.is_numbered and rows.rows else 0)


def own_widths(rows: Rows) -> list[int]:
    """What each column takes with nothing cut."""
    return [
        max(len(column.name), *(styled(column.show(row[place])).cell_len for row in rows.rows))
        for place, column in enumerate(rows.columns)
    ]


def make_table(rows: Rows, width: int) -> Table:
    """As wide as `width` at most, unless the columns that are not long take more."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, GAP, 0, 0), show_header=rows.has_header)
    numbers = [Text(str(number), style="dim") for number in range(1, len(rows.rows) + 1)] if rows.is_numbered else []
    cells = [[styled(column.show(row[place])) for row in rows.rows] for place, column in enumerate(rows.columns)]
    names = [Text(column.name.replace("_", " ")) for column in rows.columns]
    widths = own_widths(rows)
    left = width - sum(w + GAP for w, column in zip(widths, rows.columns, strict=True) if not column.is_long)
    left -= GAP + len(str(len(numbers))) if numbers else 0
    if numbers:
        table.add_column("#", justify="right", no_wrap=True)
    for column, name, own in zip(rows.columns, names, widths, strict=True):
        table.add_column(
            name,
            justify="right" if column.is_number else "left",
            overflow="fold" if column.may_fold else "ellipsis",
            no_wrap=not column.may_fold,
            width=max(min(own, LEAST_WIDTH), min(own, left - GAP)) if column.is_long else own,
        )
    for row in zip(*([numbers] if numbers else []), *cells, strict=True):
        table.add_row(*row)
    return table


def styled(shown: str) -> Text:
    """A cell in one line; a word that means something has its colour."""
    line = show_unseen(shown)
    return Text(line, style=STYLES.get(line, ""))


def print_block(text: str, style: str = "") -> None:
    """Several lines as they are, what cannot be seen written out."""
    lines = [write_out(line.expandtabs()) for line in text.splitlines()]
    make_console().print(Text("\n".join(lines), style=style), soft_wrap=True)


def print_hint(line: str) -> None:
    """What to do next; on a terminal only."""
    if is_terminal():
        make_console().print(Text(line, style="dim"), soft_wrap=True)


def print_json(document: Any) -> None:
    """Indented on a terminal, one line in a pipe; what cannot be seen is escaped as JSON has it."""
    has_all_letters = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    text = json.dumps(document, ensure_ascii=not has_all_letters, indent=2 if is_terminal() else None)
    sys.stdout.write("\n".join(UNSEEN.sub(escape_for_json, line) for line in text.split("\n")) + "\n")
    sys.stdout.flush()


def escape_for_json(found: re.Match[str]) -> str:
    escaped = json.dumps(found[0])[1:-1]
    return escaped if escaped != found[0] else f"\\u{ord(found[0]):04x}"  # json leaves DEL as it is


def show_age(moment: Any) -> str:
    """How long ago it was, in its largest unit; `never` for None, and for a time to come `in 3 d`."""
    if moment is None:
        return "never"
    seconds = (datetime.now(UTC) - read_time(moment)).total_seconds()
    return f"{show_span(seconds)} ago" if seconds >= 0 else f"in {show_span(-seconds)}"


def show_span(seconds: float) -> str:
    """A length of time in its largest unit: `40 s`, `3 min`, `2 h`, `5 d`."""
    for unit, length in (("d", DAY), ("h", HOUR), ("min", MINUTE)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def show_time(moment: Any) -> str:
    """The second, by this machine's clock and zone."""
    return "" if moment is None else f"{read_time(moment).astimezone():%Y-%m-%d %H:%M:%S}"


def read_time(moment: Any) -> datetime:
    """A time as the API or the database tells it."""
    return moment if isinstance(moment, datetime) else datetime.fromisoformat(str(moment))


def show_names(counts: Sequence[dict[str, Any]], most: int = 3) -> str:
    """The first keys of counts, and how many more there are."""
    names = [str(one["key"]) or "(none)" for one in counts[:most]]
    return ", ".join(names) + (f" +{len(counts) - most}" if len(counts) > most else "")


def show_count(number: Any) -> str:
    return "" if number is None else f"{number:,}"


def draw_bars(counts: Sequence[int]) -> str:
    """One bar a count, as high as its share of the largest."""
    most = max(counts, default=0)
    return "".join(BARS[-(-count * len(BARS) // most) - 1] if count else " " for count in counts)
