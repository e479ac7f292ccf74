"""A backend that plays a script: for tests and demonstrations, and labelled so on the page. Runs no model.

A script is a JSON file:

    {
      "id": "tortoise",                 the model id (default: the file's name)
      "name": "Tortoise",               the name shown (default: the id)
      "slots": 2,                       answers at once (default 4); more wait in the queue
      "context_length": 4096,           one character of any message counts as one token
      "load_seconds": 0.5,              pretend to load for so long (default 0)
      "load_error": "disk on fire",     fail to load with this reason
      "stop": ["<|im_end|>"],           stop strings
      "answers": [                      the first whose "match" is part of the last message is played
        {"match": "joke", "ignore_stop": false, "steps": [
          {"text": "Ha", "delay": 0.02, "times": 3},      one token: this text, after so many seconds, so many times
          {"bytes": "f09f", "delay": 0.02},               the same with raw bytes in hexadecimal
          {"hang": true},                                 never come back
          {"raise": "out of memory"}                      fail with this message
        ]}
      ]
    }

An answer without "match" fits every prompt. With "ignore_stop" closing the stream never returns, as with an engine that
does not hear. What was asked is kept in `requests`, the number of tokens played in `produced`.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from arena.errors import BackendError, InputError
from arena.types import Chunk, FinishReason, GenerationConfig, Message, ModelSpec, Usage
from backends.streaming.context import fit_context
from backends.streaming.decode import AnswerText, ByteDecoder
from backends.streaming.loading import BackgroundLoad, LoadingBackend
from backends.streaming.slots import SIGN_OF_LIFE_SECONDS, Slots

_NUMBER = (int, float)
_SCRIPT_KEYS = {
    "id": str,
    "name": str,
    "slots": int,
    "context_length": int,
    "load_seconds": _NUMBER,
    "load_error": str,
    "stop": list,
    "answers": list,
}
_ANSWER_KEYS = {"match": str, "ignore_stop": bool, "steps": list}
_STEP_KEYS = {"text": str, "bytes": str, "delay": _NUMBER, "times": int, "hang": bool, "raise": str}


def read_script(path: Path) -> dict[str, Any]:
    """The checked script in `path`. Raises InputError with the reason if it is none."""
    try:
        script: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        _check_keys(script, _SCRIPT_KEYS)
        for answer in script.get("answers", []):
            _check_keys(answer, _ANSWER_KEYS)
            for step in answer.get("steps", []):
                _check_keys(step, _STEP_KEYS)
                bytes.fromhex(step.get("bytes", ""))
    except (OSError, ValueError) as error:
        raise InputError("script_broken", f"{path} is no script: {error}", path=str(path), reason=str(error)) from error
    return script


def _check_keys(value: Any, known: Mapping[str, Any]) -> None:
    if not isinstance(value, dict):
        raise ValueError(f"expected an object, found {value!r}")
    if unknown := sorted(set(value) - set(known)):
        raise ValueError(f"unknown key {unknown[0]!r}")
    for name, content in value.items():
        if not isinstance(content, known[name]):
            raise ValueError(f"{name!r} cannot be {content!r}")


def scripted_spec(path: Path) -> ModelSpec:
    """The model that a script plays."""
    script = read_script(path)
    model_id = script.get("id", path.stem)
    return ModelSpec(
        id=model_id,
        name=script.get("name", model_id),
        family="scripted",
        source=str(path),
        runtime="scripted",
        precision="",
        context_length=script.get("context_length", 4096),
    )


class ScriptedBackend(LoadingBackend[list[dict[str, Any]]]):
    """Plays the script that `spec.source` names."""

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__(spec, BackgroundLoad(self._open))
        self.requests: list[tuple[tuple[Message, ...], GenerationConfig]] = []
        self.produced = 0
        self._script = read_script(Path(spec.source))
        self._slots = Slots(self._script.get("slots", 4))
        # Protects requests and produced, which several streams write.
        self._lock = threading.Lock()

    def stream(self, messages: Sequence[Message], config: GenerationConfig) -> Iterator[Chunk]:
        """Play the answer that fits the last message; see Backend.stream."""
        answers = yield from self._load.wait()
        fitted = fit_context(messages, _count_characters, self.spec, config.max_new_tokens)
        if fitted.dropped_turns:
            yield Chunk(dropped_turns=fitted.dropped_turns)
        with self._slots.ticket() as ticket:
            yield from ticket.wait()
            with self._lock:
                self.requests.append((fitted.messages, config))
            yield Chunk(stage="reading", total=fitted.prompt_tokens)
            answer = _fitting(answers, fitted.messages[-1].content)
            yield from self._play(answer, fitted.max_new_tokens, fitted.prompt_tokens)

    def _open(self) -> list[dict[str, Any]]:
        time.sleep(self._script.get("load_seconds", 0))
        if reason := self._script.get("load_error"):
            raise BackendError("load_failed", f"{self.spec.name} cannot be loaded: {reason}", reason=reason)
        answers: list[dict[str, Any]] = self._script.get("answers", [])
        return answers

    def _play(self, answer: dict[str, Any], limit: int, prompt_tokens: int) -> Iterator[Chunk]:
        decoder = ByteDecoder()
        text = AnswerText(self._script.get("stop", ()), reasoning=True)
        began = time.monotonic()
        first = None
        tokens = 0
        for piece in self._pieces(answer):
            if piece is None:
                yield from _stubborn(answer)
                continue
            with self._lock:
                self.produced += 1
            tokens += 1
            first = first if first is not None else time.monotonic() - began
            usage = Usage(prompt_tokens, tokens, first, time.monotonic() - began)
            for chunk in text.feed(decoder.feed(piece)) or [Chunk()]:
                yield from _stubborn(answer, replace(chunk, usage=usage))
            if text.stopped or tokens >= limit:
                break
        yield from text.flush()
        reason: FinishReason = "length" if tokens >= limit and not text.stopped else "stop"
        yield Chunk(finish_reason=reason, usage=Usage(prompt_tokens, tokens, first, time.monotonic() - began))

    def _pieces(self, answer: dict[str, Any]) -> Iterator[bytes | None]:
        """The bytes of each token when its time has come; None as a sign of life while it has not."""
        for step in answer.get("steps", []):
            if step.get("hang"):
                threading.Event().wait()
            if "raise" in step:
                raise BackendError("backend_failed", step["raise"], reason=step["raise"])
            for _ in range(step.get("times", 1)):
                yield from _pause(step.get("delay", 0))
                yield bytes.fromhex(step["bytes"]) if "bytes" in step else step.get("text", "").encode()


def _pause(seconds: float) -> Iterator[None]:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > SIGN_OF_LIFE_SECONDS:
        time.sleep(SIGN_OF_LIFE_SECONDS)
        yield None
    time.sleep(max(left, 0))


def _stubborn(answer: dict[str, Any], chunk: Chunk | None = None) -> Iterator[Chunk]:
    """Yields `chunk`; if the answer ignores stop, being closed at the yield changes nothing."""
    try:
        yield chunk or Chunk()
    except GeneratorExit:
        if not answer.get("ignore_stop"):
            raise
        threading.Event().wait()


def _fitting(answers: list[dict[str, Any]], prompt: str) -> dict[str, Any]:
    for answer in answers:
        if answer.get("match", "") in prompt:
            return answer
    return {"steps": []}


def _count_characters(messages: Sequence[Message]) -> int:
    return sum(len(message.content) for message in messages)
