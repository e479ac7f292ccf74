"""What may be shown of two answers while they grow, so that neither's speed tells whose it is.

Both sides show the same number of characters until one is whole; the other then goes on no quicker than both did.
Knows no model, no page and no vote.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from arena.types import Answer, Battle, SideName, SideProgress

STALL_SECONDS = 60.0
# Characters a second that the rest of an answer comes with at least, where the common part says nothing of speed.
SLOWEST = 5.0


@dataclass(frozen=True)
class Shown:
    """What a rater may see: the texts by side, whether that is `all` of both, and whether a side `stalled`.

    `ahead` is the place in the queue of the side that has longest to wait, 0 if none waits, and `wait` the seconds that
    may take, 0 if unknown: of both sides together, so that it does not tell which.
    """

    texts: Mapping[SideName, str]
    all: bool = False
    stalled: bool = False
    ahead: int = 0
    wait: int = 0


NOTHING = Shown(dict.fromkeys(SideName, ""))


class Pacing:
    """Cuts two answers to what may be shown. One for each battle; times are seconds of one clock."""

    def __init__(self, stall: float = STALL_SECONDS) -> None:
        self._stall = stall
        # When the first characters were shown and how many, and when one side was whole with how many.
        self._began: tuple[float, int] | None = None
        self._whole: tuple[float, int] | None = None
        self._moved: dict[SideName, tuple[object, float]] = {}

    def show(self, battle: Battle, progress: Mapping[SideName, SideProgress], now: float) -> Shown:
        """What may be shown now of a running battle."""
        answers = {name: battle.side(name).answer for name in SideName}
        count = int(self._allowed(answers, now))
        texts = {name: answer.text[:count] for name, answer in answers.items()}
        ended = all(answer.finish_reason for answer in answers.values())
        is_all = ended and all(texts[name] == answers[name].text for name in SideName)
        queued = [side for side in progress.values() if side.stage == "queued"]
        ahead, wait = max((side.done for side in queued), default=0), max((side.total for side in queued), default=0)
        return Shown(texts, is_all, self._has_stalled(answers, progress, now), ahead, wait)

    def _allowed(self, answers: Mapping[SideName, Answer], now: float) -> float:
        """How many characters of each side."""
        common = min(len(answer.text) for answer in answers.values())
        if common and self._began is None:
            self._began = now, common
        if not any(answer.finish_reason and len(answer.text) == common for answer in answers.values()):
            self._whole = None
            return common
        since, together = self._whole = self._whole or (now, common)
        began, first = self._began or (since, 0)
        if since <= began:  # it all came at once
            return max(len(answer.text) for answer in answers.values())
        pace = (together - first) / (since - began)
        return together + max(pace, SLOWEST) * (now - since)

    def _has_stalled(
        self, answers: Mapping[SideName, Answer], progress: Mapping[SideName, SideProgress], now: float
    ) -> bool:
        for name, answer in answers.items():
            state = (len(answer.text), len(answer.reasoning), progress[name])
            waits = progress[name].stage in ("loading", "queued")
            if waits or name not in self._moved or self._moved[name][0] != state:
                self._moved[name] = (state, now)
        waiting = [name for name, answer in answers.items() if answer.finish_reason is None]
        return any(now - self._moved[name][1] > self._stall for name in waiting)
