"""Models on an OpenAI-compatible server (vLLM, SGLang, llama.cpp, OpenVINO, Ray Serve) as a Backend."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from arena.errors import ArenaError, BackendError, InputError
from arena.types import Chunk, FinishReason, GenerationConfig, Message, ModelSpec, Usage
from backends.openai.client import RequestEvents, call, list_models, stream_chat
from backends.streaming.context import split_turns, too_long, without_turns
from backends.streaming.decode import AnswerText
from backends.streaming.generation import Generation
from backends.streaming.loading import BackgroundLoad, LoadingBackend

PREFIX = "openai:"
KEY = "OPENAI_API_KEY"
# Most servers treat text that looks like one of their markers as the marker.
_MARKERS = re.compile(r"<(?=\|)|<(?=/?(?:s|bos|eos|pad|unk|start_of_turn|end_of_turn)>)|\[(?=/?(?:INST|gMASK)\])")
_ZERO_WIDTH_SPACE = "\u200b"
_TOO_LONG = re.compile(r"context|too long|maximum.{0,20}(?:length|tokens)", re.IGNORECASE)


@dataclass(frozen=True)
class Server:
    """The kind of server ("" is unknown) and the model's context in tokens (0 is unknown)."""

    kind: str = ""
    context_length: int = 0


def openai_spec(text: str) -> ModelSpec:
    """The model that `openai:BASE_URL#MODEL` names. Contacts no server. Raises InputError."""
    url, _, model = text.removeprefix(PREFIX).partition("#")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not model.strip():
        message = f"{text!r} is not openai:BASE_URL#MODEL, such as openai:http://127.0.0.1:8000/v1#qwen."
        raise InputError("openai_name", message)
    if parts.username or parts.password:
        raise InputError("openai_login", f"Leave the login out of the address; put a key into {KEY}.", name=KEY)
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
    """A model on a server, which has a queue of its own."""

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__(spec, BackgroundLoad(self._open))
        self._url, _, self._model = spec.source.partition("#")
        self._key = os.environ.get(KEY, "")

    def stream(self, messages: Sequence[Message], config: GenerationConfig) -> Iterator[Chunk]:
        """Answers the conversation; see Backend.stream. Usage counts from the request."""
        server = yield from self._load.wait()
        system, turns = split_turns(messages)
        for dropped in range(len(turns)):
            if dropped:
                yield Chunk(dropped_turns=dropped)
            try:
                yield from self._ask(without_turns(system, turns, dropped), config, server)
                return
            except _TooLong as error:
                # Only the server can count tokens: it is asked again with one turn less.
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
            with closing(iter(RequestEvents(partial(stream_chat, self._url, self._key, request)))) as events:
                for event in events:
                    yield from answer.read(event) if event is not None else (Chunk(),)
        except ArenaError:
            raise
        except Exception as error:
            begun = answer.first_token_seconds is not None
            raise _translated(error, self.spec, self._url, begun) from error
        yield from answer.finished()

    def _open(self) -> Server:
        try:
            models = call(partial(list_models, self._url, self._key))
        except ImportError as error:
            message = "The openai library is not installed: pip install -r requirements.txt"
            raise BackendError("openai_library", message) from error
        except Exception as error:
            raise _translated(error, self.spec, self._url) from error
        model = next((model for model in models if self._model in _names(model)), None)
        if model is None:
            names = ", ".join(sorted(str(model.get("id")) for model in models)[:10])
            message = f"{self._url} has no model {self._model!r}; it has {names or 'none'}."
            raise BackendError("openai_model", message, model=self._model)
        meta = model.get("meta") or {}
        length = model.get("max_model_len") or meta.get("n_ctx") or 0
        return Server(str(model.get("owned_by") or "").lower(), int(length))

    def _refusal(self, error: _TooLong, server: Server) -> InputError:
        name, limit = self.spec.name, error.limit or server.context_length
        if error.tokens and limit:
            return too_long(name, error.tokens, limit)
        message = f"{name} does not accept the prompt: {error}"
        return InputError("openai_too_long", message, model=name, reason=str(error))


class _TooLong(Exception):
    """The conversation does not fit: its length and the limit in tokens, 0 where the server does not say."""

    def __init__(self, tokens: int, limit: int, message: str) -> None:
        super().__init__(message)
        self.tokens, self.limit = tokens, limit


class _Answer(Generation):
    """The chunks of one answer, from the server's."""

    def __init__(self) -> None:
        super().__init__(AnswerText((), reasoning=True))
        self._finish: FinishReason | None = None
        # The server's own usage, which comes with the last event.
        self._counted: Any = None

    def read(self, event: Any) -> Iterator[Chunk]:
        """The chunks of one of the server's events."""
        # Only llama.cpp reports progress.
        if progress := getattr(event, "prompt_progress", None):
            yield Chunk(stage="reading", done=int(progress["processed"]), total=int(progress["total"]))
        self._counted = getattr(event, "usage", None) or self._counted
        for choice in event.choices[:1]:
            delta = choice.delta
            # Servers use two names for reasoning, and the library knows neither.
            reasoning = getattr(delta, "reasoning_content", None) or getattr(delta, "reasoning", None) or ""
            text = delta.content or ""
            if text or reasoning:
                self.count_token()
            if reasoning:
                yield Chunk(reasoning=str(reasoning), usage=self.usage)
            if text:
                yield from self.feed(text)
            if choice.finish_reason:
                self._finish = "length" if choice.finish_reason == "length" else "stop"

    def finished(self) -> Iterator[Chunk]:
        """The last chunks. Raises BackendError if the server ended without a finish reason."""
        if self._finish is None:
            yield from self.text.flush()
            raise BackendError("openai_gone", "The server ended in the middle of its answer.", reason="no end")
        yield from self.end(self._finish)

    @property
    def usage(self) -> Usage:
        """The server's usage; until it is known, what has arrived so far."""
        if self._counted is None:
            return Usage(None, self.tokens or None, self.first_token_seconds, self.seconds)
        details = getattr(self._counted, "prompt_tokens_details", None)
        return replace(
            super().usage,
            prompt_tokens=self._counted.prompt_tokens,
            new_tokens=self._counted.completion_tokens,
            cached_tokens=getattr(details, "cached_tokens", None),
        )


def _names(model: Mapping[str, Any]) -> tuple[object, ...]:
    return (model.get("id"), *(model.get("aliases") or ()))


def _settings(config: GenerationConfig, kind: str) -> dict[str, Any]:
    """The request's fields for sampling. Fields beyond OpenAI's own have the names that the kind of server knows; a
    server of an unknown kind gets them only where they differ from the default."""
    extra: dict[str, Any] = {}
    if kind == "llamacpp":
        # Its defaults are top_k 40 and min_p 0.05.
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
    return _MARKERS.sub(rf"\g<0>{_ZERO_WIDTH_SPACE}", text)


def _translated(error: Exception, spec: ModelSpec, url: str, begun: bool = False) -> Exception:
    """The library's error as a BackendError of one line that contains no key, or _TooLong."""
    import openai

    if isinstance(error, openai.APITimeoutError):
        return BackendError("openai_silent", f"{url} has not answered for too long.", model=spec.name)
    if isinstance(error, openai.APIStatusError):
        return _refused(error, spec)
    if isinstance(error, openai.APIConnectionError) and not begun:
        return BackendError("openai_away", f"{url} cannot be reached.", model=spec.name)
    reason = _one_line(str(error) if isinstance(error, openai.APIError) else type(error).__name__)
    return BackendError("openai_gone", f"{url} ended in the middle of its answer ({reason}).", reason=reason)


def _refused(error: Any, spec: ModelSpec) -> Exception:
    status, body = error.status_code, _error_object(error.body)
    words = _one_line(str(body.get("message") or error.message))
    if status in (401, 403):
        message = f"The server of {spec.name} requires a valid key: set {KEY}."
        return BackendError("openai_denied", message, model=spec.name, name=KEY)
    if status in (400, 413, 422) and ("n_ctx" in body or _TOO_LONG.search(words)):
        return _TooLong(int(body.get("n_prompt_tokens") or 0), int(body.get("n_ctx") or 0), words)
    if status == 429:
        return BackendError("openai_busy", f"{spec.name}'s server is busy. Try again shortly.", model=spec.name)
    return BackendError("backend_failed", f"The server of {spec.name} refused: {words}", reason=words)


def _one_line(words: str) -> str:
    return " ".join(words.split())[:200]


def _error_object(body: object) -> Mapping[str, Any]:
    error = body.get("error", body) if isinstance(body, dict) else {}
    return error if isinstance(error, dict) else {}
