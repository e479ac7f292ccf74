"""Steps of one model's conversations: a chunk of one prompt, or a token for each answer.

Only the scheduler's thread calls `step` and `fail`.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from arena.generation_config import GenerationConfig
from backends.stepping import PREFILL_CHUNK, ROWS, cache_budget, conversation_bytes
from backends.stepping.batched import Rows
from backends.stepping.cache import CachePool, TokenCache
from backends.stepping.sampling import Sampler
from backends.stepping.scheduler import Conversation, Scheduler
from backends.streaming.generation import Slots


@dataclass(eq=False)
class _Running:
    """A conversation that has its cache. `token` is the id chosen last, which the model has not seen yet."""

    conversation: Conversation
    pick: Sampler
    cache: TokenCache
    amount: int
    new_tokens: int = 0
    token: int = -1

    @property
    def unread(self) -> Sequence[int]:
        """What is left of the prompt."""
        return self.conversation.ids[self.cache.n :] if not self.new_tokens else ()


class Stepper:
    """Runs conversations of up to `context_length` tokens on `rows`.

    A token's keys and values take `token_bytes`, the states of a conversation `state_bytes`.
    """

    def __init__(
        self,
        rows: Rows,
        stop_ids: frozenset[int],
        scheduler: Scheduler,
        context_length: int,
        token_bytes: int,
        state_bytes: int = 0,
    ) -> None:
        self._token_bytes = token_bytes
        self.state_bytes = state_bytes
        budget = cache_budget(self.cache_bytes(context_length))
        self.slots = Slots(ROWS, budget)
        self._rows = rows
        self._stop_ids = stop_ids
        self._scheduler = scheduler
        self._caches = CachePool(budget, context_length)
        # Any thread appends here: a deque's ends are thread-safe without a lock.
        self._joining: deque[tuple[Conversation, Sampler, int]] = deque()
        self._running: list[_Running] = []
        self._reads_next = True
        self._forgets = False
        scheduler.add(self)

    def cache_bytes(self, tokens: int) -> int:
        """Bytes for a conversation of this many tokens."""
        return conversation_bytes(tokens, self._token_bytes, self.state_bytes)

    def begin(self, ids: Sequence[int], config: GenerationConfig, steady: int = 0) -> Conversation:
        """Starts an answer, which joins at the next step and goes on until a stop id or the token limit.

        The next turn's prompt surely begins with the first `steady` ids: the states there are kept.
        """
        conversation = Conversation(ids, config, steady)
        amount = self.cache_bytes(len(ids) + config.max_new_tokens)
        self._joining.append((conversation, Sampler(config, ids), amount))
        self._scheduler.wake()
        return conversation

    def generate(self, ids: Sequence[int], config: GenerationConfig, steady: int = 0) -> Iterator[tuple[str, int]]:
        """The events of one answer as they come, see Conversation. Raises the engine's error."""
        # `yield from` keeps a reference to the engine: without one it could be freed before the answer ends.
        yield from self.begin(ids, config, steady).until_the_end()

    def forget(self) -> None:
        """Drops the caches kept for next turns, before the next step."""
        self._forgets = True
        self._scheduler.wake()

    def step(self) -> bool:
        """Reads a chunk of one prompt or adds a token to each answer, by turns if both wait; False if neither does."""
        if self._forgets:
            self._forgets = False
            self._caches.clear()
        if not self._joining and not self._running:
            return False
        with torch.inference_mode():
            self._admit()
            for run in list(self._running):
                if run.conversation.cancelled.is_set():
                    self._leave(run)
            reading = [run for run in self._running if run.unread]
            answering = [run for run in self._running if not run.unread][:ROWS]
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
        """Ends all conversations with `error`."""
        for run in list(self._running):
            self._leave(run, error)
        while self._joining:
            conversation, *_ = self._joining.popleft()
            conversation.end(error)

    def _admit(self) -> None:
        while self._joining:
            conversation, pick, amount = self._joining.popleft()
            if conversation.cancelled.is_set():
                conversation.end()
                continue
            try:
                if not conversation.ids:
                    # A step with an empty prompt would fail for all conversations.
                    raise ValueError("the prompt has no tokens")
                cache = self._caches.take(conversation.ids, amount)
            except Exception as error:  # noqa: BLE001 (raised again where the stream is read)
                conversation.end(error)
                continue
            self._running.append(_Running(conversation, pick, cache, amount))
            conversation.events.put(("kept", cache.n))

    @contextmanager
    def _guarded(self, runs: Sequence[_Running]) -> Iterator[None]:
        """An exception in the block ends those conversations that have not left."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 (raised again where the streams are read)
            for run in runs:
                if run in self._running:
                    self._leave(run, error)

    def _read(self, run: _Running) -> None:
        """Reads the next chunk. Chunks start where the cache ended, so they do not depend on other conversations."""
        with self._guarded([run]):
            left = run.conversation.steady - run.cache.n
            scores = self._rows.read(run.cache, run.unread[: min(left, PREFILL_CHUNK) if left > 0 else PREFILL_CHUNK])
            if run.cache.n == run.conversation.steady:
                run.cache.mark()
            run.conversation.events.put(("read", run.cache.n))
            if not run.unread:
                self._choose(run, scores[-1])

    def _answer(self, runs: Sequence[_Running]) -> None:
        with self._guarded(runs):
            scores = self._rows.decode([run.cache for run in runs], [run.token for run in runs])
            for run, own in zip(runs, scores, strict=True):
                with self._guarded([run]):
                    self._choose(run, own)

    def _choose(self, run: _Running, scores: torch.Tensor) -> None:
        run.token = run.pick(scores)
        if run.token in self._stop_ids:
            self._leave(run)
            return
        run.new_tokens += 1
        run.conversation.events.put(("token", run.token))
        if run.new_tokens == run.conversation.config.max_new_tokens:
            self._leave(run)

    def _leave(self, run: _Running, error: Exception | None = None) -> None:
        self._running.remove(run)
        self._caches.give_back(run.cache, run.amount, keep=error is None)
        run.conversation.end(error)
