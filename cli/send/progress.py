"""The bar of `mayday send` on a terminal: bytes read of all, errors a second, and what is left."""

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from cli.send.delivery import Tally


class Bar:
    """Shown on a terminal alone. `total_bytes`: of all files as they are, packed or not; 0 where that is not known."""

    def __init__(self, total_bytes: int, tally: Tally) -> None:
        self.tally = tally
        self.started = time.monotonic()
        self.progress: Progress | None = None
        if sys.stderr.isatty():
            self.progress = Progress(
                TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), DownloadColumn(),
                TextColumn("{task.fields[rate]}"), TimeRemainingColumn(elapsed_when_finished=True),
                console=Console(stderr=True), transient=False,
            )  # fmt: skip
            self.task = self.progress.add_task("sending", total=total_bytes or None, rate="")

    def __enter__(self) -> Self:
        if self.progress is not None:
            self.progress.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        if self.progress is not None:
            self.progress.stop()

    def show(self, position: int) -> None:
        """How far the inputs are read, of which all is delivered."""
        if self.progress is not None:
            seconds = max(time.monotonic() - self.started, 0.001)
            records = self.tally.records
            rate = f"{records:,} records, {records / seconds:,.0f}/s, {self.tally.stored:,} stored"
            self.progress.update(self.task, completed=position, rate=rate)
