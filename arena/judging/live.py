"""Blind battles that are answered as they are watched. Knows no page: it yields what a rater may see, and no names."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from arena.battle import TICK_SECONDS
from arena.chat import Chat, Chats
from arena.judging.ballots import Ballots
from arena.judging.judgement import Judgement
from arena.judging.pacing import NOTHING, STALL_SECONDS, Pacing, Shown
from arena.prompts import Prompt
from arena.types import Backend, Battle, SideName, Vote
from arena.worker import Limits

State = Literal["answering", "votable", "stopped", "stalled", "failed"]


@dataclass(frozen=True)
class LiveView:
    """A live blind battle as its rater may see it. It can be judged once it is `votable`."""

    prompt: str
    shown: Shown = NOTHING
    state: State = "answering"


class LiveBattles:
    """The live blind battles, one at a time for each browser tab. Sides are drawn anew for each."""

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
        self._chats = Chats(self._drawn)

    def ask(self, tab: str | None, judge: str, text: str, prompt: Prompt | None = None) -> Iterator[LiveView]:
        """A new battle in the tab, as it grows; the tab's last one is given up. `prompt` if `text` is one of the set.

        Raises InputError at once for bad input. Closing the iterator stops both sides.
        """
        self._chats.close(tab)
        chat = self._chats.get(tab)
        return self._follow(chat, judge, chat.ask(text, prompt=prompt))

    def stop(self, tab: str | None) -> None:
        """Stop both sides of the tab's battle."""
        self._chats.get(tab).stop()

    def close(self, tab: str | None) -> None:
        """The tab is gone."""
        self._chats.close(tab)

    def cast(self, tab: str | None, judge: str, judgement: Judgement, *, address: str = "") -> Vote:
        """The rater's vote on the tab's last battle; returns once it is on disk. Raises VoteRefused."""
        turns = self._chats.get(tab).turns
        return self._ballots.cast(turns[-1].id if turns else "", judge, judgement, address=address)

    def _drawn(self) -> Chat:
        a, b = self._backends[SideName.A], self._backends[SideName.B]
        if secrets.randbelow(2):
            a, b = b, a
        return Chat({SideName.A: a, SideName.B: b}, on_end=lambda battle: None, limits=self._limits, blind=True)

    def _follow(self, chat: Chat, judge: str, battles: Iterator[Battle]) -> Iterator[LiveView]:
        step, view = Pacing(self._stall), LiveView(chat.turns[-1].prompt)
        yield view
        for battle in self._until_shown(chat, battles):
            shown = step.show(battle, chat.progress, self._clock())
            view = LiveView(view.prompt, shown, "stalled" if shown.stalled else "answering")
            if shown.all or shown.stalled or _was_stopped(battle):
                break
            yield view
        # Ends both sides if it was a stall.
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
    def _until_shown(chat: Chat, battles: Iterator[Battle]) -> Iterator[Battle]:
        """The battle as it grows, and then as it is, for as long as somebody looks: the rest is shown by and by."""
        yield from battles
        while True:
            yield chat.turns[-1]
            time.sleep(TICK_SECONDS)


def _was_stopped(battle: Battle) -> bool:
    return any(battle.side(name).answer.finish_reason == "cancelled" for name in SideName)
