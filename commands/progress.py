"""Progress of long work on stderr: a live line on a terminal, elsewhere a plain line every ten seconds."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING, Self

from rich import filesize

if TYPE_CHECKING:
    from rich.progress import ProgressColumn

PLAIN_SECONDS = 10.0
# The page sets it for the program that it starts.
JSON_LINES = {"PROGRESS_LINES": "json"}
_JSON_SECONDS = 0.5
READING = "of votes read"


class StatusLine:
    """One line about work that is running: words, and `in_bytes` also the share, the rate and the time left.

    It is removed from the terminal at the end of a `with` block. With JSON_LINES in the environment there are JSON
    objects on stdout instead, with the `state` and the bytes.
    """

    def __init__(self, in_bytes: bool = False, state: str = "working") -> None:
        from rich.console import Console
        from rich.progress import DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

        share = TextColumn("{task.percentage:>3.0f}%")
        figures = [share, DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn()] if in_bytes else []
        self._columns: list[ProgressColumn] = [*figures, TextColumn("{task.description}", markup=False)]
        console = Console(stderr=True)
        self._progress = Progress(*self._columns, console=console, transient=True)
        self._is_live = sys.stderr.isatty() and console.is_interactive
        self._state = state if JSON_LINES.items() <= os.environ.items() else ""
        self._printed_at = time.monotonic()

    def show(self, words: str, done: int = 0, total: int | None = None) -> None:
        """Update the line. Without a terminal it is printed if the last line is ten seconds old."""
        if not self._progress.tasks:  # what was done before does not count in the rate
            self._progress.add_task(words, completed=done)
        task = self._progress.tasks[0]
        if done < task.completed:  # the next step
            self._progress.reset(task.id)
        self._progress.update(task.id, description=words, completed=done, total=total)
        now = time.monotonic()
        if self._state:
            if now - self._printed_at >= _JSON_SECONDS or done == total:
                self._printed_at = now
                print(json.dumps({"state": self._state, "done": done, "total": total}), flush=True)
            return
        if self._is_live:
            self._progress.start()
        elif now - self._printed_at >= PLAIN_SECONDS:
            self._printed_at = now
            self.say("  ".join(str(column(task)) for column in self._columns))

    def say(self, line: str) -> None:
        """Print a line that stays."""
        self._progress.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress.live.is_started:
            self._progress.stop()


def size_text(size: float | None) -> str:
    """A number of bytes in powers of ten, as the hubs' pages show it; None is unknown."""
    return "unknown" if size is None else filesize.decimal(round(size))
