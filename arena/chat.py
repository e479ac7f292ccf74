"""Conversations with two models at once, one per browser tab."""

import secrets
import threading
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from arena.battle import SEED_LIMIT, BattleRun, new_battle_id, renewed
from arena.errors import InputError
from arena.prompts import Prompt
from arena.roster import Pair
from arena.text import clean
from arena.types import Answer, Battle, Chunk, Message, Side, SideName

MAX_PROMPT_CHARACTERS = 400_000
# How long a send right after a stop waits for the sides to end; longer than GRACE_SECONDS.
HANDOVER_SECONDS = 5.0
MAX_CHATS = 2000


def checked_prompt(text: str) -> str:
    """The cleaned prompt. Raises InputError if it has no visible character or too many characters."""
    text = clean(text)
    if len(text) > MAX_PROMPT_CHARACTERS:
        message = f"The prompt has {len(text)} characters; the limit is {MAX_PROMPT_CHARACTERS}."
        raise InputError("prompt_huge", message, length=len(text), limit=MAX_PROMPT_CHARACTERS)
    if all(character.isspace() or unicodedata.category(character) in ("Cf", "Cc") for character in text):
        raise InputError("prompt_empty", "The prompt is empty.")
    return text


class Chat:
    """One conversation: its turns, the last of which may be running. Safe to call from several threads.

    `turns` are the battles so far, with the running one as it stands. `on_end` is called with each battle whose sides
    have both ended. `blind` marks battles that hide the models' names; `probability` is that with which their models
    were drawn. While `pair` is empty, `later` is asked for it.
    """

    def __init__(
        self,
        pair: Pair,
        on_end: Callable[[Battle], None],
        blind: bool = False,
        probability: float | None = None,
        later: Callable[[], Pair] = dict,
    ) -> None:
        self.touched_at = time.monotonic()
        self._pair = pair
        self._later = later
        self._on_end = on_end
        self._blind = blind
        self._probability = probability
        self.turns: tuple[Battle, ...] = ()
        self._run: BattleRun | None = None
        # Protects changes of turns and _run: a page's buttons and its stream have threads of their own. Notified when a
        # turn ends.
        self._lock = threading.Condition()

    @property
    def pair(self) -> Pair:
        """The models that answer; empty while there are none."""
        self._pair = self._pair or self._later()
        return self._pair

    @property
    def progress(self) -> Mapping[SideName, Chunk]:
        """What each side of the running turn does before it writes."""
        return run.progress if (run := self._run) else dict.fromkeys(SideName, Chunk())

    @property
    def running(self) -> bool:
        """Whether a side is still answering."""
        return self._run is not None

    @property
    def stopping(self) -> bool:
        """Whether the turn that is running was stopped, or none is running."""
        return (run := self._run) is None or run.stopping

    def ask(
        self,
        text: str,
        settings: Mapping[str, Any] | None = None,
        system: str = "",
        prompt: Prompt | None = None,
        *,
        again: bool = False,
    ) -> Iterator[Battle]:
        """Sends a prompt to both sides; yields the battle as it grows. After turns of other models it is the first one.

        `settings` are GenerationConfig fields; None means the model's default. `prompt` is the prompt of the set that
        `text` is, if any. With `again` it replaces the last turn. Raises InputError at once for bad input or a prompt
        that is too long for a model, and while a turn is running that was not stopped; then nothing has changed.
        """
        text = checked_prompt(text)
        settings = dict(settings or {})
        if settings.get("seed") is None:
            # Drawn here, not by the backend, so that it can be recorded.
            settings["seed"] = secrets.randbelow(SEED_LIMIT)
        with self._lock:
            self._wait_for_stop()
            turns = self.turns[:-1] if again else self.turns
            if not self._is_of_pair():
                turns = ()
            last = turns[-1] if turns else None
            battle = Battle(
                id=new_battle_id(),
                prompt=text,
                a=self._side(SideName.A, last, text, settings, system),
                b=self._side(SideName.B, last, text, settings, system),
                prompt_id=prompt.id if prompt else "",
                dimension=prompt.dimension if prompt else "",
                turn=len(turns) + 1,
                blind=self._blind,
                pair_probability=self._probability,
            )
            for name in SideName:
                self._check(name, battle.side(name).messages)
            return self._begin(turns, battle)

    def regenerate(self, side: SideName) -> Iterator[Battle]:
        """Asks one side again for the last prompt, as a new battle. Raises InputError if nothing was asked.

        While the other side still runs, the running turn's stream carries the new answer, and this one is empty.
        """
        with self._lock:
            if not self.turns:
                raise InputError("nothing_asked", "Ask something first.")
            if self._run and self._run.regenerate(side):
                return iter(())
            if not self._is_of_pair():
                model, known = self.turns[-1].side(side).model.id, self.pair[side].spec.id
                raise InputError("model_absent", f"{model!r} is not offered here: {known}.", model=model, known=known)
            self._wait_for_stop()
            *turns, last = self.turns
            return self._begin(turns, renewed(last, side), (side,))

    def can_continue(self, side: SideName) -> bool:
        """Whether the side's last answer was cut, perhaps while it was thinking, and its model can write the rest."""
        answer = self.turns[-1].side(side).answer if self.turns else Answer()
        return answer.finish_reason in ("length", "cancelled") and bool(
            (answer.text.strip() or answer.reasoning.strip()) and self.pair[side].can_continue and self._is_of_pair()
        )

    def continue_answer(self, side: SideName) -> Iterator[Battle]:
        """Has one side write the rest of an answer that was cut, as a new battle. Raises InputError as `ask` does."""
        with self._lock:
            self._wait_for_stop()
            if not self.can_continue(side):
                raise InputError("not_cut", "This answer was not cut off, or its model cannot continue it.")
            *turns, last = self.turns
            answer = last.side(side).answer
            self._check(side, (*last.side(side).messages, Message("assistant", answer.text, answer.reasoning)))
            battle = replace(last, id=new_battle_id()).with_answer(side, replace(answer, finish_reason=None))
            return self._begin(turns, battle, (side,))

    def stop(self, side: SideName | None = None) -> None:
        """Stops one side, or both."""
        with self._lock:
            if self._run:
                self._run.stop(side)

    def seat(self, pair: Pair) -> None:
        """Begins a new conversation with other models. Raises InputError while one is answering."""
        with self._lock:
            self._wait_for_stop()
            self._pair, self.turns = pair, ()

    def restore(self, turns: Iterable[Battle], pair: Pair | None = None) -> None:
        """Continues an earlier conversation, with its pair if that is known, unless this one has begun."""
        with self._lock:
            if not self.turns:
                self.turns = tuple(turns)
                if pair and self.turns:
                    self._pair, self._probability = pair, self.turns[-1].pair_probability

    def clear(self) -> None:
        """Stops, and forgets all turns."""
        self.stop()
        with self._lock:
            self._wait_for_stop()
            self.turns = ()

    def _is_of_pair(self) -> bool:
        """Whether the models of the last turn, if there is one, answer now: a restored one's may be offered no more."""
        return all(turn.side(name).model.id == self.pair[name].spec.id for turn in self.turns[-1:] for name in SideName)

    def _wait_for_stop(self) -> None:
        """Waits for a stopped turn to end; the lock is held. Raises InputError if a turn runs that was not stopped."""
        self.touched_at = time.monotonic()
        if self._run and self._run.stopping:
            self._lock.wait_for(lambda: self._run is None, HANDOVER_SECONDS)
        if self._run:
            raise InputError("busy", "The last prompt is still being answered. Wait or stop it.")

    def _begin(
        self, turns: Iterable[Battle], battle: Battle, sides: tuple[SideName, ...] = tuple(SideName)
    ) -> Iterator[Battle]:
        """Starts a turn after these turns and returns its stream; the lock is held."""
        self.turns = (*turns, battle)
        self._run = BattleRun(battle, self.pair)
        turn = self._follow(self._run, self._run.stream(sides))
        next(turn)  # closing a generator that has not started would skip its `finally`, and the turn would never end
        return turn

    def _follow(self, run: BattleRun, stream: Iterator[Battle]) -> Iterator[Battle]:
        """Passes battles on and updates the last turn. The first one is for `_begin`."""
        try:
            yield run.battle
            for battle in stream:
                with self._lock:
                    if self._run is run:
                        self.turns = (*self.turns[:-1], battle)
                yield battle
        finally:
            run.stop()
            self._finish(run)

    def _finish(self, run: BattleRun) -> None:
        battle = run.battle
        for name in SideName:
            answer = battle.side(name).answer
            if answer.finish_reason is None:
                # The stream was closed from outside: the text so far is kept as a stopped answer.
                battle = battle.with_answer(name, replace(answer, finish_reason="cancelled"))
        with self._lock:
            if self._run is run:
                self.turns = (*self.turns[:-1], battle)
                self._run = None
                self._lock.notify_all()
        self._on_end(battle)

    def _check(self, name: SideName, messages: Sequence[Message]) -> None:
        """Raises InputError if the prompt is too long; in a blind battle without the model's name and limit."""
        try:
            self.pair[name].check(messages)
        except InputError as error:
            if not self._blind:
                raise
            raise InputError(
                "prompt_too_long_blind", "The prompt is too long for one of the models. Shorten it and send it again."
            ) from error

    def _side(self, name: SideName, last: Battle | None, text: str, settings: Mapping[str, Any], system: str) -> Side:
        history = last.side(name).history if last else ()
        turns = [message for message in history if message.role != "system"]
        spec = self.pair[name].spec
        return Side(spec, (*spec.messages(clean(system)), *turns, Message("user", text)), spec.config(settings))


class Chats:
    """All conversations by browser tab. Evicts the one that has been idle longest beyond MAX_CHATS."""

    def __init__(self, make: Callable[[], Chat]) -> None:
        self._make = make
        self._chats: dict[str, Chat] = {}
        # Protects _chats, which every tab's requests read and write.
        self._lock = threading.Lock()

    def get(self, tab: str | None) -> Chat:
        """The tab's conversation, created at first use. Raises InputError for a call without a tab."""
        if not tab:
            raise InputError("no_session", "This request has no page. Reload the page.")
        with self._lock:
            if tab in self._chats:
                return self._chats[tab]
        # Without the lock: drawing the models of a battle may wait for results.
        chat = self._make()
        with self._lock:
            if tab not in self._chats and len(self._chats) >= MAX_CHATS:
                idle = [name for name, other in self._chats.items() if not other.running]
                for name in sorted(idle, key=lambda name: self._chats[name].touched_at)[:1]:
                    del self._chats[name]
            return self._chats.setdefault(tab, chat)

    def tabs(self) -> frozenset[str]:
        """The tabs that have a conversation."""
        with self._lock:
            return frozenset(self._chats)

    def detached(self) -> Chat:
        """A new conversation outside the registry, for one call of the API."""
        return self._make()

    def close(self, tab: str | None) -> None:
        """Stops and forgets the conversation of a closed tab."""
        with self._lock:
            chat = self._chats.pop(tab or "", None)
        if chat:
            chat.stop()
