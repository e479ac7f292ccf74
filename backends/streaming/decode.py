"""Turns token ids and bytes into text that may be shown, while an answer grows."""

import codecs
import re
from collections.abc import Callable, Iterable, Sequence

from arena.generation_config import THINK_CLOSE, THINK_OPEN
from arena.types import Chunk

_REPLACEMENT = "\ufffd"
# The last characters of an answer in which a loop is looked for: five times the same, at least 20 characters in all.
_LOOKED_AT = 400
_QUOTES = ("`", '"', "'", "“", "‘", "「", "『", "«")
_LOOP = re.compile(r"(.{4,80}?)\1{4}$|(.{1,3}?)\2{19}$", re.DOTALL)


def utf8_decoder() -> Callable[[bytes], str]:
    """Decodes UTF-8 in pieces: holds back only an incomplete character, and shows invalid bytes as U+FFFD at once."""
    return codecs.getincrementaldecoder("utf-8")(errors="replace").decode


class WholeDecode:
    """Decodes the whole reply at each id, for tokenizers whose output for an id depends on the ids before it.

    Holds back an end that may still become a character; what is left of it at the end of a stream is never shown.
    `before` are the ids of the text that the reply continues.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str], before: Sequence[int] = ()) -> None:
        self._decode = decode
        self._ids = list(before)
        self._shown = len(decode(before)) if before else 0

    def feed(self, token: int) -> str:
        """The text that another id completes."""
        self._ids.append(token)
        text = self._decode(self._ids)
        # The whole run of U+FFFD: some tokenizers show valid characters as broken until the run of bytes is complete.
        whole = len(text.rstrip(_REPLACEMENT))
        new = text[self._shown : whole]
        self._shown = max(self._shown, whole)
        return new

    def flush(self) -> str:
        """Nothing: what is held back at the end is not a character."""
        return ""


class MarkerScanner:
    """Finds the first of several markers in text that arrives in pieces; holds back only what may begin one."""

    def __init__(self, markers: Iterable[str]) -> None:
        self._markers = tuple(set(markers) - {""})
        self._held = ""

    def feed(self, text: str) -> tuple[str, str, str]:
        """Returns (text before the marker, the marker or "", text after it); holds nothing back after a marker."""
        text = self._held + text
        matches = [(at + len(marker), at, marker) for marker in self._markers if (at := text.find(marker)) >= 0]
        if matches:
            # The marker that is complete first, however the text is cut; of two that end together, the longer one.
            end, at, marker = min(matches)
            self._held = ""
            return text[:at], marker, text[end:]
        ready = len(text) - self._held_back(text)
        self._held = text[ready:]
        return text[:ready], "", ""

    def flush(self) -> str:
        """What is still held back at the end of a stream."""
        held, self._held = self._held, ""
        return held

    def _held_back(self, text: str) -> int:
        """The length of the longest end of `text` that begins a marker."""
        longest = max(map(len, self._markers), default=1) - 1
        sizes = range(min(longest, len(text)), 0, -1)
        return next((size for size in sizes if any(marker.startswith(text[-size:]) for marker in self._markers)), 0)


class StrippedReply:
    """Decodes one reply, strips white space around it, and replaces one phrase by another.

    `decode` returns the text that another id completes. White space before the rest of the answer `cut` stays.
    """

    def __init__(self, decode: Callable[[int], str], phrase: str = "", replacement: str = "", cut: str = "") -> None:
        self._decode = decode
        self._scanner = MarkerScanner((phrase,))
        self._replacement = replacement
        self._space = ""
        self._begun = bool(cut)

    def feed(self, token: int) -> str:
        """The text that can be shown now."""
        text, shown = self._decode(token), ""
        while text:
            before, phrase, text = self._scanner.feed(text)
            shown += self._trim(before)
            if not phrase:
                break
            shown += self._trim(self._replacement)
        return shown

    def flush(self) -> str:
        """What is still held back at the end of a stream, without white space after it."""
        return self._trim(self._scanner.flush())

    def _trim(self, text: str) -> str:
        text = self._space + text
        text = text if self._begun else text.lstrip()
        body = text.rstrip()
        self._space = text[len(body) :]
        self._begun = self._begun or bool(body)
        return body


class AnswerText:
    """Turns a model's raw text into chunks: ends it at a stop string, and separates reasoning between <think> marks.

    Without `reasoning` the marks are ordinary text. `thinking` means that the prompt already opened the mark. An
    opening mark counts only before the answer's first visible character. A closing mark that was never opened turns
    all text so far into reasoning (`Chunk.retract`) if it ends a line, outside of code. Marks in quotes are text. With
    `cut_loops` an answer that repeats itself ends.
    """

    def __init__(
        self, stops: Sequence[str] = (), *, reasoning: bool = False, thinking: bool = False, cut_loops: bool = False
    ) -> None:
        self.stopped = False
        self._cut_loops = cut_loops
        self._tail = ""
        self._stops = MarkerScanner(stops)
        self._marks = MarkerScanner((THINK_OPEN, THINK_CLOSE) if reasoning else ())
        self.thinking = thinking
        self._settled = not reasoning
        self._trim = False
        self._visible = False
        # The text since the last mark or, of an answer, so far.
        self._before: list[str] = []
        # A closing mark that was never opened waits for what follows it.
        self._is_waiting = False

    def feed(self, text: str) -> list[Chunk]:
        """The chunks that `text` completes; empty after a stop string or in a loop (`stopped`)."""
        if self.stopped:
            return []
        before, marker, _ = self._stops.feed(text)
        self._tail = (self._tail + before)[-_LOOKED_AT:]
        self.stopped = bool(marker) or (self._cut_loops and _LOOP.search(self._tail) is not None)
        chunks = self._split(before)
        return chunks + self.flush() if self.stopped else chunks

    def flush(self) -> list[Chunk]:
        """The chunks of what is still held back at the end of a stream."""
        rest = "" if self.stopped else self._stops.flush()
        chunks, held = self._split(rest), self._marks.flush()
        was_waiting, self._is_waiting = self._is_waiting, False  # it may be called again
        return chunks + self._emit(THINK_CLOSE + held if was_waiting else held)

    def _split(self, text: str) -> list[Chunk]:
        chunks: list[Chunk] = []
        while text:
            if self._settled:
                return chunks + self._emit(self._marks.flush() + text)
            before, mark, text = self._marks.feed(text)
            if self._is_waiting and (rest := before + mark):
                self._is_waiting = False
                chunks += self._closed() if rest.startswith("\n") else self._emit(THINK_CLOSE)
            chunks += self._emit(before)
            if mark:
                # A mark that was waited for may just have ended the reasoning: then the next one is text.
                chunks += self._emit(mark) if self._settled else self._at_mark(mark)
        return chunks

    def _at_mark(self, mark: str) -> list[Chunk]:
        before = "".join(self._before)
        if before.endswith(_QUOTES) or (mark == THINK_OPEN and (self._visible or self.thinking)):
            return self._emit(mark)
        if mark == THINK_OPEN:
            self.thinking = True
            return []
        if self.thinking or not self._visible:
            return self._closed()
        if THINK_OPEN in before or before.count("```") % 2:
            return self._emit(mark)
        self._is_waiting = True
        return []

    def _closed(self) -> list[Chunk]:
        never_opened = not self.thinking
        self.thinking, self._settled, self._trim = False, True, True
        return [Chunk(retract=True)] if never_opened and self._visible else []

    def _emit(self, text: str) -> list[Chunk]:
        if self._trim:
            # The blank lines between the closing mark and the answer belong to neither.
            text = text.lstrip("\n")
        if not text:
            return []
        self._before += [] if self._settled else [text]
        if self.thinking:
            return [Chunk(reasoning=text)]
        self._trim = False
        self._visible = self._visible or bool(text.strip())
        return [Chunk(text=text)]
