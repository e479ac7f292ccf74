"""Models on an OpenAI-compatible server (vLLM, SGLang, llama.cpp's, OpenVINO's, Ray Serve) as a Backend.

Knows nothing of how the server computes. Its key is OPENAI_API_KEY, from the environment alone.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from arena.errors import ArenaError, BackendError, InputError
from arena.types import Chunk, FinishReason, GenerationConfig, Message, ModelSpec, Usage
from backends.openai.client import Events, call, list_models, stream_chat
from backends.streaming.context import split_turns
from backends.streaming.decode import AnswerText
from backends.streaming.loading import BackgroundLoad, LoadingBackend

PREFIX = "openai:"
KEY = "OPENAI_API_KEY"
# Most servers read what looks like one of their markers as a marker, whoever wrote it.
_MARKERS = re.compile(r"<(?=\|)|<(?=/?(?:s|bos|eos|pad|unk|start_of_turn|end_of_turn)>)|\[(?=/?(?:INST|gMASK)\])")
_GAP = "\u200b"
_TOO_LONG = re.compile(r"context|too long|maximum.{0,20}(?:length|tokens)", re.IGNORECASE)


@dataclass(frozen=True)
class Server:
    """What was found out as the backend was loaded: the kind of server ("" is unknown) and the model's context in
    tokens (0 is unknown)."""

    kind: str = ""
    context_length: int = 0


def openai_spec(text: str) -> ModelSpec:
    """The model that `openai:BASE_URL#MODEL` names. Raises InputError. Asks nobody."""
    url, _, model = text.removeprefix(PREFIX).partition("#")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not model.strip():
        message = (
            f"{text!r} names no server; write openai:BASE_URL#MODEL, such as openai:http://127.0.0.1:8000/v1#qwen."
        )
        raise InputError("openai_name", message)
    if parts.username or parts.password:
        raise InputError("openai_login", f"Leave the login out of the address; a key goes into {KEY}.", name=KEY)
    return ModelSpec(
        id=model,
        name=model,
        family="openai",
        source=f"{url.rstrip('/')}#{model}",
        runtime="openai",
        precision="",
        context_length=0,
    )


class OpenAIBackend(LoadingBackend[Server]):
    """One model on one server, which has a queue of its own."""

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__(spec, BackgroundLoad(self._open))
        self._url, _, self._model = spec.source.partition("#")
        self._key = os.environ.get(KEY, "")

    def stream(self, messages: Sequence[Message], config: GenerationConfig) -> Iterator[Chunk]:
        """Answer the conversation; see Backend.stream. Usage counts from when the server is asked."""
        server = yield from self._load.wait()
        system, turns = split_turns(messages)
        for dropped in range(len(turns)):
            kept = (*system, *(message for turn in turns[dropped:] for message in turn))
            if dropped:
                yield Chunk(dropped_turns=dropped)
            try:
                yield from self._ask(kept, config, server)
                return
            except _TooLong as error:
                # Nobody but the server can count: it is asked again with less.
                if dropped + 1 == len(turns):
                    raise self._refusal(error, server) from error

    def _ask(self, messages: Sequence[Message], config: GenerationConfig, server: Server) -> Iterator[Chunk]:
        request = {
            "model": self._model,
            "messages": [{"role": message.role, "content": _unmarked(message.content)} for message in messages],
            **_settings(config, server.kind),
        }
        answer = _Answer()
        try:
            yield Chunk(stage="reading")
            with closing(iter(Events(partial(stream_chat, self._url, self._key, request)))) as events:
                for event in events:
                    yield from answer.read(event) if event is not None else (Chunk(),)
        except ArenaError:
            raise
        except Exception as error:
            raise _translated(error, self.spec, self._url, answer.begun) from error
        yield from answer.end()

    def _open(self) -> Server:
        try:
            models = call(partial(list_models, self._url, self._key))
        except ImportError as error:
            message = "The openai library is not installed: pip install -r requirements.txt"
            raise BackendError("openai_library", message) from error
        except Exception as error:
            raise _translated(error, self.spec, self._url) from error
        found = next((model for model in models if self._model in _names(model)), None)
        if found is None:
            names = ", ".join(sorted(str(model.get("id")) for model in models)[:10])
            message = f"{self._url} has no model {self._model!r}; it has {names or 'none'}."
            raise BackendError("openai_model", message, model=self._model)
        meta = found.get("meta") or {}
        length = found.get("max_model_len") or meta.get("n_ctx") or 0
        return Server(str(found.get("owned_by") or "").lower(), int(length))

    def _refusal(self, error: _TooLong, server: Server) -> InputError:
        name, tokens, limit = self.spec.name, error.tokens, error.limit or server.context_length
        if tokens and limit:
            message = f"The prompt has {tokens} tokens; {name} takes {limit} together with its answer."
            return InputError("prompt_too_long", message, model=name, tokens=tokens, limit=limit)
        return InputError("openai_too_long", f"{name} does not take the prompt: {error}", model=name, reason=str(error))


class _TooLong(Exception):
    """The conversation does not fit: how long it is and may be in tokens, 0 where the server does not say."""

    def __init__(self, tokens: int, limit: int, words: str) -> None:
        super().__init__(words)
        self.tokens, self.limit = tokens, limit


class _Answer:
    """The chunks of one answer, from the server's."""

    def __init__(self) -> None:
        self._text = AnswerText((), reasoning=True)
        self._began = time.monotonic()
        self._first: float | None = None
        self._tokens = 0
        self._usage: Any = None
        self._finish: FinishReason | None = None

    @property
    def begun(self) -> bool:
        """Whether the server has said anything."""
        return self._first is not None

    def read(self, event: Any) -> Iterator[Chunk]:
        # llama.cpp's own; others read a prompt without a word.
        if progress := getattr(event, "prompt_progress", None):
            yield Chunk(stage="reading", done=int(progress["processed"]), total=int(progress["total"]))
        self._usage = getattr(event, "usage", None) or self._usage
        for choice in event.choices[:1]:
            delta = choice.delta
            # Two names are in use for the same thing, and neither is in the library.
            reasoning = getattr(delta, "reasoning_content", None) or getattr(delta, "reasoning", None) or ""
            text = delta.content or ""
            if text or reasoning:
                self._tokens += 1
                self._first = self._first if self._first is not None else time.monotonic() - self._began
            usage = self._so_far()
            if reasoning:
                yield Chunk(reasoning=str(reasoning), usage=usage)
            if text:
                yield from (replace(chunk, usage=usage) for chunk in self._text.feed(text))
            if choice.finish_reason:
                self._finish = "length" if choice.finish_reason == "length" else "stop"

    def end(self) -> Iterator[Chunk]:
        """What is left. Raises BackendError if the server did not say that this is all."""
        yield from self._text.flush()
        if self._finish is None:
            raise BackendError("openai_gone", "The server ended in the middle of its answer.", reason="no end")
        yield Chunk(finish_reason=self._finish, usage=self._so_far())

    def _so_far(self) -> Usage:
        seconds = time.monotonic() - self._began
        if self._usage is None:
            return Usage(None, self._tokens or None, self._first, seconds)
        details = getattr(self._usage, "prompt_tokens_details", None)
        cached = getattr(details, "cached_tokens", None)
        return Usage(self._usage.prompt_tokens, self._usage.completion_tokens, self._first, seconds, cached)


def _names(model: Mapping[str, Any]) -> tuple[object, ...]:
    return (model.get("id"), *(model.get("aliases") or ()))


def _settings(config: GenerationConfig, kind: str) -> dict[str, Any]:
    """The request's fields for sampling. What is no part of OpenAI's own is sent under the names that the server
    knows, and to an unknown server only if it asks for something."""
    extra: dict[str, Any] = {}
    if kind == "llamacpp":
        # Its own defaults are top_k 40 and min_p 0.05, which nobody here asked for.
        extra = {"top_k": config.top_k, "min_p": 0.0, "repeat_penalty": config.repetition_penalty}
        extra["return_progress"] = True
    elif kind in ("vllm", "sglang") or config.top_k or config.repetition_penalty != 1:
        extra = {"top_k": config.top_k or -1, "repetition_penalty": config.repetition_penalty}
    settings = {
        "max_tokens": config.max_new_tokens,
        "temperature": config.temperature,
        "top_p": config.top_p,
        "extra_body": extra,
    }
    return settings if config.seed is None else {**settings, "seed": config.seed}


def _unmarked(text: str) -> str:
    return _MARKERS.sub(rf"\g<0>{_GAP}", text)


def _translated(error: Exception, spec: ModelSpec, url: str, begun: bool = False) -> Exception:
    """What the library raised as one line that names no key. A conversation that is too long is told apart."""
    import openai

    if isinstance(error, openai.APITimeoutError):
        return BackendError("openai_silent", f"{url} has been silent for too long.", model=spec.name)
    if isinstance(error, openai.APIStatusError):
        return _refused(error, spec)
    if isinstance(error, openai.APIConnectionError) and not begun:
        return BackendError("openai_away", f"{url} cannot be reached.", model=spec.name)
    reason = _one_line(str(error) if isinstance(error, openai.APIError) else type(error).__name__)
    return BackendError("openai_gone", f"{url} ended in the middle of its answer ({reason}).", reason=reason)


def _refused(error: Any, spec: ModelSpec) -> Exception:
    status, body = error.status_code, _inner(error.body)
    words = _one_line(str(body.get("message") or error.message))
    if status in (401, 403):
        message = f"The server of {spec.name} wants a key that is valid: set {KEY}."
        return BackendError("openai_denied", message, model=spec.name, name=KEY)
    if status in (400, 413, 422) and ("n_ctx" in body or _TOO_LONG.search(words)):
        return _TooLong(int(body.get("n_prompt_tokens") or 0), int(body.get("n_ctx") or 0), words)
    if status == 429:
        return BackendError("openai_busy", f"The server of {spec.name} has too much to do; try again.", model=spec.name)
    return BackendError("backend_failed", f"The server of {spec.name} refused: {words}", reason=words)


def _one_line(words: str) -> str:
    """What a server says, however it was written."""
    return " ".join(words.split())[:200]


def _inner(body: object) -> Mapping[str, Any]:
    found = body.get("error", body) if isinstance(body, dict) else {}
    return found if isinstance(found, dict) else {}
