"""Plays a script instead of running a model: for tests and demonstrations.

A script is a JSON file:

    {
      "id": "tortoise",                 the model id (default: the file's name)
      "name": "Tortoise",               the display name (default: the id)
      "slots": 2,                       answers at a time (default 4); more wait in the queue
      "context_length": 4096,           in tokens; one character of a message counts as one token
      "load_seconds": 0.5,              how long loading takes (default 0)
      "load_until": "go.txt",           load until this file exists
      "load_error": "disk on fire",     fail to load with this reason
      "stop": ["<|im_end|>"],           stop strings
      "thinking": "switch",             whether it thinks, see ModelSpec; while off, all up to </think> is skipped
      "answers": [                      the first whose "match" is part of the last message is played
        {"match": "joke", "ignore_stop": false, "steps": [
          {"text": "Ha", "delay": 0.02, "times": 3},      one token: this text after `delay` seconds, `times` times
          {"bytes": "f09f", "delay": 0.02},               the same with raw bytes in hexadecimal
          {"until": "go.txt", "text": "!"},               wait until this file exists
          {"hang": true},                                 never return
          {"raise": "out of memory"}                      fail with this message
        ]}
      ]
    }

An answer without "match" fits every prompt. With "ignore_stop" closing the stream never returns, like an engine that
ignores a stop request. `requests` holds the prompts so far, `produced` the number of tokens played.
"""

import json
import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from arena.errors import BackendError, InputError
from arena.generation_config import CONCLUSION, THINK_CLOSE, THINK_OPEN, GenerationConfig, Thinking
from arena.types import Chunk, Message, ModelSpec
from backends.folder import DEFAULT_CONTEXT
from backends.folder.checkpoint import refusal
from backends.streaming.context import Fitted, split_cut
from backends.streaming.decode import AnswerText, utf8_decoder
from backends.streaming.generation import KEEP_ALIVE_SECONDS, Generation, Slots
from backends.streaming.loading import BackgroundLoad, LocalBackend

_NUMBER = (int, float)
# How often to look whether a file exists.
_LOOK_SECONDS = 0.05
_SCRIPT_KEYS = {
    "id": str,
    "name": str,
    "slots": int,
    "context_length": int,
    "load_seconds": _NUMBER,
    "load_until": str,
    "load_error": str,
    "stop": list,
    "thinking": str,
    "answers": list,
}
_ANSWER_KEYS = {"match": str, "ignore_stop": bool, "steps": list}
_STEP_KEYS = {"text": str, "bytes": str, "delay": _NUMBER, "times": int, "until": str, "hang": bool, "raise": str}


def read_script(path: Path) -> dict[str, Any]:
    """The script in `path`. Raises InputError if it is not valid."""
    try:
        script: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        _check_keys(script, _SCRIPT_KEYS)
        if script.get("thinking", "") not in get_args(Thinking):
            raise ValueError(f"'thinking' cannot be {script['thinking']!r}")
        for answer in script.get("answers", []):
            _check_keys(answer, _ANSWER_KEYS)
            for step in answer.get("steps", []):
                _check_keys(step, _STEP_KEYS)
                bytes.fromhex(step.get("bytes", ""))
    except (OSError, ValueError) as error:
        message = f"{path} is not a valid script: {error}"
        raise InputError("script_broken", message, path=str(path), reason=str(error)) from error
    return script


def _check_keys(value: Any, known: Mapping[str, Any]) -> None:
    if not isinstance(value, dict):
        raise ValueError(f"expected an object, not {value!r}")
    if unknown := sorted(set(value) - set(known)):
        raise ValueError(f"unknown key {unknown[0]!r}")
    for name, content in value.items():
        if not isinstance(content, known[name]):
            raise ValueError(f"{name!r} cannot be {content!r}")


def scripted_spec(path: Path) -> ModelSpec:
    """The model of the script in `path`. Raises InputError."""
    script = read_script(path)
    model_id = script.get("id", path.stem)
    return ModelSpec(
        id=model_id,
        name=script.get("name", model_id),
        family="scripted",
        source=str(path),
        runtime="scripted",
        precision="",
        context_length=script.get("context_length", DEFAULT_CONTEXT),
        thinking=script.get("thinking", ""),
    )


@dataclass(frozen=True)
class _Player:
    """The answers of a loaded script."""

    slots: Slots
    answers: Sequence[dict[str, Any]]


class ScriptedBackend(LocalBackend[_Player]):
    """Plays the script that `spec.source` names."""

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__(spec, BackgroundLoad(self._open))
        self.requests: list[tuple[tuple[Message, ...], GenerationConfig]] = []
        self.produced = 0
        self._script = read_script(Path(spec.source))
        # Protects requests and produced, which several streams write.
        self._lock = threading.Lock()

    def _count_tokens(self, engine: _Player, thinks: bool | None, messages: Sequence[Message]) -> int:
        return sum(len(message.content + message.reasoning) for message in messages)

    def _open(self) -> _Player:
        time.sleep(self._script.get("load_seconds", 0))
        for _ in _wait_for(self._script.get("load_until")):
            pass
        if reason := self._script.get("load_error"):
            raise refusal(self.spec.name, reason)
        return _Player(Slots(self._script.get("slots", 4)), self._script.get("answers", []))

    def _answer(self, engine: _Player, fitted: Fitted, config: GenerationConfig) -> Generator[Chunk]:
        """Plays the answer that fits the last message, or the rest after the text or the thinking of `cut`."""
        with self._lock:
            self.requests.append((fitted.messages, config))
        yield Chunk(stage="reading", total=fitted.prompt_tokens)
        asked, cut = split_cut(fitted.messages)
        answer = next((answer for answer in engine.answers if answer.get("match", "") in asked[-1].content), {})
        decode = utf8_decoder()
        thinking = bool(cut.reasoning and not cut.content)
        text = AnswerText(self._script.get("stop", ()), reasoning=not cut.content, thinking=thinking)
        generation = Generation(text, config, fitted.prompt_tokens)
        played = len((THINK_OPEN + cut.reasoning if thinking else cut.content).encode())
        # The script's own thinking is left out where the model does not think, or has thought.
        closes = any(THINK_CLOSE in step.get("text", "") for step in answer.get("steps", []))
        concluded = closes and (config.thinks is False or bool(cut.content))
        try:
            for token in _tokens(answer):
                if token is None:
                    yield Chunk()
                    continue
                if concluded:
                    concluded = THINK_CLOSE.encode() not in token
                    continue
                if played > 0:
                    played -= len(token)
                    yield Chunk()
                    continue
                with self._lock:
                    self.produced += 1
                generation.count_token()
                yield from generation.feed(decode(token))
                if generation.must_conclude:
                    yield from generation.feed(CONCLUSION)
                    concluded = True
                if text.stopped or generation.left <= 0:
                    break
        except GeneratorExit:
            if answer.get("ignore_stop"):
                threading.Event().wait()
            raise
        yield from generation.end("length" if generation.left <= 0 and not text.stopped else "stop")


def _tokens(answer: dict[str, Any]) -> Iterator[bytes | None]:
    """The bytes of each token after its delay; None as a keep-alive during a long delay."""
    for step in answer.get("steps", []):
        yield from _wait_for(step.get("until"))
        if step.get("hang"):
            threading.Event().wait()
        if "raise" in step:
            raise BackendError("backend_failed", step["raise"], reason=step["raise"])
        for _ in range(step.get("times", 1)):
            end = time.monotonic() + step.get("delay", 0)
            while (left := end - time.monotonic()) > KEEP_ALIVE_SECONDS:
                time.sleep(KEEP_ALIVE_SECONDS)
                yield None
            time.sleep(max(left, 0))
            yield bytes.fromhex(step["bytes"]) if "bytes" in step else step.get("text", "").encode()


def _wait_for(path: str | None) -> Iterator[None]:
    """Nothing, again and again, until the file exists."""
    while path and not Path(path).exists():
        time.sleep(_LOOK_SECONDS)
        yield None
