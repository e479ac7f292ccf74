"""Loads one model like the page does and lets it answer, to see that it works and how fast."""

import time
from dataclasses import dataclass

from arena.backend import Backend
from arena.errors import BackendError
from arena.generation_config import GenerationConfig
from arena.types import Chunk, Message, ModelSpec, Usage
from backends import opened_alone
from backends.machine.memory import process_bytes

PROMPT = (Message("user", "你好，please say hello."),)
# Two tokens prove that the model answers (the second uses the cache); the longer run gives a steady speed.
PROOF, MEASURED = 2, 16


@dataclass(frozen=True)
class Trial:
    """The result of a trial: seconds, tokens, and memory of this process in bytes (now, and its peak)."""

    load_seconds: float
    first_token_seconds: float | None
    tokens: int
    tokens_per_second: float | None
    answer: str
    resident_bytes: int | None
    peak_bytes: int | None


def try_out(spec: ModelSpec) -> Trial:
    """Loads the model, streams two tokens and then a few more, and frees it. Raises BackendError."""
    with opened_alone(spec) as backend:
        began = time.monotonic()
        _load(backend)
        loaded = time.monotonic() - began
        first, _ = _answer(backend, PROOF)
        usage, answer = _answer(backend, MEASURED)
        return Trial(
            load_seconds=loaded,
            first_token_seconds=first.first_token_seconds,
            tokens=usage.new_tokens or 0,
            tokens_per_second=usage.tokens_per_second,
            answer=answer,
            resident_bytes=process_bytes("VmRSS"),
            peak_bytes=process_bytes("VmHWM"),
        )


def _load(backend: Backend) -> None:
    backend.load()
    while not (state := backend.load_state).ready:
        if state.error:
            raise BackendError(state.error.code, state.error.message, **state.error.details)
        time.sleep(0.02)


def _answer(backend: Backend, tokens: int) -> tuple[Usage, str]:
    """The usage and the text of a short answer. Raises BackendError if it does not finish."""
    text, last = "", Chunk()
    for chunk in backend.stream(PROMPT, GenerationConfig(max_new_tokens=tokens, temperature=0)):
        text += chunk.text + chunk.reasoning
        last = chunk
    if last.finish_reason not in ("stop", "length"):
        message = f"{backend.spec.name} did not finish its answer."
        raise BackendError("backend_failed", message, reason=str(last.finish_reason))
    return last.usage or Usage(), text
