"""A chat model on transformers, on the CPU: token ids in, token ids out, several talks at once. Knows no text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from arena.types import GenerationConfig, Message, ModelSpec
from backends.families.chat_formats import open_chat
from backends.families.family import Chat
from backends.families.weights import architecture_of, load_weights
from backends.folder.checkpoint import read_config
from backends.folder.packed import is_packed, read_packed
from backends.packed.open import packed_rows
from backends.stepping.batched import Rows, check_attention, stock_rows
from backends.stepping.cache import TokenCache
from backends.stepping.conversation import Conversation
from backends.stepping.scheduler import Scheduler
from backends.stepping.sizes import ROWS, cache_budget, grown
from backends.stepping.stepper import Stepper
from backends.streaming.slots import Slots

_HI = Message("user", "Hi")


class HfEngine:
    """One checkpoint loaded once. Its caches may take `budget` bytes; by default what `cache_budget` says."""

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
        """Bytes for the keys and values of a conversation of so many tokens."""
        config = self._rows.model.config.get_text_config()
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        element: int = self._rows.model.dtype.itemsize
        return 2 * int(config.num_hidden_layers * heads * size) * grown(tokens) * element

    def begin(self, ids: Sequence[int], config: GenerationConfig) -> Conversation:
        """Answer a prompt until a stop id or the limit; what comes of it goes to the conversation's own queue."""
        return self._stepper.begin(ids, config, self.cache_bytes(len(ids) + config.max_new_tokens))

    def generate(self, ids: Sequence[int], config: GenerationConfig) -> Iterator[tuple[str, int]]:
        """The events of one conversation as they come, see Conversation. Raises what went wrong."""
        # Not only the iterator: an engine that is let go of would never end the answer that is read.
        yield from self.begin(ids, config).until_the_end()

    def new_cache(self) -> TokenCache:
        """An empty cache for `logits`."""
        return self._rows.new_cache(self._context_length)

    def logits(self, ids: Sequence[int], cache: TokenCache, last: int = 0) -> torch.Tensor:
        """Scores [len(ids), vocabulary] of what follows each of `ids`, or the `last` of them only.

        `ids` come after those in `cache` and are kept there too. One id alone is a step of an answer.
        """
        if len(ids) == 1:
            return self._scheduler.run(lambda: self._rows.decode([cache], ids))
        return self._scheduler.run(lambda: self._rows.read(cache, ids, last))

    def forget(self) -> None:
        """Let go of what is kept for next turns."""
        self._stepper.forget()


def open_engine(spec: ModelSpec, scheduler: Scheduler) -> HfEngine:
    """Loads the folder that `spec.source` names and tries it out. Raises BackendError with the reason."""
    folder = Path(spec.source)
    rows, chat = _open(folder, read_config(folder), spec)
    check_attention(rows.model.config.get_text_config(), folder.name, spec.context_length)
    engine = HfEngine(rows, chat, scheduler, spec.context_length)
    if is_packed(folder):
        # It was tried out when it was made, and reading all of it would take longer than opening it.
        return engine
    # Two tokens: the second one is the first to use the cache.
    for _ in engine.generate(chat.prompt_ids([_HI]), GenerationConfig(max_new_tokens=2, temperature=0)):
        pass
    engine.forget()
    return engine


def _open(folder: Path, config: dict[str, Any], spec: ModelSpec) -> tuple[Rows, Chat]:
    architecture = architecture_of(folder)
    # The tokenizer first: it is quick, and what is wrong with it is known before gigabytes are read.
    chat = open_chat(folder, config)
    if is_packed(folder):
        return packed_rows(folder, read_packed(folder), architecture), chat
    model = load_weights(folder, architecture, spec.precision)
    if spec.adapter:
        from backends.hf.lora import merge_adapter

        model = merge_adapter(model, config["model_type"], Path(spec.adapter))
    return stock_rows(model), chat
