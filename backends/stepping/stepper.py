"""The conversations of one model, a step at a time: a piece of one prompt, or a token for each that is answered.

Knows ids and scores, no text. All but `begin` is called by the scheduler's thread alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from functools import partial

import torch

from arena.types import GenerationConfig
from backends.stepping.batched import Rows
from backends.stepping.cache import TokenCache
from backends.stepping.cache_pool import CachePool
from backends.stepping.conversation import ENDED, Conversation
from backends.stepping.sampling import Sampler
from backends.stepping.scheduler import Scheduler
from backends.stepping.sizes import PIECE, ROWS


class _Running:
    """A conversation that has its cache."""

    def __init__(self, conversation: Conversation, pick: Sampler, cache: TokenCache, amount: int) -> None:
        self.conversation = conversation
        self.pick = pick
        self.cache = cache
        self.amount = amount
        self.said = 0
        # The id chosen last, which the model has not seen yet.
        self.token = -1

    @property
    def unread(self) -> Sequence[int]:
        """What is left of the prompt."""
        return self.conversation.ids[self.cache.n :] if not self.said else ()


class Stepper:
    """Runs conversations on `rows`, with `budget` bytes for all caches; an id of `stop_ids` ends an answer.

    A conversation has up to `context_length` tokens.
    """

    def __init__(
        self, rows: Rows, stop_ids: frozenset[int], scheduler: Scheduler, context_length: int, budget: int
    ) -> None:
        self._rows = rows
        self._stop_ids = stop_ids
        self._scheduler = scheduler
        self._kept = CachePool(budget, partial(rows.new_cache, context_length))
        # Filled by any thread; a deque's ends are safe without a lock.
        self._joining: deque[tuple[Conversation, Sampler, int]] = deque()
        self._running: list[_Running] = []
        self._reads_next = True
        scheduler.add(self)

    def begin(self, ids: Sequence[int], config: GenerationConfig, amount: int) -> Conversation:
        """Answer a prompt; its cache may take `amount` bytes. It joins at the next step."""
        conversation = Conversation(ids, config)
        self._joining.append((conversation, Sampler(config, ids), amount))
        self._scheduler.wake()
        return conversation

    def forget(self) -> None:
        """Let go of what is kept for next turns."""
        self._scheduler.run(self._kept.clear)

    def step(self) -> bool:
        """A piece of one prompt or a token for each answer, by turns where both wait; whether there was any."""
        if not self._joining and not self._running:
            return False
        with torch.inference_mode():
            self._let_in()
            self._let_out()
            reading = [one for one in self._running if one.unread]
            answering = [one for one in self._running if not one.unread][:ROWS]
            if not reading and not answering:
                return False
            reads = bool(reading) and (self._reads_next or not answering)
            if reads:
                self._read(reading[0])
            else:
                self._answer(answering)
            self._reads_next = not reads
            return True

    def fail(self, error: Exception) -> None:
        """End all conversations with `error`."""
        for one in list(self._running):
            self._leave(one, error)
        while self._joining:
            conversation, *_ = self._joining.popleft()
            _end(conversation, error)

    def _let_in(self) -> None:
        while self._joining:
            conversation, pick, amount = self._joining.popleft()
            if conversation.cancelled.is_set():
                _end(conversation)
                continue
            if not conversation.ids:
                # Without a token there is nothing to answer, and a step with it would fail for all.
                _end(conversation, ValueError("the prompt has no tokens"))
                continue
            try:
                cache = self._kept.take(conversation.ids, amount)
            except Exception as error:  # noqa: BLE001 (raised again where the stream is read)
                _end(conversation, error)
                continue
            self._running.append(_Running(conversation, pick, cache, amount))
            conversation.events.put(("kept", cache.n))

    def _let_out(self) -> None:
        for one in list(self._running):
            if one.conversation.cancelled.is_set():
                self._leave(one)

    def _read(self, one: _Running) -> None:
        """The next piece. The pieces begin where the cache ended, so they are the same alone and in company."""
        try:
            scores = self._rows.read(one.cache, one.unread[:PIECE])
        except Exception as error:  # noqa: BLE001 (raised again where the stream is read)
            self._leave(one, error)
            return
        one.conversation.events.put(("read", one.cache.n))
        if not one.unread:
            self._choose(one, scores[-1])

    def _answer(self, rows: Sequence[_Running]) -> None:
        try:
            scores = self._rows.decode([one.cache for one in rows], [one.token for one in rows])
        except Exception as error:  # noqa: BLE001 (raised again where the streams are read)
            for one in rows:
                self._leave(one, error)
            return
        for one, own in zip(rows, scores, strict=True):
            self._choose(one, own)

    def _choose(self, one: _Running, scores: torch.Tensor) -> None:
        try:
            one.token = one.pick(scores)
        except Exception as error:  # noqa: BLE001 (raised again where the stream is read)
            self._leave(one, error)
            return
        if one.token in self._stop_ids:
            self._leave(one)
            return
        one.said += 1
        one.conversation.events.put(("token", one.token))
        if one.said == one.conversation.config.max_new_tokens:
            self._leave(one)

    def _leave(self, one: _Running, error: Exception | None = None) -> None:
        self._running.remove(one)
        self._kept.give_back(one.cache, one.amount, keep=error is None)
        _end(one.conversation, error)


def _end(conversation: Conversation, error: Exception | None = None) -> None:
    conversation.left.set()
    conversation.events.put(error or ENDED)
