"""From a model's bytes to text that may be shown. Knows nothing of tokens, engines or panes."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Sequence

from arena.types import Chunk

THINK_OPEN, THINK_CLOSE = "<think>", "</think>"


class ByteDecoder:
    """UTF-8 bytes in pieces of any size to text without broken characters.

    Only a truly incomplete tail is held back; bytes that can be no character become U+FFFD at once.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def feed(self, data: bytes) -> str:
        """The text that `data` completes. A half character left over at the end of a stream is never shown."""
        return self._decoder.decode(data)


class MarkerScanner:
    """Finds the first of some markers in text that arrives in pieces, holding back only what may begin one."""

    def __init__(self, markers: Iterable[str]) -> None:
        self._markers = tuple(set(markers) - {""})
        self._held = ""

    def feed(self, text: str) -> tuple[str, str, str]:
        """Returns (text before the marker, the marker or "", text after it); nothing is held once one is found."""
        text = self._held + text
        found = [(at + len(marker), at, marker) for marker in self._markers if (at := text.find(marker)) >= 0]
        if found:
            # The one complete first, whatever the pieces; of two that end at the same place the longer one.
            end, at, marker = min(found)
            self._held = ""
            return text[:at], marker, text[end:]
        keep = self._tail(text)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep], "", ""

    def flush(self) -> str:
        """What is still held, at the end of a stream: it began no marker after all."""
        held, self._held = self._held, ""
        return held

    def _tail(self, text: str) -> int:
        """The length of the longest end of `text` that begins a marker."""
        longest = max((len(marker) for marker in self._markers), default=1) - 1
        for size in range(min(longest, len(text)), 0, -1):
            if any(marker.startswith(text[-size:]) for marker in self._markers):
                return size
        return 0


class AnswerText:
    """A model's raw text to chunks: cut at a stop string, what it thinks between <think> marks kept apart.

    With `reasoning` off the marks are ordinary text. `thinking` says that the prompt already opened the mark. An
    opening mark counts only before the answer's first visible character. A closing mark that was never opened turns
    all the text so far into reasoning (`Chunk.retract`).
    """

    def __init__(self, stops: Sequence[str] = (), *, reasoning: bool = False, thinking: bool = False) -> None:
        self.stopped = False
        self._stops = MarkerScanner(stops)
        self._marks = MarkerScanner((THINK_OPEN, THINK_CLOSE) if reasoning else ())
        self._thinking = thinking
        self._settled = not reasoning
        self._trim = False
        self._said = False

    def feed(self, text: str) -> list[Chunk]:
        """The chunks that `text` completes; empty once a stop string was met (`stopped`)."""
        if self.stopped:
            return []
        before, marker, _ = self._stops.feed(text)
        self.stopped = bool(marker)
        chunks = self._split(before)
        return chunks + self.flush() if self.stopped else chunks

    def flush(self) -> list[Chunk]:
        """What was held back, at the end of a stream."""
        rest = "" if self.stopped else self._stops.flush()
        chunks = self._split(rest)
        return chunks + self._emit(self._marks.flush())

    def _split(self, text: str) -> list[Chunk]:
        chunks: list[Chunk] = []
        while text:
            if self._settled:
                return chunks + self._emit(self._marks.flush() + text)
            before, mark, text = self._marks.feed(text)
            chunks += self._emit(before)
            if mark:
                chunks += self._turn(mark)
        return chunks

    def _turn(self, mark: str) -> list[Chunk]:
        if mark == THINK_OPEN:
            if self._said or self._thinking:
                return self._emit(mark)
            self._thinking = True
            return []
        never_opened = not self._thinking
        self._thinking, self._settled, self._trim = False, True, True
        return [Chunk(retract=True)] if never_opened and self._said else []

    def _emit(self, text: str) -> list[Chunk]:
        if self._trim:
            # The blank lines between the closing mark and the answer belong to neither.
            text = text.lstrip("\n")
        if not text:
            return []
        if self._thinking:
            return [Chunk(reasoning=text)]
        self._trim = False
        self._said = self._said or bool(text.strip())
        return [Chunk(text=text)]
