"""Live blind battles: streams to a rater what may be shown of two growing answers, and no names.

Speed would name the model: both sides show the same number of characters until one answer is complete, and the rest of
the other comes no faster than both did before.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from arena.battle import TICK_SECONDS, Limits
from arena.chat import Chat, Chats
from arena.judging.ballots import Ballots, Judgement
from arena.prompts import Prompt
from arena.types import Answer, Backend, Battle, SideName, SideProgress, Vote

STALL_SECONDS = 60.0
# The least rate of the rest of an answer in characters per second, where the common part gives no rate.
SLOWEST = 5.0
State = Literal["answering", "votable", "stopped", "stalled", "failed"]


@dataclass(frozen=True)
class Shown:
    """What a rater may see: the texts by side, whether that is `all` of both, and whether a side has `stalled`.

    `ahead` is the place in the queue of the side that waits longest (0: none waits), `wait` the seconds that may take
    (0: unknown). They are the maximum of both sides, so that they do not tell which side waits.
    """

    texts: Mapping[SideName, str]
    all: bool = False
    stalled: bool = False
    ahead: int = 0
    wait: int = 0


NOTHING = Shown(dict.fromkeys(SideName, ""))


@dataclass(frozen=True)
class LiveView:
    """A live blind battle as its rater may see it. It can be judged once it is `votable`."""

    prompt: str
    shown: Shown = NOTHING
    state: State = "answering"


class LiveBattles:
    """The live blind battles, one at a time per browser tab, each with its sides drawn at random."""

    def __init__(
        self,
        backends: Mapping[SideName, Backend],
        ballots: Ballots,
        limits: Limits | None = None,
        stall: float = STALL_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._backends = backends
        self._ballots = ballots
        self._limits = limits
        self._stall = stall
        self._clock = clock
        self._chats = Chats(self._new_chat)

    def ask(self, tab: str | None, judge: str, text: str, prompt: Prompt | None = None) -> Iterator[LiveView]:
        """Starts a battle in the tab and yields it as it grows; drops the tab's last battle.

        `prompt` is the prompt of the set that `text` is, if any. Raises InputError at once for bad input. Closing the
        iterator stops both sides.
        """
        self._chats.close(tab)
        chat = self._chats.get(tab)
        return self._follow(chat, judge, chat.ask(text, prompt=prompt))

    def stop(self, tab: str | None) -> None:
        """Stops both sides of the tab's battle."""
        self._chats.get(tab).stop()

    def close(self, tab: str | None) -> None:
        """Stops and forgets the battle of a closed tab."""
        self._chats.close(tab)

    def cast(self, tab: str | None, judge: str, judgement: Judgement, *, address: str = "") -> Vote:
        """The rater's vote on the tab's last battle, returned once it is on disk. Raises VoteRefused."""
        turns = self._chats.get(tab).turns
        return self._ballots.cast(turns[-1].id if turns else "", judge, judgement, address=address)

    def _new_chat(self) -> Chat:
        a, b = self._backends[SideName.A], self._backends[SideName.B]
        if secrets.randbelow(2):
            a, b = b, a
        return Chat({SideName.A: a, SideName.B: b}, on_end=lambda battle: None, limits=self._limits, blind=True)

    def _follow(self, chat: Chat, judge: str, battles: Iterator[Battle]) -> Iterator[LiveView]:
        pacing, view = Pacing(self._stall), LiveView(chat.turns[-1].prompt)
        yield view
        for battle in self._repeating_last(chat, battles):
            shown = pacing.show(battle, chat.progress, self._clock())
            view = LiveView(view.prompt, shown, "stalled" if shown.stalled else "answering")
            if shown.all or shown.stalled or _was_stopped(battle):
                break
            yield view
        # Ends both sides if one has stalled.
        chat.stop()
        battle = chat.turns[-1]
        if view.state == "stalled":
            yield view
            return
        if battle.votable:
            self._ballots.offer(battle, judge)
        state: State = "votable" if battle.votable else "stopped" if _was_stopped(battle) else "failed"
        yield LiveView(view.prompt, view.shown, state)

    @staticmethod
    def _repeating_last(chat: Chat, battles: Iterator[Battle]) -> Iterator[Battle]:
        """The battle as it grows, then its end again and again while the rest of the longer answer is shown."""
        yield from battles
        while True:
            yield chat.turns[-1]
            time.sleep(TICK_SECONDS)


class Pacing:
    """Cuts the two answers of one battle to what may be shown. All times are seconds of one clock."""

    def __init__(self, stall: float = STALL_SECONDS) -> None:
        self._stall = stall
        # The time at which the first characters were shown, and at which one side was complete, with the characters.
        self._began: tuple[float, int] | None = None
        self._complete: tuple[float, int] | None = None
        self._moved: dict[SideName, tuple[object, float]] = {}

    def show(self, battle: Battle, progress: Mapping[SideName, SideProgress], now: float) -> Shown:
        """What may be shown now of a running battle."""
        answers = {name: battle.side(name).answer for name in SideName}
        count = int(self._allowed(answers, now))
        texts = {name: answer.text[:count] for name, answer in answers.items()}
        has_ended = all(answer.finish_reason for answer in answers.values())
        is_all = has_ended and all(texts[name] == answers[name].text for name in SideName)
        queued = [side for side in progress.values() if side.stage == "queued"]
        ahead, wait = max((side.done for side in queued), default=0), max((side.total for side in queued), default=0)
        return Shown(texts, is_all, self._has_stalled(answers, progress, now), ahead, wait)

    def _allowed(self, answers: Mapping[SideName, Answer], now: float) -> float:
        """How many characters of each side may be shown."""
        common = min(len(answer.text) for answer in answers.values())
        if common and self._began is None:
            self._began = now, common
        if not any(answer.finish_reason and len(answer.text) == common for answer in answers.values()):
            self._complete = None
            return common
        completed_at, together = self._complete = self._complete or (now, common)
        began_at, first = self._began or (completed_at, 0)
        if completed_at <= began_at:  # all arrived at once
            return max(len(answer.text) for answer in answers.values())
        rate = (together - first) / (completed_at - began_at)
        return together + max(rate, SLOWEST) * (now - completed_at)

    def _has_stalled(
        self, answers: Mapping[SideName, Answer], progress: Mapping[SideName, SideProgress], now: float
    ) -> bool:
        for name, answer in answers.items():
            state = (len(answer.text), len(answer.reasoning), progress[name])
            waits = progress[name].stage in ("loading", "queued")
            if waits or name not in self._moved or self._moved[name][0] != state:
                self._moved[name] = (state, now)
        running = [name for name, answer in answers.items() if answer.finish_reason is None]
        return any(now - self._moved[name][1] > self._stall for name in running)


def _was_stopped(battle: Battle) -> bool:
    return any(battle.side(name).answer.finish_reason == "cancelled" for name in SideName)
