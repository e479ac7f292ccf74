"""How far a long work is, on a terminal as one line that changes, elsewhere as a plain line every ten seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

TERMINAL_SECONDS = 0.2
PLAIN_SECONDS = 10.0


class StatusLine:
    """One line about what is going on, written to a stream; `finish` ends it."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._shown = 0.0 if self._terminal else time.monotonic()
        self._width = 0

    def show(self, line: Callable[[], str]) -> None:
        """Write the line, if it is time for one."""
        now = time.monotonic()
        if now - self._shown < (TERMINAL_SECONDS if self._terminal else PLAIN_SECONDS):
            return
        self._shown = now
        words = line()
        if self._terminal:
            # Padded instead of a control code that clears: blanks do the same everywhere.
            self._stream.write(f"\r{words:<{self._width}}")
            self._width = len(words)
        else:
            self._stream.write(f"{words}\n")
        self._stream.flush()

    def say(self, line: str) -> None:
        """Write a line that stays."""
        self.finish()
        self._stream.write(f"{line}\n")
        self._stream.flush()

    def finish(self) -> None:
        """Leave the terminal at the beginning of an empty line."""
        if self._terminal and self._width:
            self._stream.write(f"\r{'':<{self._width}}\r")
            self._stream.flush()
        self._width = 0


class ByteProgress:
    """Bytes done of a total, rate and time left, written to a stream; `finish` ends the line."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._line = StatusLine(stream)
        self._began: tuple[float, int] | None = None

    def show(self, done: int, total: int, words: str) -> None:
        """Write the line if it is time for one."""
        now = time.monotonic()
        began, at_first = self._began = self._began or (now, done)
        seconds = now - began
        rate = (done - at_first) / seconds if seconds > 1 else 0.0
        self._line.show(lambda: progress_line(done, total, rate, words))

    def finish(self) -> None:
        """Leave the terminal at the beginning of an empty line."""
        self._line.finish()


@contextmanager
def votes_read() -> Iterator[Callable[[int, int], None]]:
    """What to tell how many bytes of votes are read, of how many."""
    progress = ByteProgress()
    try:
        yield lambda done, total: progress.show(done, total, "of votes read")
    finally:
        progress.finish()


def progress_line(done: int, total: int, rate: float, words: str) -> str:
    """One line: how much, how fast, how long still, and with what."""
    share = 100 * done // total if total else 100
    parts = [f"{share:3d} %", f"{size_text(done)} of {size_text(total)}"]
    if rate > 0:
        parts += [f"{size_text(rate)}/s", f"{time_text((total - done) / rate)} left"]
    return "  ".join((*parts, words))


def time_text(seconds: float) -> str:
    """Seconds as a person reads them: hours, minutes, seconds."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def size_text(size: float) -> str:
    """Bytes as a person reads them, in powers of ten like the hubs' pages."""
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.2f} GB"
