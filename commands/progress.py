"""Progress of long work on stderr: a live line on a terminal, elsewhere a plain line every ten seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from rich import filesize

if TYPE_CHECKING:
    from rich.progress import ProgressColumn

PLAIN_SECONDS = 10.0


class StatusLine:
    """One line about work that is running: words, and `in_bytes` also the share, the rate and the time left."""

    def __init__(self, in_bytes: bool = False) -> None:
        from rich.console import Console
        from rich.progress import DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

        share = TextColumn("{task.percentage:>3.0f}%")
        figures = [share, DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn()] if in_bytes else []
        self._columns: list[ProgressColumn] = [*figures, TextColumn("{task.description}", markup=False)]
        console = Console(stderr=True)
        self._progress = Progress(*self._columns, console=console, transient=True)
        self._is_live = sys.stderr.isatty() and console.is_interactive
        self._printed_at = time.monotonic()

    def show(self, words: str, done: int = 0, total: int | None = None) -> None:
        """Update the line. Elsewhere than on a terminal it is printed if the last line is ten seconds old."""
        if not self._progress.tasks:  # what was done before took no time, and does not count in the rate
            self._progress.add_task(words, completed=done)
        task = self._progress.tasks[0]
        self._progress.update(task.id, description=words, completed=done, total=total)
        now = time.monotonic()
        if self._is_live:
            self._progress.start()
        elif now - self._printed_at >= PLAIN_SECONDS:
            self._printed_at = now
            self.say("  ".join(str(column(task)) for column in self._columns))

    def say(self, line: str) -> None:
        """Print a line that stays."""
        self._progress.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def finish(self) -> None:
        """Remove the live line from the terminal."""
        if self._progress.live.is_started:
            self._progress.stop()


@contextmanager
def votes_read() -> Iterator[Callable[[int, int], None]]:
    """A function to call with the bytes of votes that have been read, and their total."""
    progress = StatusLine(in_bytes=True)
    try:
        yield lambda done, total: progress.show("of votes read", done, total)
    finally:
        progress.finish()


def time_text(seconds: float) -> str:
    """A duration as h:mm:ss."""
    return str(timedelta(seconds=round(seconds)))


def size_text(size: float) -> str:
    """A number of bytes in powers of ten, as the hubs' pages show it."""
    return filesize.decimal(round(size))
