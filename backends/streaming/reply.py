"""From the ids of a reply to the text shown, while it grows. Knows no tokenizer: it is given one to decode with."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from backends.streaming.decode import MarkerScanner

BROKEN = "\ufffd"


class WholeDecode:
    """Decodes the whole reply at each id, for tokenizers whose pieces depend on what stands before them.

    Holds back an end that may still become a character; what is left of it at the end of a stream is never shown.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str]) -> None:
        self._decode = decode
        self._ids: list[int] = []
        self._shown = 0

    def feed(self, token: int) -> str:
        """The text that one more id completes."""
        self._ids.append(token)
        text = self._decode(self._ids)
        # All of them: some tokenizers show a whole run of bytes as broken, good characters too, until its end is good.
        whole = len(text.rstrip(BROKEN))
        new = text[self._shown : whole]
        self._shown = max(self._shown, whole)
        return new

    def flush(self) -> str:
        """Nothing: what is held back is no character."""
        return ""


class Trimmed:
    """Text in pieces without the white space around the whole, and one phrase put in another's place."""

    def __init__(self, phrase: str = "", instead: str = "") -> None:
        self._scanner = MarkerScanner((phrase,))
        self._instead = instead
        self._space = ""
        self._begun = False

    def feed(self, text: str) -> str:
        """What can be shown of `text` now."""
        shown = ""
        while text:
            before, phrase, text = self._scanner.feed(text)
            shown += self._trim(before)
            if not phrase:
                break
            shown += self._trim(self._instead)
        return shown

    def flush(self) -> str:
        """What was held back, at the end."""
        return self._trim(self._scanner.flush())

    def _trim(self, text: str) -> str:
        text = self._space + text
        text = text if self._begun else text.lstrip()
        body = text.rstrip()
        self._space = text[len(body) :]
        self._begun = self._begun or bool(body)
        return body
