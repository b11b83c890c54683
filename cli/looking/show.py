"""`mayday show`: one pattern with its latest errors and a stack trace, or one error with all that was sent of it."""

import json
from typing import Annotated, Any

import typer

from api.reads.cells import show_unseen
from cli.client import Api, ApiFailed, ReadKey, Url, connected
from cli.looking.patterns import Window
from cli.looking.references import find_any_id, shorten
from cli.output import (
    Column,
    Json,
    Rows,
    draw_bars,
    is_terminal,
    print_block,
    print_hint,
    print_json,
    print_lines,
    print_rows,
    show_age,
    show_count,
    show_time,
)  # fmt: skip
from common.keys import Scope
from common.settings import Settings

Facts = list[tuple[str, str]]

EXAMPLES = 5
VALUES = 4  # of a variable
EXAMPLE_COLUMNS = (
    Column("timestamp", show_time),
    Column("severity"),
    Column("service"),
    Column("release"),
    Column("id", shorten),
    Column("message", is_long=True),
)
ERROR_FACTS = ("severity", "service", "environment", "release", "error_type", "pattern_id", "fingerprint")


def show(
    reference: Annotated[
        str,
        typer.Argument(metavar="PATTERN|EVENT", help="Id, part of one, or a number of the last list of patterns."),
    ],
    window: Annotated[Window, typer.Option(help="How far back a pattern's counts go.")] = "24h",
    as_json: Json = False,
    url: Url = None,
    key: ReadKey = None,
) -> None:
    """One pattern with its latest errors, or one error with its stack trace, context and tags."""
    with connected(Scope.read, url, key) as api:
        found = find_any_id(api, Settings.load(), reference)
        if pattern := api.find(f"/api/errors/patterns/{found}", window=window):
            print_json(pattern) if as_json else show_pattern(api, pattern)
        elif error := api.find(f"/api/errors/{found}"):
            print_json(error) if as_json else show_error(error)
        else:
            raise ApiFailed(f"there is no pattern and no error {found} in this project, or its retention is over")


def show_pattern(api: Api, pattern: dict[str, Any]) -> None:
    """Facts, latest errors, and the trace of the latest one that has one."""
    print_title(pattern["title"])
    print_facts(pattern_facts(pattern))
    examples = pattern["examples"][:EXAMPLES]
    if not is_terminal() or not examples:
        return
    print_block("\nlatest errors", "bold")
    rows = [[example[column.name] for column in EXAMPLE_COLUMNS] for example in examples]
    print_rows(Rows(EXAMPLE_COLUMNS, rows))
    latest = api.find(f"/api/errors/{examples[0]['id']}")
    if latest and latest["stack_trace"]:
        print_block(f"\nstack trace of {shorten(latest['id'])}", "bold")
        print_block(latest["stack_trace"])
    name = shorten(pattern["id"])
    print_hint(
        f"\n./mayday resolve {name}, ./mayday ignore {name}; ./mayday show {shorten(examples[0]['id'])}: all of the latest"
    )


def pattern_facts(pattern: dict[str, Any]) -> Facts:
    """Names and values, in the order in which they are read; those without a value are left out."""
    facts: list[tuple[str, Any]] = [
        ("id", pattern["id"]),
        ("state", pattern["state"]),
        ("trend", pattern["trend"] + tell_trend(pattern["trend_facts"])),
        ("count", f"{show_count(pattern['count'])} in {pattern['window']}"),
        ("hours", draw_bars([hour["count"] for hour in pattern["series"]]) if is_terminal() else ""),
        ("severities", tell_counts(pattern["by_severity"])),
        ("services", tell_counts(pattern["services"])),
        ("environments", tell_counts(pattern["environments"])),
        ("releases", tell_counts(pattern["releases"])),
        ("first_seen", tell_moment(pattern["first_seen"])),
        ("last_seen", tell_moment(pattern["last_seen"])),
        ("template", pattern["template"]),
        *((f"variable_{place}", tell_counts(counts[:VALUES])) for place, counts in enumerate(pattern["variables"], 1)),
        ("fixed_in", pattern["fixed_in"]),
        ("note", pattern["note"]),
    ]
    return [(name, value) for name, value in facts if value]


def tell_trend(facts: dict[str, Any] | None) -> str:
    return f" ({facts['count']:,} in {facts['window']}, {facts['expected']:g} expected)" if facts else ""


def tell_counts(counts: list[dict[str, Any]]) -> str:
    return ", ".join(f"{one['key'] or '(none)'} {one['count']:,}" for one in counts)


def tell_moment(moment: str) -> str:
    """For people with its age; in a pipe as the API writes it."""
    return f"{show_time(moment)} ({show_age(moment)})" if is_terminal() else moment


def show_error(error: dict[str, Any]) -> None:
    """Facts, the whole message, stack trace, context and tags."""
    facts = [("id", error["id"]), ("timestamp", tell_moment(error["timestamp"]))]
    facts += [(name, error[name]) for name in ERROR_FACTS if error[name]]
    facts += [("adjustments", ", ".join(error["adjustments"]))] if error["adjustments"] else []
    texts = {
        "message": error["message"],
        "stack_trace": error["stack_trace"],
        "context": as_text(error["context"]),
        "tags": as_text(error["tags"]),
    }
    if not is_terminal():
        print_lines(facts + [(name, text) for name, text in texts.items() if text])
        return
    print_title(f"{error['error_type']}: {error['message']}" if error["error_type"] else error["message"])
    print_facts(facts)
    for name, text in texts.items():
        if text and (name != "message" or "\n" in text):
            print_block(f"\n{name.replace('_', ' ')}", "bold")
            print_block(text)
    if error["pattern_id"]:
        print_hint(f"\n./mayday show {shorten(error['pattern_id'])}: its pattern")


def as_text(document: dict[str, Any] | None) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2 if is_terminal() else None) if document else ""


def print_title(title: str) -> None:
    if is_terminal():
        print_block(show_unseen(title), "bold")


def print_facts(facts: Facts) -> None:
    """A name and a value a line."""
    if not is_terminal():
        print_lines(facts)
        return
    columns = (Column("fact"), Column("value", is_long=True, may_fold=True))
    print_rows(Rows(columns, [(name.replace("_", " "), value) for name, value in facts], has_header=False))
