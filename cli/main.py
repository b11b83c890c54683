"""The commands of `mayday`, each in a module of its own, with the examples of their help."""

from typing import Annotated

import typer
from typer.completion import completion_init  # type: ignore[attr-defined]

from cli import budget, completion, doctor, keys, migrate, programs, send, status, up
from cli.developing import add_developers_commands
from cli.examples import examples
from cli.looking import patterns, show, spending, tail, triage

completion_init()  # of typer's own options for it, which install scripts, none is there: `mayday completion` prints them
app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def say_version(is_wanted: bool) -> None:
    if is_wanted:
        from api.contract import VERSION

        typer.echo(f"mayday {VERSION}")
        raise typer.Exit


@app.callback(epilog=examples("up", "patterns", "show 1", "send app.log"))
def mayday(
    _is_version: Annotated[
        bool, typer.Option("--version", callback=say_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """An error log that stays fast."""


app.command("up", epilog=examples("up", "up --verbose    # with the log"))(up.up)
app.command(
    "patterns",
    epilog=examples(
        "patterns",
        "patterns --window 1h --order trend --service checkout",
        "patterns --json | jq -r '.patterns[].title'",
        "patterns | cut -f1,7",
    ),
)(patterns.patterns)
app.command(
    "show",
    epilog=examples(
        "show 1           # the first of the last list of patterns",
        "show 4fd19c3a    # a pattern or an error by the end of its id",
        "show 01a20cfa-b9ad-73c9-8790-717a1337fc95 --json",
    ),
)(show.show)
app.command(
    "tail",
    epilog=examples(
        "tail", "tail --severity critical --filter timeout", "tail --pattern 1 -n 50", "tail --json > errors.ndjson"
    ),
)(tail.tail)
app.command(
    "resolve",
    epilog=examples(
        "resolve 1", "resolve 4fd19c3a --in-next-release", 'resolve 1 --in-release 10.24.0 --note "PR 812"'
    ),
)(triage.resolve)
app.command("ignore", epilog=examples("ignore 1", "ignore 1 --for 7d", "ignore 4fd19c3a --errors 100"))(triage.ignore)
app.command("reopen", epilog=examples("reopen 4fd19c3a"))(triage.reopen)
app.command("budgets", epilog=examples("budgets", "budgets 'all teams' --json"))(spending.budgets)
app.command(
    "report",
    epilog=examples("report", "report --period 2026-02 --timezone Europe/Berlin", "report --markdown > costs.md"),
)(spending.report)
app.command(
    "send",
    epilog=examples("send app.log", "send export.csv --column message=Content", "send < errors.ndjson --format ndjson"),
)(send.send)
app.command("doctor", epilog=examples("doctor"))(doctor.doctor)
app.command("status", epilog=examples("status", "status | jq .installation"))(status.status)
app.add_typer(keys.project_app, name="project")
app.add_typer(keys.key_app, name="key")
app.add_typer(budget.budget_app, name="budget")
app.command("api", epilog=examples("api", "api --processes 2"))(programs.api)
app.command("worker", epilog=examples("worker", "worker --check"))(programs.worker)
app.command("migrate", epilog=examples("migrate", "migrate --check"))(migrate.migrate)
app.command(
    "completion",
    epilog=examples(
        'completion bash > ~/.local/share/bash-completion/completions/mayday    # or: eval "$(./mayday completion bash)"',
        "completion zsh > ~/.zfunc/_mayday    # with ~/.zfunc in fpath; or: eval",
        "completion fish > ~/.config/fish/completions/mayday.fish",
    ),
)(completion.completion)
add_developers_commands(app)
