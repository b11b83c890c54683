"""The commands of `mayday`, each in a module of its own."""

import typer

from cli import budget, check_settings, doctor, keys, migrate, programs, send, status, up
from cli.developing import add_developers_commands
from cli.projects import add_project_commands

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
app.command("up")(up.up)
app.command("api")(programs.api)
app.command("worker")(programs.worker)
app.command("migrate")(migrate.migrate)
app.command("check-settings")(check_settings.check_settings)
app.add_typer(keys.key_app, name="key")
app.add_typer(keys.project_app, name="project")
app.add_typer(budget.budget_app, name="budget")
app.command("send")(send.send)
app.command("status")(status.status)
app.command("doctor")(doctor.doctor)
add_project_commands(keys.project_app)
add_developers_commands(app)


@app.callback()
def mayday() -> None:
    """An error log that stays fast."""
