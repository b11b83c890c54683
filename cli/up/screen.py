"""Where `mayday up` shows what: on a terminal what matters and the first error, the log in a file; elsewhere, under a
supervisor or in a container, the programs write their log to standard error as they do alone."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import BinaryIO

import typer

from cli.up.first_error import FirstError
from cli.up.log_file import LogFile
from cli.up.matters import Matters, show_whole
from common.settings import Settings


class Screen:
    """No terminal: the log goes where ours goes."""

    output: BinaryIO | None = None  # what the programs write to
    environment: Mapping[str, str] = {}  # what they are told beside the rest

    def await_error(self, address: str, read_key: str) -> None:
        """From now on the first error is of interest."""

    def refresh(self) -> None:
        """Show what is new; to be called every now and then."""

    def tell_log(self) -> str:
        """Where the log is that says why a program ended."""
        return "its log stands above"


class Terminal(Screen):
    """A terminal: what matters of the log is shown, or all of it with `is_verbose`."""

    environment: Mapping[str, str] = {"MAYDAY_LOG_FORMAT": "json"}

    def __init__(self, log: LogFile, is_verbose: bool) -> None:
        self.log, self.is_verbose, self.output = log, is_verbose, log.file
        self.matters = Matters()
        self.first_error: FirstError | None = None

    def await_error(self, address: str, read_key: str) -> None:
        self.first_error = FirstError(address, read_key)

    def refresh(self) -> None:
        self.show_log()
        if self.first_error and (news := self.first_error.look()):
            show(news, err=False)

    def show_log(self) -> None:
        for line in self.log.read_lines():
            if self.is_verbose:
                show(show_whole(line))
            elif sentence := self.matters.pick(line):
                say(sentence)

    def tell_log(self) -> str:
        return self.log.tell_end()

    def close(self) -> None:
        if self.first_error:
            self.first_error.close()
        self.show_log()
        self.log.close()


@contextmanager
def make_screen(settings: Settings, is_verbose: bool) -> Iterator[Screen]:
    """That of the terminal where there is one. Raises HomeUnusable."""
    if not sys.stderr.isatty():
        yield Screen()
        return
    terminal = Terminal(LogFile(settings.home), is_verbose)
    say(f"the log is in {terminal.log.path}")
    try:
        yield terminal
    finally:
        terminal.close()


def say(line: str) -> None:
    """Say something of our own, apart from what the programs log."""
    show(f"mayday: {line}")


def show(text: str, *, err: bool = True) -> None:
    """Nothing where the terminal was closed, which is no reason to stop before all is stopped in order."""
    with suppress(OSError):
        typer.echo(text, err=err)
