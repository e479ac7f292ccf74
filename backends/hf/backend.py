"""Checkpoint folders on transformers as a Backend."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from arena.errors import BackendError
from arena.generation_config import GenerationConfig
from arena.types import Chunk, Message, ModelSpec
from backends.folder.checkpoint import first_line, refusal
from backends.streaming.context import Fitted, split_cut
from backends.streaming.decode import AnswerText, StrippedReply, WholeDecode
from backends.streaming.generation import Generation, failed
from backends.streaming.loading import LocalBackend

if TYPE_CHECKING:
    from backends.hf.engine import HfEngine
    from backends.stepping.scheduler import Conversation, Scheduler

INSTALL = "pip install -r requirements-hf.txt"
# The versions of transformers on which the original models are tested.
OLDEST, NEWER = "5.16.1", "6"


class HfBackend(LocalBackend["HfEngine"]):
    """A model on an engine that it may share with others."""

    def _count_tokens(self, engine: HfEngine, thinks: bool | None, messages: Sequence[Message]) -> int:
        return len(engine.chat.request_ids(messages, thinks))

    def _recent(self, engine: HfEngine, messages: Sequence[Message]) -> Sequence[Message]:
        before, _ = split_cut(messages)
        return [*engine.chat.recent(before), *messages[len(before) :]]

    def _amount(self, engine: HfEngine, tokens: int) -> int:
        return engine.cache_bytes(tokens)

    def _answer(self, engine: HfEngine, fitted: Fitted, config: GenerationConfig) -> Generator[Chunk]:
        (before, cut), chat, thinks = split_cut(fitted.messages), engine.chat, config.thinks
        ids = chat.request_ids(fitted.messages, thinks)
        reply = chat.decoder(cut.content or cut.reasoning)
        # An answer that has begun has no more reasoning before it.
        thinking = not cut.content and (bool(cut.reasoning) or chat.opens_thinking(fitted.messages, thinks))
        text = AnswerText(reasoning=chat.reasoning and not cut.content, thinking=thinking)
        generation = Generation(text, config, len(ids))
        # What other engines can do without, takes time to render.
        steady = chat.steady_tokens(before, thinks) if engine.state_bytes else 0
        try:
            whole = replace(config, max_new_tokens=config.max_new_tokens + (config.thinking or 0))
            ids += yield from _written(engine.begin(ids, whole, steady), generation, reply)
            if generation.must_conclude:
                ids += (conclusion := chat.conclusion_ids())
                for token in conclusion:
                    yield from generation.feed(reply.feed(token))
                yield from _written(engine.begin(ids, config, steady), generation, reply)
            yield from generation.text.feed(reply.flush())
            yield from generation.end("stop" if generation.left > 0 else "length")
        except BackendError:
            raise
        except Exception as error:
            raise failed("transformers", first_line(error)) from error


def load_engine(spec: ModelSpec, scheduler: Scheduler) -> HfEngine:
    """Loads the folder. Raises BackendError, also if the libraries are missing or of an unsupported version."""
    try:
        import transformers
        from packaging.version import Version

        # Older ones ignore the renaming of tensors, so that the weights would be random; newer ones are untested.
        version = transformers.__version__
        if not Version(OLDEST).release <= Version(version).release < Version(NEWER).release:
            reason = f"transformers {OLDEST} or newer, below {NEWER}, is needed, not {version}: {INSTALL}"
            raise refusal(spec.name, reason)
        from backends.hf.engine import open_engine

        return open_engine(spec, scheduler)
    except ImportError as error:
        reason = f"{error.name or error} is missing; install it with: {INSTALL}"
        raise refusal(spec.name, reason) from error


def _written(
    conversation: Conversation, generation: Generation, reply: WholeDecode | StrippedReply
) -> Generator[Chunk, None, list[int]]:
    """Passes the conversation on until it ends, the answer is full or its thinking is; returns the new ids."""
    ids: list[int] = []
    total = generation.prompt_tokens or 0
    try:
        yield Chunk() if generation.tokens else Chunk(stage="reading", total=total)
        for event in conversation.events:
            kind, value = event or ("", 0)
            if kind == "token":
                ids.append(value)
                generation.count_token()
                yield from generation.feed(reply.feed(value))
                if generation.must_conclude or generation.left <= 0:
                    break
            elif generation.tokens or not kind:
                yield Chunk()
            else:
                if kind == "kept":
                    generation.cached_tokens = value
                yield Chunk(stage="reading", done=value, total=total)
        return ids
    finally:
        # The slot is free only when the engine has released the conversation: a token or a prefill chunk later.
        conversation.close()
