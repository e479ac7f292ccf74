"""One room: assigns pairs of recorded answers to its raters and takes their votes.

Every rater gets each answer at most once: after a vote its model is named. Of two models these are all pairs, of more
those that the fewest raters have seen. Sides are drawn at random, and one vote in eight is asked again.
"""

import secrets
import threading
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from arena.battle import new_battle_id
from arena.errors import VoteRefused
from arena.events import Event, Events
from arena.judging.ballots import Ballots, Judgement
from arena.judging.pairs import as_shown
from arena.types import Battle, Vote

# The code of the room that is open to all.
NO_ROOM = ""
# One vote in REPEAT_EVERY of a rater is asked for again, after at least REPEAT_GAP other battles.
REPEAT_EVERY, REPEAT_GAP = 8, 3


@dataclass(frozen=True)
class Assignment:
    """The battle that a rater has to judge, None after the last; `done` of `total` battles are behind the rater."""

    done: int
    total: int
    battle: Battle | None


@dataclass(frozen=True)
class RoomProgress:
    """How many raters have started, how many of them have finished, and the votes of all."""

    started: int
    finished: int
    votes: int


@dataclass(slots=True)  # there may be millions
class _Shown:
    """A battle that a rater was shown. `outcome` is voted or skipped, empty before."""

    battle_id: str
    pair: str
    swapped: bool
    repeat_of: str = ""
    outcome: str = ""


class Room:
    """The judging in one room. Safe to call from several threads. A `closed` room refuses votes.

    `prompts` are the ids of its prompts, `wanted` is the expected number of raters, `opened_at` is in Unix seconds.
    """

    def __init__(
        self,
        pairs: Sequence[Battle],
        events: Events,
        ballots: Ballots,
        code: str = NO_ROOM,
        prompts: Collection[str] | None = None,
        wanted: int = 0,
        opened_at: float = 0.0,
    ) -> None:
        self.code = code
        self.prompts = tuple(dict.fromkeys(pair.prompt_id for pair in pairs) if prompts is None else prompts)
        self.wanted = wanted
        self.opened_at = opened_at
        self.closed = False
        self._pairs = {pair.id: pair for pair in pairs if pair.prompt_id in self.prompts}
        self._answers = {key: _answers(pair) for key, pair in self._pairs.items()}
        self._events = events
        self._ballots = ballots
        # What each rater was shown, in order, by the battle's id.
        self._raters: defaultdict[str, dict[str, _Shown]] = defaultdict(dict)
        # By pair: how many raters saw it, and how many of them saw its first answer on side a.
        self._times: Counter[str] = Counter()
        self._unswapped: Counter[str] = Counter()
        # Protects the three above: what one rater gets next depends on what the others got.
        self._lock = threading.Lock()

    def replay(self, event: Event) -> None:
        """Applies an event of an earlier process; a copy of it changes nothing.

        Ignores pairs that are not in this set, and other kinds of events.
        """
        about = event.about
        with self._lock:
            shown = self._find(about.get("battle", ""), about.get("judge", ""))
            if event.kind == "shown" and not shown and (pair := self._pairs.get(about.get("pair", ""))):
                self._note(about["judge"], _Shown(about["battle"], pair.id, about["swapped"], about["repeat_of"]))
            elif event.kind in ("voted", "skipped") and shown and shown.outcome != "voted":
                shown.outcome = event.kind

    @property
    def shown(self) -> list[tuple[str, str]]:
        """The rater and the battle of all that was ever shown."""
        with self._lock:
            return [(judge, battle_id) for judge, entries in self._raters.items() for battle_id in entries]

    def has_started(self, judge: str) -> bool:
        """Whether the rater was ever shown a battle."""
        with self._lock:
            return judge in self._raters

    def has_finished(self, judge: str) -> bool:
        """Whether the rater has started and has nothing left to judge."""
        with self._lock:
            return judge in self._raters and self._has_finished([*self._raters[judge].values()])

    def was_shown(self, battle_id: str, judge: str) -> bool:
        """Whether the rater is or was shown the battle."""
        with self._lock:
            return self._find(battle_id, judge) is not None

    @property
    def progress(self) -> RoomProgress:
        """The progress of all raters."""
        with self._lock:
            raters = [[*entries.values()] for entries in self._raters.values() if entries]
            votes = sum(shown.outcome == "voted" for entries in raters for shown in entries)
            return RoomProgress(len(raters), sum(map(self._has_finished, raters)), votes)

    def assign(self, judge: str, *, address: str = "") -> Assignment:
        """The rater's assignment, its battle open for the rater's vote; the next battle if the last one is judged.

        Raises VoteRefused if the room is closed, and for a new rater if too many start within a minute.
        """
        self._check_open()
        if not self.has_started(judge):
            self._ballots.limits.count_rater(address, in_room=self.code != NO_ROOM)
        assignment, is_new = self._next(judge)
        # Another process may have taken a vote without noting it.
        while (battle := assignment.battle) and not is_new and self._ballots.resume(battle, judge):
            self.replay(Event("voted", 0.0, {"judge": judge, "battle": battle.id}))
            assignment, is_new = self._next(judge)
        if battle:
            self._ballots.offer(battle, judge)
        return assignment

    def cast(self, battle_id: str, judge: str, judgement: Judgement, *, address: str = "") -> Vote:
        """The rater's vote on the current battle, returned once it is on disk. Raises VoteRefused."""
        self._check_open()
        with self._lock:
            shown = self._current(battle_id, judge)
        room, repeat_of = self.code, shown.repeat_of
        vote = self._ballots.cast(battle_id, judge, judgement, address=address, room=room, repeat_of=repeat_of)
        with self._lock:
            shown.outcome = "voted"  # also if the rater skipped it meanwhile: the vote is on disk
        self._log("voted", judge, battle=battle_id)
        return vote

    def skip(self, battle_id: str, judge: str) -> None:
        """The rater skips the current battle: no vote, and it is not shown again. Raises VoteRefused."""
        self._check_open()
        with self._lock:
            self._current(battle_id, judge).outcome = "skipped"
        self._log("skipped", judge, battle=battle_id)

    def _check_open(self) -> None:
        if self.closed:
            raise VoteRefused("room_closed", "Room closed; voting has ended.")

    def _find(self, battle_id: str, judge: str) -> _Shown | None:
        return self._raters.get(judge, {}).get(battle_id)

    def _current(self, battle_id: str, judge: str) -> _Shown:
        """The rater's battle with this id; the lock is held. Raises VoteRefused if it is not the current one."""
        shown = self._find(battle_id, judge)
        if shown is None:
            raise VoteRefused("vote_unknown", "There is no such battle, or it is still running.")
        if shown.outcome:
            raise VoteRefused("vote_twice", "You have already voted on this battle.")
        return shown

    def _next(self, judge: str) -> tuple[Assignment, bool]:
        """The rater's assignment, and whether its battle is drawn just now."""
        with self._lock:
            entries = [*self._raters[judge].values()]
            shown = next((shown for shown in entries if not shown.outcome), None)
            is_new = shown is None
            if shown is None and (shown := self._draw(judge, entries)):
                entries.append(shown)
            done = sum(1 for shown in entries if shown.outcome)
            own = sum(not shown.repeat_of for shown in entries) + self._count_apart(self._unseen(entries))
            votable = own - len(_first_shown_with("skipped", entries))
        battle = as_shown(self._pairs[shown.pair], shown.battle_id, shown.swapped) if shown else None
        return Assignment(done, own + votable // REPEAT_EVERY, battle), is_new

    def _has_finished(self, entries: Sequence[_Shown]) -> bool:
        is_open = any(not shown.outcome for shown in entries)
        return not (is_open or any(self._unseen(entries)) or _due_repeat(entries, is_last=True))

    def _draw(self, judge: str, entries: Sequence[_Shown]) -> _Shown | None:
        """The next battle of a rater who has no current one; the lock is held."""
        unseen = list(self._unseen(entries))
        if repeated := _due_repeat(entries, is_last=not unseen):
            shown = _Shown(new_battle_id(), repeated.pair, not repeated.swapped, repeated.battle_id)
        elif unseen:
            shown = self._draw_from(unseen, entries)
        else:
            return None
        self._note(judge, shown)
        about = {"battle": shown.battle_id, "pair": shown.pair, "swapped": shown.swapped, "repeat_of": shown.repeat_of}
        self._log("shown", judge, **about)
        return shown

    def _unseen(self, entries: Sequence[_Shown]) -> Iterator[str]:
        """The pairs of answers of which the rater was shown neither."""
        seen = set[Any]().union(*(self._answers[shown.pair] for shown in entries))
        return (key for key, answers in self._answers.items() if seen.isdisjoint(answers))

    def _count_apart(self, unseen: Iterable[str]) -> int:
        """How many of these pairs a rater gets."""
        seen, count = set[Any](), 0
        for key in unseen:
            if seen.isdisjoint(self._answers[key]):
                seen |= self._answers[key]
                count += 1
        return count

    def _draw_from(self, unseen: Sequence[str], entries: Sequence[_Shown]) -> _Shown:
        """A pair on a prompt that this rater has seen least; of these one that the fewest raters have seen, then one of
        models that this rater has seen least. Its sides are the way that fewer raters have seen it."""
        own = [self._pairs[shown.pair] for shown in entries]
        prompts, models = Counter(pair.prompt_id for pair in own), Counter(map(_models, own))

        def seen(key: str) -> tuple[int, int, int]:
            pair = self._pairs[key]
            return prompts[pair.prompt_id], self._times[key], models[_models(pair)]

        least = min(map(seen, unseen))
        key = secrets.choice([key for key in unseen if seen(key) == least])
        lead = 2 * self._unswapped[key] - self._times[key]
        return _Shown(new_battle_id(), key, lead > 0 or (lead == 0 and secrets.randbelow(2) == 1))

    def _note(self, judge: str, shown: _Shown) -> None:
        self._raters[judge][shown.battle_id] = shown
        if not shown.repeat_of:
            self._times[shown.pair] += 1
            self._unswapped[shown.pair] += not shown.swapped

    def _log(self, kind: str, judge: str, **about: Any) -> None:
        # An event that cannot be written is lost at a restart. That is no reason to show no battle: the vote itself is
        # refused if it cannot be written.
        with suppress(OSError):
            self._events.append(kind, judge=judge, room=self.code, **about)


def _answers(pair: Battle) -> frozenset[tuple[str, str, str]]:
    """What tells both answers from others; in a conversation, the first ones."""
    sides = (pair.a, pair.b)
    texts = (next((said.content for said in side.history if said.role == "assistant"), "") for side in sides)
    return frozenset((pair.prompt_id, side.model.id, text) for side, text in zip(sides, texts, strict=True))


def _models(pair: Battle) -> tuple[str, str]:
    return pair.a.model.id, pair.b.model.id


def _first_shown_with(outcome: str, entries: Sequence[_Shown]) -> list[_Shown]:
    return [shown for shown in entries if shown.outcome == outcome and not shown.repeat_of]


def _due_repeat(entries: Sequence[_Shown], is_last: bool) -> _Shown | None:
    """A battle to show again: one judged a while ago, or any if this is the `is_last` chance."""
    voted = _first_shown_with("voted", entries)
    repeated = {shown.repeat_of for shown in entries if shown.repeat_of}
    if len(repeated) >= len(voted) // REPEAT_EVERY:
        return None
    recent = {shown.battle_id for shown in entries[-REPEAT_GAP:]}
    unrepeated = [shown for shown in voted if shown.battle_id not in repeated]
    old = [shown for shown in unrepeated if shown.battle_id not in recent]
    return secrets.choice(old or unrepeated) if old or is_last else None
