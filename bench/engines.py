"""The engines that are measured, with one interface: token ids in, the times of the answer's tokens out."""

import random
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from arena.errors import BackendError
from arena.generation_config import GenerationConfig
from backends.llama import start_server
from backends.machine import share_cores
from backends.machine.memory import cpu_count
from backends.stepping.scheduler import Scheduler
from bench.weights.shapes import Shape, meta_model, random_fill
from bench.weights.subject import Subject

# Ids of ordinary text in both vocabularies; bytes and control tokens are outside this range.
LOWEST_ID, HIGHEST_ID = 300, 60_000


@dataclass(frozen=True)
class Answered:
    """One answer: when it was requested, when each token came (seconds), and how much of the prompt was cached."""

    asked: float
    moments: tuple[float, ...]
    ids: tuple[int, ...] = ()
    cached_tokens: int = 0

    @property
    def first_seconds(self) -> float:
        """Seconds to the first token."""
        return self.moments[0] - self.asked

    @property
    def seconds(self) -> float:
        """Seconds to the last token."""
        return self.moments[-1] - self.asked

    @property
    def steps(self) -> list[float]:
        """Seconds between tokens."""
        return [after - before for before, after in pairwise(self.moments)]


class Engine(ABC):
    """An open model that answers token ids."""

    name: str
    threads: int
    vocabulary: int

    @abstractmethod
    def answer(self, ids: Sequence[int], tokens: int) -> Answered:
        """Exactly `tokens` tokens, each the most likely one. Raises BackendError."""

    def forget(self) -> None:  # noqa: B027
        """Drops cached prompts; most engines here have none."""

    def prompt(self, length: int, seed: int) -> list[int]:
        """Random token ids, the same for the same seed."""
        draw = random.Random(seed)
        return [draw.randrange(LOWEST_ID, min(self.vocabulary, HIGHEST_ID)) for _ in range(length)]


@dataclass(frozen=True)
class GgufModel:
    """A GGUF file of random weights for llama.cpp."""

    shape: Shape
    file: Path

    @property
    def name(self) -> str:
        return f"llama.cpp with {self.file.name}"


# A packed model for this project's engine, a file for llama.cpp, a shape for transformers.
Source = Subject | GgufModel | Shape


def open_engine(source: Source, conversations: int, positions: int) -> Engine:
    """The source's engine in this process. `positions` is the longest conversation's tokens. Raises BackendError."""
    match source:
        case Subject():
            return open_own(source, Scheduler())
        case GgufModel():
            return _LlamaWheel(source, conversations, positions)
    return _Transformers(source)


def at_once(calls: Sequence[tuple[Engine, Sequence[int], int]]) -> list[Answered]:
    """The answers of `(engine, ids, tokens)`, all asked at the same time."""
    with ThreadPoolExecutor(len(calls)) as pool:
        futures = [pool.submit(engine.answer, ids, tokens) for engine, ids, tokens in calls]
        return [future.result() for future in futures]


class OwnEngine(Engine):
    """This project's engine as the app opens it, without a tokenizer."""

    def __init__(self, subject: Subject, scheduler: Scheduler) -> None:
        share_cores()
        import torch

        from backends.families.weights import architecture_of
        from backends.hf.engine import HfEngine
        from backends.packed.kernels import computed_by
        from backends.packed.open import packed_rows

        chat: Any = SimpleNamespace(stop_ids=frozenset())  # no tokenizer, and no token ends an answer
        architecture = architecture_of(Path(subject.folder))
        self.name = f"this engine ({computed_by().partition(' (')[0]})"
        self.threads = torch.get_num_threads()
        self.vocabulary = int(architecture.config.get_text_config().vocab_size)
        self._engine = HfEngine(packed_rows(architecture), chat, scheduler, subject.context_length)

    def answer(self, ids: Sequence[int], tokens: int) -> Answered:
        moments, answer_ids, cached = [], [], 0
        asked = time.perf_counter()
        for kind, value in self._engine.generate(ids, GenerationConfig(max_new_tokens=tokens, temperature=0)):
            if kind == "token":
                moments.append(time.perf_counter())
                answer_ids.append(value)
            elif kind == "kept":
                cached = value
        return Answered(asked, tuple(moments), tuple(answer_ids), cached)

    def forget(self) -> None:
        self._engine.forget()


def open_own(subject: Subject, scheduler: Scheduler) -> OwnEngine:
    """This project's engine, opened in a thread that ends, as in the app.

    A thread that has computed in parallel keeps its OpenMP threads, and with more of them than cores libgomp lets the
    scheduler's sleep at each barrier: 12.5 tokens/s instead of 15 (Qwen3.5-2B in int4, two cores).
    """
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(OwnEngine, subject, scheduler).result()


class _LlamaWheel(Engine):
    """llama.cpp as the installed wheel has it, with the wheel's default batch size.

    The app uses smaller batches, which are slower, so that Stop takes effect sooner.
    """

    def __init__(self, model: GgufModel, conversations: int, positions: int) -> None:
        self.name = f"llama.cpp Q4_0 (xllamacpp {version('xllamacpp')})"
        self.threads, self.vocabulary = cpu_count(), model.shape.vocabulary
        # With a margin, since each conversation's share is rounded.
        self._server, _ = start_server(model.file, positions + 256, conversations)

    def answer(self, ids: Sequence[int], tokens: int) -> Answered:
        options = {"ignore_eos": True, "temperature": 0.0, "cache_prompt": False, "stream": True}
        moments: list[float] = []
        errors: list[str] = []

        def on_event(event: Mapping[str, Any]) -> bool:
            if "error" in event:
                errors.append(str(event["error"].get("message", event["error"])))
            elif any(choice["text"] for choice in event.get("choices", ())):
                moments.append(time.perf_counter())
            return False

        asked = time.perf_counter()
        self._server.handle_completions({"prompt": list(ids), "n_predict": tokens, **options}, on_event)
        if errors or len(moments) != tokens:
            reason = errors[0] if errors else f"{len(moments)} tokens came instead of {tokens}"
            raise BackendError("bench_failed", f"llama.cpp failed: {reason}")
        return Answered(asked, tuple(moments))


class _Transformers(Engine):
    """transformers in bfloat16: a loop over its DynamicCache, which is `generate` without the overhead."""

    def __init__(self, shape: Shape) -> None:
        model = meta_model(shape).eval()
        import torch
        import transformers

        fill = random_fill()
        for module in model.modules():
            fill(module)
        # This table is not a weight, and on "meta" it was not computed.
        model.model.rotary_emb = type(model.model.rotary_emb)(model.config)
        self._model = model
        self.name = f"transformers {transformers.__version__} bf16"
        self.threads, self.vocabulary = cpu_count(), shape.vocabulary
        torch.set_num_threads(self.threads)

    def answer(self, ids: Sequence[int], tokens: int) -> Answered:
        import torch
        from transformers import DynamicCache

        cache, token = DynamicCache(config=self._model.config), torch.tensor([ids])
        moments = []
        asked = time.perf_counter()
        for _ in range(tokens):
            with torch.no_grad():
                logits = self._model(token, past_key_values=cache, use_cache=True, logits_to_keep=1).logits
            token = logits[:, -1:].argmax(-1)
            moments.append(time.perf_counter())
        return Answered(asked, tuple(moments))
