"""Hides battles from readers: because of a word on the host's list, after reports, or by the host's decision."""

import re
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from arena.errors import os_error_as
from arena.events import Event, Events
from arena.text import breaking, read_text, visible
from arena.types import Battle, SideName

# A character of a Latin word.
_LATIN = "[a-z0-9_ß-ɏḀ-ỿ]"
# Reports by this many people hide a battle until the host has decided.
REPORTS = 3
Reason = Literal["", "words", "reports", "host"]


def read_words(path: Path) -> tuple[str, ...]:
    """The host's list: one word or phrase per line. Raises InputError if it cannot be read."""
    lines = read_text(path, breaking("words_unreadable", "The word list ")).splitlines()
    return tuple(filter(None, (visible(line).strip() for line in lines)))


class Moderation:
    """Which battles are hidden, and what was reported. A hidden battle counts in the results like any other."""

    def __init__(self, events: Events, words: Sequence[str] = ()) -> None:
        self._events = events
        self._words = re.compile("|".join(map(_pattern, words))) if words else None
        # Protects the two below: readers report while others look.
        self._lock = threading.Lock()
        self._reports: defaultdict[str, set[str]] = defaultdict(set)
        self._decided: dict[str, bool] = {}

    def replay(self, event: Event) -> None:
        """Applies an event of an earlier process. Ignores what does not concern hiding."""
        battle = str(event.about.get("battle", ""))
        with self._lock:
            if event.kind == "reported":
                self._reports[battle].add(str(event.about.get("judge", "")))
            elif event.kind in ("hidden", "unhidden"):
                self._decided[battle] = event.kind == "hidden"

    def why(self, battle: Battle) -> Reason:
        """The reason why the battle is hidden, "" if it is not. The host's decision overrules everything else."""
        decided, reports = self._decided.get(battle.id), len(self._reports.get(battle.id, ()))
        if decided is not None:
            return "host" if decided else ""
        if self._words and any(self._words.search(visible(text).casefold()) for text in _texts(battle)):
            return "words"
        return "reports" if reports >= REPORTS else ""

    def report(self, battle_id: str, judge: str) -> None:
        """A reader asks to hide the battle; a second report by the same reader changes nothing. Raises InputError."""
        if judge not in self._reports.get(battle_id, ()):
            self._log("reported", battle=battle_id, judge=judge)

    def decide(self, battle_id: str, hide: bool) -> None:
        """The host hides the battle, or shows it despite any reports. Raises InputError."""
        self._log("hidden" if hide else "unhidden", battle=battle_id)

    def undecided(self) -> list[tuple[str, int]]:
        """The reported battles that await the host's decision, with their number of reports; most first."""
        with self._lock:
            counts = [(battle, len(judges)) for battle, judges in self._reports.items() if battle not in self._decided]
        return sorted(counts, key=lambda pair: -pair[1])

    def _log(self, kind: str, **about: str) -> None:
        with os_error_as("hidden_unwritable", "NOT saved"):
            self._events.append(kind, durable=True, **about)
        self.replay(Event(kind, time.time(), about))


def _texts(battle: Battle) -> Iterator[str]:
    for name in SideName:
        side = battle.side(name)
        yield from (message.content for message in side.messages)
        yield side.answer.text
    yield battle.prompt


def _pattern(word: str) -> str:
    word = visible(word).casefold()
    # A Latin word does not match inside another; Chinese has no spaces between words.
    before = f"(?<!{_LATIN})" if re.match(_LATIN, word) else ""
    after = f"(?!{_LATIN})" if re.match(_LATIN, word[-1:]) else ""
    return before + re.escape(word) + after
