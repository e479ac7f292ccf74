"""Live blind battles: streams to a rater what may be shown of two growing answers, and no names.

Speed would name the model: both sides show the same number of characters until one is complete, then the rest of the
other comes no faster than both did before.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Self

from arena.battle import TICK_SECONDS
from arena.chat import Chat, Chats
from arena.judging.ballots import Ballots, Judgement
from arena.judging.draw import PairDraw
from arena.prompts import Prompt
from arena.types import Answer, Battle, Chunk, SideName, Vote

STALL_SECONDS = 60.0
# The least rate of the rest of an answer in characters per second, and the rate, about that of a reader, where the
# common part gives none because it came in one piece.
SLOWEST, READING = 5.0, 25.0
State = Literal["answering", "votable", "stopped", "stalled", "failed"]


@dataclass(frozen=True)
class LiveView:
    """A live blind battle as its rater may see it: the prompt, and the text of each side. It ends with another state.

    `earlier` are the turns before, whole; `battle_id` is the id of this one.

    `ahead` is the place in the queue of the side that waits longest (0: none waits), `wait` the seconds that may take
    (0: unknown). They are the maximum of both sides, so that they do not tell which side waits.
    """

    battle_id: str
    prompt: str
    texts: Mapping[SideName, str] = field(default_factory=lambda: dict.fromkeys(SideName, ""))
    state: State = "answering"
    ahead: int = 0
    wait: int = 0
    earlier: tuple[Self, ...] = ()


class LiveBattles:
    """The live blind battles, one at a time per browser tab, each with its models and sides drawn."""

    def __init__(self, models: PairDraw, ballots: Ballots, clock: Callable[[], float] = time.monotonic) -> None:
        self._models = models
        self._ballots = ballots
        self._clock = clock
        self._chats = Chats(self._new_chat)

    @property
    def offered(self) -> bool:
        """Whether there are two models to draw."""
        return bool(self._models.roster)

    def ask(
        self, tab: str | None, judge: str, text: str, prompt: Prompt | None = None, *, again: bool = False
    ) -> Iterator[LiveView]:
        """Starts a battle in the tab, or the next turn of one that waits for its vote, and yields it as it grows.

        `prompt` is the prompt of the set that `text` is, if any. With `again` the turn replaces the last one. Raises
        InputError at once for bad input. Closing the iterator stops both sides.
        """
        turns = self._chats.get(tab).turns
        if turns and not again and not self._ballots.is_open(turns[-1].id):
            self._chats.close(tab)
        chat = self._chats.get(tab)
        return self._follow(chat, judge, chat.ask(text, prompt=prompt, again=again))

    def turns(self, tab: str | None) -> tuple[Battle, ...]:
        """The turns of the tab's battle."""
        return self._chats.get(tab).turns

    def restore(self, tab: str | None, judge: str, turns: Sequence[Battle]) -> tuple[LiveView, Vote | None]:
        """Continues the battle of an earlier tab, which ended `votable`; also the vote on it that no tab has noted."""
        chat = self._chats.get(tab)
        chat.restore(turns, self._models.roster.pair_of(turns[-1]))
        *earlier, last = map(_whole, chat.turns)
        return replace(last, earlier=tuple(earlier)), self._ballots.resume(chat.turns[-1], judge)

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
        pair, probability = self._models.draw()
        return Chat(pair, on_end=lambda battle: None, blind=True, probability=probability)

    def _follow(self, chat: Chat, judge: str, battles: Iterator[Battle]) -> Iterator[LiveView]:
        *turns, last = chat.turns
        earlier = tuple(map(_whole, turns))
        pacing, view = Pacing(), LiveView(last.id, last.prompt, earlier=earlier)
        yield view
        for _ in _loading(chat):
            yield view
        for battle in _repeating_last(chat, battles):
            view = replace(pacing.show(battle, chat.progress, self._clock()), earlier=earlier)
            if view.state != "answering":
                break
            yield view
        # Ends both sides if one has stalled.
        chat.stop()
        if view.state == "votable":
            self._ballots.offer(chat.turns[-1], judge)
        yield view


def _whole(battle: Battle) -> LiveView:
    """A battle that has ended, with both whole answers."""
    return LiveView(battle.id, battle.prompt, {name: battle.side(name).answer.text for name in SideName}, "votable")


def _loading(chat: Chat) -> Iterator[None]:
    """Loads both models, so that both sides begin together; yields until none is being loaded or the turn is stopped.

    A model that is not loaded then (it failed, or it had to make room for the other) is loaded by its own side.
    """
    for backend in chat.pair.values():
        backend.load()
    while not chat.stopping and any(backend.load_state.seconds for backend in chat.pair.values()):
        yield
        time.sleep(TICK_SECONDS)


def _repeating_last(chat: Chat, battles: Iterator[Battle]) -> Iterator[Battle]:
    """The battle as it grows, then its end again and again while the rest of the longer answer is shown."""
    yield from battles
    while True:
        yield chat.turns[-1]
        time.sleep(TICK_SECONDS)


class Pacing:
    """Cuts the two answers of one battle to what may be shown. All times are seconds of one clock."""

    def __init__(self) -> None:
        # The time at which the first characters were shown, and at which one side was complete, with the characters.
        self._began: tuple[float, int] | None = None
        self._complete: tuple[float, int] | None = None
        self._moved: dict[SideName, tuple[object, float]] = {}

    def show(self, battle: Battle, progress: Mapping[SideName, Chunk], now: float) -> LiveView:
        """What may be shown of the battle now."""
        answers = {name: battle.side(name).answer for name in SideName}
        count = int(self._allowed(answers, now))
        texts = {name: answer.text[:count] for name, answer in answers.items()}
        is_all_shown = all(answer.finish_reason and texts[name] == answer.text for name, answer in answers.items())
        state: State = "answering"
        if self._has_stalled(answers, progress, now):
            state = "stalled"
        elif any(answer.finish_reason == "cancelled" for answer in answers.values()):
            state = "stopped"
        elif is_all_shown:
            state = "votable" if battle.votable else "failed"
        queued = [side for side in progress.values() if side.stage == "queued"]
        ahead, wait = max((side.done for side in queued), default=0), max((side.total for side in queued), default=0)
        return LiveView(battle.id, battle.prompt, texts, state, ahead, wait)

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
        rate = (together - first) / (completed_at - began_at) if together > first else READING
        return together + max(rate, SLOWEST) * (now - completed_at)

    def _has_stalled(self, answers: Mapping[SideName, Answer], progress: Mapping[SideName, Chunk], now: float) -> bool:
        for name, answer in answers.items():
            reached = (len(answer.text), len(answer.reasoning), progress[name])
            waits = progress[name].stage in ("loading", "queued", "busy")
            if waits or name not in self._moved or self._moved[name][0] != reached:
                self._moved[name] = (reached, now)
        running = [name for name, answer in answers.items() if answer.finish_reason is None]
        return any(now - self._moved[name][1] > STALL_SECONDS for name in running)
