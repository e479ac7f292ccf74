"""Battles that are not shown to others: for a word of the host's list, for what readers reported, or by the host.

Knows no page, and nothing of votes: a hidden battle counts as any other.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from arena.errors import InputError
from arena.events import Event, Events
from arena.types import Battle, SideName

# So many different people hide a battle until the host has looked at it.
REPORTS = 3
Reason = Literal["", "words", "reports", "host"]
_INVISIBLE = ("Cf", "Cc")


def read_words(path: Path) -> tuple[str, ...]:
    """The host's list: a word or phrase a line. Raises InputError if it cannot be read."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        message = f"The list of words {path} cannot be read: {error}."
        raise InputError("words_unreadable", message, path=str(path)) from error
    return tuple(filter(None, (line.strip() for line in lines)))


class Moderation:
    """Which battles are hidden, and what was reported. What happened before comes from `noting`."""

    def __init__(self, events: Events, words: Sequence[str] = ()) -> None:
        self._events = events
        self._words = re.compile("|".join(map(_pattern, words))) if words else None
        # Protects the two below: readers report while others look.
        self._lock = threading.Lock()
        self._reports: dict[str, set[str]] = {}
        self._decided: dict[str, bool] = {}

    def noting(self, events: Iterable[Event]) -> Iterator[Event]:
        """The same events, each of them noted as it passes."""
        for event in events:
            self._note(event.kind, event.about)
            yield event

    def why(self, battle: Battle) -> Reason:
        """Why the battle is hidden; "" if it is not. What the host has decided counts before all else."""
        with self._lock:
            decided, reports = self._decided.get(battle.id), len(self._reports.get(battle.id, ()))
        if decided is not None:
            return "host" if decided else ""
        if self._words and any(self._words.search(_plain(text)) for text in _texts(battle)):
            return "words"
        return "reports" if reports >= REPORTS else ""

    def report(self, battle_id: str, judge: str) -> None:
        """A reader says that the battle should not be seen; twice by one reader is once. Raises InputError."""
        with self._lock:
            known = judge in self._reports.get(battle_id, ())
        if not known:
            self._tell("reported", battle=battle_id, judge=judge)

    def decide(self, battle_id: str, hide: bool) -> None:
        """The host hides the battle, or shows it whatever was reported. Raises InputError."""
        self._tell("hidden" if hide else "unhidden", battle=battle_id)

    def undecided(self) -> list[tuple[str, int]]:
        """The battles that were reported and on which the host has not decided, with how often; most first."""
        with self._lock:
            open_ones = [(one, len(who)) for one, who in self._reports.items() if one not in self._decided]
        return sorted(open_ones, key=lambda pair: -pair[1])

    def _tell(self, kind: str, **about: str) -> None:
        try:
            self._events.append(kind, durable=True, **about)
        except OSError as error:
            reason = error.strerror or str(error)
            raise InputError("hidden_unwritable", f"It cannot be kept: {reason}.", reason=reason) from error
        self._note(kind, about)

    def _note(self, kind: str, about: object) -> None:
        if kind not in ("reported", "hidden", "unhidden") or not isinstance(about, dict):
            return
        battle = str(about.get("battle", ""))
        with self._lock:
            if kind == "reported":
                self._reports.setdefault(battle, set()).add(str(about.get("judge", "")))
            else:
                self._decided[battle] = kind == "hidden"


def _texts(battle: Battle) -> Iterator[str]:
    for name in SideName:
        side = battle.side(name)
        yield from (message.content for message in side.messages)
        yield side.answer.text
    yield battle.prompt


def _plain(text: str) -> str:
    """Without what is written to slip through: other widths, other cases, marks that nobody sees."""
    normal = unicodedata.normalize("NFKC", text).casefold()
    return "".join(one for one in normal if one in "\n\t" or unicodedata.category(one) not in _INVISIBLE)


def _pattern(word: str) -> str:
    plain = _plain(word)
    # Chinese has no spaces between words; a Latin word is not meant inside another.
    before = r"\b" if plain[:1].isascii() and plain[:1].isalnum() else ""
    after = r"\b" if plain[-1:].isascii() and plain[-1:].isalnum() else ""
    return before + re.escape(plain) + after
