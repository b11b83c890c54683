"""The commands of `mayday`: where each is, and the examples of its help."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.completion import completion_init  # type: ignore[attr-defined]
from typer.core import TyperGroup

from cli.developing import NAMES, add_developers_commands
from cli.examples import examples

STYLE: dict[str, Any] = {
    "no_args_is_help": True,
    "add_completion": False,
    "rich_markup_mode": None,
    "pretty_exceptions_enable": False,
}


@dataclass(frozen=True, slots=True)
class Place:
    """A function or a group of commands, `module:name`. The group has its examples by itself."""

    of: str
    examples: Sequence[str] = ()


PLACES = {
    "up": Place("cli.up:up", ["up", "up --verbose    # with the log"]),
    "patterns": Place(
        "cli.looking.patterns:patterns",
        [
            "patterns",
            "patterns --window 1h --order trend --service checkout",
            "patterns --json | jq -r '.patterns[].title'",
            "patterns | cut -f1,7",
        ],
    ),
    "show": Place(
        "cli.looking.show:show",
        [
            "show 1           # the first of the last list of patterns",
            "show 4fd19c3a    # a pattern or an error by the end of its id",
            "show 01a20cfa-b9ad-73c9-8790-717a1337fc95 --json",
        ],
    ),
    "tail": Place(
        "cli.looking.tail:tail",
        [
            "tail",
            "tail --severity critical --filter timeout",
            "tail --pattern 1 -n 50",
            "tail --json > errors.ndjson",
        ],
    ),
    "resolve": Place(
        "cli.looking.triage:resolve",
        ["resolve 1", "resolve 4fd19c3a --in-next-release", 'resolve 1 --in-release 10.24.0 --note "PR 812"'],
    ),
    "ignore": Place("cli.looking.triage:ignore", ["ignore 1", "ignore 1 --for 7d", "ignore 4fd19c3a --errors 100"]),
    "reopen": Place("cli.looking.triage:reopen", ["reopen 4fd19c3a"]),
    "budgets": Place("cli.looking.spending:budgets", ["budgets", "budgets 'all teams' --json"]),
    "report": Place(
        "cli.looking.spending:report",
        ["report", "report --period 2026-02 --timezone Europe/Berlin", "report --markdown > costs.md"],
    ),
    "signin": Place(
        "cli.signin:signin", ["signin", 'signin --key "$MAYDAY_READ_KEY"    # for somebody who may only look']
    ),
    "send": Place(
        "cli.send:send",
        ["send app.log", "send export.csv --column message=Content", "send --format ndjson < errors.ndjson"],
    ),
    "mcp": Place("cli.mcp:mcp", ["mcp    # started by a client of MCP", 'mcp --key "$MAYDAY_TRIAGE_KEY"']),
    "doctor": Place("cli.doctor:doctor", ["doctor"]),
    "status": Place("cli.status:status", ["status", "status | jq .installation"]),
    "project": Place("cli.projects:project_app"),
    "key": Place("cli.keys:key_app"),
    "secret-key": Place("cli.secret_key:secret_key_app"),
    "budget": Place("cli.budget:budget_app"),
    "alerts": Place("cli.alerts:alerts_app"),
    "usage": Place("cli.usage:usage_app"),
    "api": Place("cli.programs:api", ["api", "api --processes 2"]),
    "worker": Place("cli.programs:worker", ["worker", "worker --check"]),
    "migrate": Place("cli.migrate:migrate", ["migrate", "migrate --check"]),
    "check-settings": Place("cli.check_settings:check_settings", ["check-settings"]),
    "completion": Place(
        "cli.completion:completion",
        [
            "completion bash > ~/.local/share/bash-completion/completions/mayday",
            "completion zsh > ~/.zfunc/_mayday    # with ~/.zfunc in fpath, before compinit",
            "completion fish > ~/.config/fish/completions/mayday.fish",
        ],
    ),
}


class Commands(TyperGroup):
    """Imports a command when it is asked for: a start, and each Tab, would else pay for what all of them stand on."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the parser's own
        """Their names, in the order of the help."""
        return [*PLACES, *NAMES]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of this name, if there is one."""
        if cmd_name not in self.commands and cmd_name in self.list_commands(ctx):
            self.commands[cmd_name] = load(cmd_name)
        return self.commands.get(cmd_name)


def load(name: str) -> Any:
    """The command, made for the parser."""
    if name in NAMES:
        developers = typer.Typer(**STYLE)
        add_developers_commands(developers)
        return typer.main.get_group(developers).commands[name]
    place = PLACES[name]
    module, _, of = place.of.partition(":")
    found = getattr(import_module(module), of)
    if isinstance(found, typer.Typer):
        found.info.name, found.rich_markup_mode = name, None
        return typer.main.get_group(found)
    single = typer.Typer(**STYLE | {"no_args_is_help": False})
    single.command(name, epilog=examples(*place.examples))(found)
    return typer.main.get_command(single)


completion_init()  # without typer's own options for it, which install scripts: `mayday completion` prints them
app = typer.Typer(cls=Commands, **STYLE)


def say_version(is_wanted: bool) -> None:
    if is_wanted:
        from common.version import VERSION

        typer.echo(f"mayday {VERSION}")
        raise typer.Exit


@app.callback(epilog=examples("up", "patterns", "show 1", "send app.log"))
def mayday(
    _is_version: Annotated[
        bool, typer.Option("--version", callback=say_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """An error log that stays fast."""
