"""How far a long work is, on a terminal as one line that changes, elsewhere as a plain line every ten seconds."""

from __future__ import annotations

import sys
import time
from typing import TextIO

TERMINAL_SECONDS = 0.2
PLAIN_SECONDS = 10.0


class ByteProgress:
    """Bytes done of a total, rate and time left, written to a stream; `finish` ends the line."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._began: tuple[float, int] | None = None
        self._shown = 0.0 if self._terminal else time.monotonic()
        self._width = 0

    def show(self, done: int, total: int, words: str) -> None:
        """Write the line if it is time for one."""
        now = time.monotonic()
        began, at_first = self._began = self._began or (now, done)
        if now - self._shown < (TERMINAL_SECONDS if self._terminal else PLAIN_SECONDS):
            return
        self._shown = now
        seconds = now - began
        line = progress_line(done, total, (done - at_first) / seconds if seconds > 1 else 0.0, words)
        if self._terminal:
            # Padded instead of a control code that clears: blanks do the same everywhere.
            self._stream.write(f"\r{line:<{self._width}}")
            self._width = len(line)
        else:
            self._stream.write(f"{line}\n")
        self._stream.flush()

    def finish(self) -> None:
        """Leave the terminal at the beginning of an empty line."""
        if self._terminal and self._width:
            self._stream.write(f"\r{'':<{self._width}}\r")
            self._stream.flush()
        self._width = 0


def progress_line(done: int, total: int, rate: float, words: str) -> str:
    """One line: how much, how fast, how long still, and with what."""
    share = 100 * done // total if total else 100
    parts = [f"{share:3d} %", f"{size_text(done)} of {size_text(total)}"]
    if rate > 0:
        left = round((total - done) / rate)
        parts += [f"{size_text(rate)}/s", f"{left // 3600}:{left // 60 % 60:02d}:{left % 60:02d} left"]
    return "  ".join((*parts, words))


def size_text(size: float) -> str:
    """Bytes as a person reads them, in powers of ten like the hubs' pages."""
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.2f} GB"
