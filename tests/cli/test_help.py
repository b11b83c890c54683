"""Every command shows in its help how it is used, with lines that can be typed."""

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from cli.main import app
from common.version import VERSION

EXAMPLE = re.compile(r"^  +\./mayday (.*)$", re.MULTILINE)
ROOT_COMMAND = typer.main.get_command(app)


def walk(command: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command and group that the help lists."""
    if not getattr(command, "hidden", False):
        yield path
        for name in getattr(command, "list_commands", lambda _: [])(None):
            yield from walk(command.get_command(None, name), (*path, name))  # type: ignore[attr-defined]


COMMANDS = sorted(walk(ROOT_COMMAND))


def examples_of(path: tuple[str, ...]) -> list[str]:
    shown = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0, shown.output
    return EXAMPLE.findall(shown.output)


def as_arguments(example: str) -> list[str]:
    """The words that our program gets of a line that a shell reads."""
    words = shlex.split(example, comments=True)
    for number, word in enumerate(words):
        if word in {"|", "||", ">", "<", "&&"}:
            return words[:number]
    return words


def test_all_commands_are_walked() -> None:
    assert {(), ("up",), ("key", "create"), ("budget", "import"), ("tail",), ("test",)} <= set(COMMANDS)
    assert len(COMMANDS) > 25


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_a_help_has_examples_of_its_command_that_are_understood(path: tuple[str, ...]) -> None:
    examples = examples_of(path)
    assert examples
    for example in examples:
        words = as_arguments(example)
        assert tuple(words[: len(path)]) == path, example
        parse(words)


def parse(words: list[str]) -> None:
    """As the program does, up to where the command would run. Raises on what it does not understand."""
    command: Any = ROOT_COMMAND
    context = None
    while True:
        context = command.make_context(words[0] if words else "mayday", list(words), parent=context)
        if not hasattr(command, "commands"):
            return
        _, command, words = command.resolve_command(context, context._protected_args + context.args)


def test_an_example_that_is_not_understood_is_found() -> None:
    """The control."""
    with pytest.raises(Exception, match="No such option"):
        parse(["patterns", "--windows", "1h"])


def test_the_version_is_said_in_a_line() -> None:
    shown = CliRunner().invoke(app, ["--version"])
    assert (shown.exit_code, shown.output) == (0, f"mayday {VERSION}\n")
