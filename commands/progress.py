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
    """One line of words about work that is running."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import Progress

        self._columns = self._make_columns()
        console = Console(stderr=True)
        self._progress = Progress(*self._columns, console=console, transient=True)
        self._task = self._progress.add_task("", start=False)
        self._is_live = sys.stderr.isatty() and console.is_interactive
        self._printed_at = time.monotonic()

    def _make_columns(self) -> list[ProgressColumn]:
        from rich.progress import TextColumn

        return [TextColumn("{task.description}", markup=False)]

    def show(self, words: str) -> None:
        """Replace the words; elsewhere than on a terminal they are printed if the last line is ten seconds old."""
        self._update(words, 0, None)

    def say(self, line: str) -> None:
        """Print a line that stays."""
        self._progress.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def finish(self) -> None:
        """Remove the live line from the terminal."""
        if self._progress.live.is_started:
            self._progress.stop()

    def _update(self, words: str, done: int, total: int | None) -> None:
        if not self._progress.tasks[0].started:  # the rate counts from here: what was there before took no time
            self._progress.start_task(self._task)
            self._progress.tasks[0].completed = done
        self._progress.update(self._task, description=words, completed=done, total=total)
        now = time.monotonic()
        if self._is_live:
            self._progress.start()
        elif now - self._printed_at >= PLAIN_SECONDS:
            self._printed_at = now
            self.say("  ".join(str(column(self._progress.tasks[0])) for column in self._columns))


class ByteProgress(StatusLine):
    """Bytes done of a total, with the rate, the time left and what is being read or written."""

    def _make_columns(self) -> list[ProgressColumn]:
        from rich.progress import DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn

        share = TextColumn("{task.percentage:>3.0f}%")
        return [share, DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn(), *super()._make_columns()]

    def show_bytes(self, done: int, total: int, words: str) -> None:
        """Replace the figures and the words."""
        self._update(words, done, total)


@contextmanager
def votes_read() -> Iterator[Callable[[int, int], None]]:
    """A function to call with the bytes of votes that have been read, and their total."""
    progress = ByteProgress()
    try:
        yield lambda done, total: progress.show_bytes(done, total, "of votes read")
    finally:
        progress.finish()


def time_text(seconds: float) -> str:
    """A duration as h:mm:ss."""
    return str(timedelta(seconds=round(seconds)))


def size_text(size: float) -> str:
    """A number of bytes in powers of ten, as the hubs' pages show it."""
    return filesize.decimal(round(size))
