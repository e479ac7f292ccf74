"""A chat model on transformers, on the CPU: token ids in, token ids out, one conversation at a time. Knows no text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import DynamicCache
from transformers.generation import (
    LogitsProcessorList,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from arena.errors import BackendError
from arena.types import GenerationConfig, Message, ModelSpec
from backends import chatglm, qwen
from backends.checkpoint import read_config, read_optional_json
from backends.family import Chat
from backends.native import NativeChat
from backends.packed.folder import is_packed, read_packed
from backends.packed.open import load_packed
from backends.slots import Slots
from backends.weights import architecture_of, load_weights

# A prompt is read in pieces of so many tokens, so that Stop is never more than a piece away.
PIECE = 128
_HI = Message("user", "Hi")


class HfEngine:
    """One checkpoint loaded once."""

    def __init__(self, model: Any, chat: Chat) -> None:
        # One at a time: two would share the same cores, and each would take twice as long.
        self.slots = Slots(1)
        self.chat = chat
        self._model = model

    def logits(self, ids: Sequence[int], cache: Any, last: int = 0) -> torch.Tensor:
        """Scores [len(ids), vocabulary] of what follows each of `ids`, or the `last` of them only.

        `ids` come after those in `cache` and are kept there too.
        """
        piece = torch.tensor([list(ids)])
        # Always given: guessed from the ids it is wrong where an id is also the filler's.
        mask = torch.ones(1, cache.get_seq_length() + len(ids), dtype=torch.long)
        with torch.inference_mode():
            output = self._model(
                input_ids=piece, attention_mask=mask, past_key_values=cache, use_cache=True, logits_to_keep=last
            )
        scores: torch.Tensor = output.logits[0]
        return scores

    def generate(self, ids: Sequence[int], config: GenerationConfig) -> Iterator[tuple[str, int]]:
        """Yields ("read", prompt tokens so far) and ("token", id) until a stop id (not given) or the limit."""
        cache = DynamicCache(config=self._model.config)
        for start in range(0, len(ids), PIECE):
            scores = self.logits(ids[start : start + PIECE], cache, last=1)[-1]
            yield "read", min(start + PIECE, len(ids))
        pick = Sampler(config, ids)
        for number in range(config.max_new_tokens):
            token = pick(scores)
            if token in self.chat.stop_ids:
                return
            yield "token", token
            if number + 1 < config.max_new_tokens:
                scores = self.logits([token], cache, last=1)[-1]


class Sampler:
    """Chooses the next id. Temperature 0 is the best one and nothing else: no penalty, no filter.

    A seed gives the same choices whatever else runs: the random numbers are of its own.
    """

    def __init__(self, config: GenerationConfig, ids: Sequence[int]) -> None:
        self._greedy = config.temperature == 0
        self._seen = list(ids)
        self._random = torch.Generator()
        if config.seed is None:
            self._random.seed()
        else:
            self._random.manual_seed(config.seed)
        self._steps = LogitsProcessorList()
        if self._greedy:
            return
        if config.repetition_penalty != 1:
            self._steps.append(RepetitionPenaltyLogitsProcessor(float(config.repetition_penalty)))
        self._steps.append(TemperatureLogitsWarper(float(config.temperature)))
        if config.top_k:
            self._steps.append(TopKLogitsWarper(config.top_k))
        if config.top_p < 1:
            self._steps.append(TopPLogitsWarper(float(config.top_p)))

    def __call__(self, scores: torch.Tensor) -> int:
        """The id chosen by the scores of all."""
        scores = scores.float()
        if not torch.isfinite(scores).all():
            reason = "the model computed numbers that are none"
            raise BackendError("backend_failed", f"transformers failed: {reason}", reason=reason)
        if self._greedy:
            return int(scores.argmax())
        weighed = self._steps(torch.tensor([self._seen]), scores[None].clone())[0]
        token = int(torch.multinomial(weighed.softmax(-1), 1, generator=self._random))
        self._seen.append(token)
        return token


def open_engine(spec: ModelSpec) -> HfEngine:
    """Loads the folder that `spec.source` names and tries it out. Raises BackendError with the reason."""
    folder = Path(spec.source)
    config = read_config(folder)
    engine = HfEngine(*_open(folder, config, spec.precision))
    # Two tokens: the second one is the first to use the cache.
    trial = engine.chat.prompt_ids([_HI])
    for _ in engine.generate(trial, GenerationConfig(max_new_tokens=2, temperature=0)):
        pass
    return engine


def _open(folder: Path, config: dict[str, Any], precision: str) -> tuple[Any, Chat]:
    architecture = architecture_of(folder)
    # The tokenizer first: it is quick, and what is wrong with it is known before gigabytes are read.
    chat = open_chat(folder, config)
    if is_packed(folder):
        return load_packed(folder, read_packed(folder), architecture), chat
    return load_weights(folder, architecture, precision), chat


def open_chat(folder: Path, config: dict[str, Any]) -> Chat:
    """The tokenizer and chat format of a folder. Raises BackendError."""
    match config["model_type"]:
        case "qwen":
            return qwen.QwenChat(folder)
        case "chatglm":
            return chatglm.ChatGLMChat(folder)
    settings = read_optional_json(folder, "generation_config.json")
    return NativeChat(folder, settings.get("eos_token_id"), config.get("eos_token_id"))
