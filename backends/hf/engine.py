"""A chat model on transformers, on the CPU: token ids in, token ids out, several conversations at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from arena.types import GenerationConfig, Message, ModelSpec
from backends.families import Chat, open_chat
from backends.families.weights import architecture_of, heads_of, load_weights, merge_adapter
from backends.folder.packed import is_packed, read_packed
from backends.packed.open import packed_rows
from backends.stepping import ROWS, cache_budget, grown
from backends.stepping.batched import Rows, check_attention, stock_rows
from backends.stepping.cache import TokenCache
from backends.stepping.scheduler import Conversation, Scheduler
from backends.stepping.stepper import Stepper
from backends.streaming.slots import Slots

_HI = Message("user", "Hi")


class HfEngine:
    """A loaded checkpoint. Its caches may take `budget` bytes, by default `cache_budget`."""

    def __init__(
        self, rows: Rows, chat: Chat, scheduler: Scheduler, context_length: int, budget: int | None = None
    ) -> None:
        self.chat = chat
        self._scheduler = scheduler
        self._rows = rows
        self._context_length = context_length
        budget = cache_budget(self.cache_bytes(context_length)) if budget is None else budget
        self.slots = Slots(ROWS, budget)
        self._stepper = Stepper(self._rows, chat.stop_ids, scheduler, context_length, budget)

    def cache_bytes(self, tokens: int) -> int:
        """Bytes for the keys and values of a conversation of this many tokens."""
        config = self._rows.model.config.get_text_config()
        _, kv_heads, size = heads_of(config)
        element: int = self._rows.model.dtype.itemsize
        return 2 * int(config.num_hidden_layers * kv_heads * size) * grown(tokens) * element

    def begin(self, ids: Sequence[int], config: GenerationConfig) -> Conversation:
        """Answers a prompt until a stop id or the token limit; the events go to the conversation."""
        return self._stepper.begin(ids, config, self.cache_bytes(len(ids) + config.max_new_tokens))

    def generate(self, ids: Sequence[int], config: GenerationConfig) -> Iterator[tuple[str, int]]:
        """The events of one answer as they come, see Conversation. Raises the engine's error."""
        # `yield from` keeps a reference to the engine: without one it could be freed before the answer ends.
        yield from self.begin(ids, config).until_the_end()

    def new_cache(self) -> TokenCache:
        """An empty cache for `logits`."""
        return self._rows.new_cache(self._context_length)

    def logits(self, ids: Sequence[int], cache: TokenCache, last: int = 0) -> torch.Tensor:
        """Scores [len(ids), vocabulary] after each of `ids`, or only after the `last` of them.

        `ids` follow those in `cache` and are added to it. A single id is a step of an answer.
        """
        if len(ids) == 1:
            return self._scheduler.run(lambda: self._rows.decode([cache], ids))
        return self._scheduler.run(lambda: self._rows.read(cache, ids, last))

    def forget(self) -> None:
        """Drops the caches kept for next turns."""
        self._stepper.forget()


def open_engine(spec: ModelSpec, scheduler: Scheduler) -> HfEngine:
    """Loads the folder that `spec.source` names and tests it with two tokens. Raises BackendError."""
    folder = Path(spec.source)
    architecture = architecture_of(folder)
    # The tokenizer first: it loads quickly, and its errors are known before gigabytes are read.
    chat = open_chat(folder, architecture.checkpoint)
    packed = is_packed(folder)
    if packed:
        rows = packed_rows(folder, read_packed(folder), architecture)
    else:
        model = load_weights(folder, architecture, spec.precision)
        if spec.adapter:
            model = merge_adapter(model, architecture.model_type, Path(spec.adapter))
        rows = stock_rows(model)
    check_attention(rows.model.config.get_text_config(), folder.name, spec.context_length)
    engine = HfEngine(rows, chat, scheduler, spec.context_length)
    # A packed folder was tested when it was made, and reading all of it would take longer than opening it.
    if not packed:
        # Two tokens: the second is the first to use the cache.
        for _ in engine.generate(chat.prompt_ids([_HI]), GenerationConfig(max_new_tokens=2, temperature=0)):
            pass
        engine.forget()
    return engine
