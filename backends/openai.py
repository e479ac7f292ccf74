"""Models on an OpenAI-compatible server (vLLM, SGLang, llama.cpp, OpenVINO, Ray Serve) as a Backend.

It uses the library's asynchronous client: a task can be cancelled wherever it waits. Cancelling closes the connection,
which tells the server to stop generating.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Generator, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from arena.errors import ArenaError, BackendError, InputError
from arena.generation_config import SWITCH, GenerationConfig
from arena.types import Chunk, FinishReason, Message, ModelSpec
from backends.streaming.context import split_turns, too_long, without_turns
from backends.streaming.decode import AnswerText
from backends.streaming.generation import Events, Generation
from backends.streaming.loading import BackgroundLoad, LoadingBackend

if TYPE_CHECKING:
    from openai import AsyncOpenAI

PREFIX = "openai:"
KEY = "OPENAI_API_KEY"
# Most servers treat text that looks like one of their markers as the marker.
_MARKERS = re.compile(r"<(?=\|)|<(?=/?(?:s|bos|eos|pad|unk|start_of_turn|end_of_turn)>)|\[(?=/?(?:INST|gMASK)\])")
_ZERO_WIDTH_SPACE = "\u200b"
_TOO_LONG = re.compile(r"context|too long|maximum.{0,20}(?:length|tokens)", re.IGNORECASE)
# Vendors whose own fields switch thinking.
_GLM_HOSTS, _QWEN_HOSTS = (".bigmodel.cn", ".z.ai"), (".aliyuncs.com", ".modelscope.cn", ".siliconflow.cn")
# A server on a CPU may read a long prompt for minutes without sending anything.
CONNECT_SECONDS, SILENCE_SECONDS, LIST_SECONDS = 10.0, 600.0, 15.0
# How long a closed stream waits for its thread; the connection is closed within milliseconds.
CLOSE_SECONDS = 5.0


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
        thinking="server",
    )


class OpenAIBackend(LoadingBackend[Server]):
    """A model on a server, which has a queue of its own. Few servers continue an answer, and none says so."""

    can_continue = False

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__(spec, BackgroundLoad(self._open))
        self._url, _, self._model = spec.source.partition("#")
        self._key = os.environ.get(KEY, "")
        # False once the server has answered a request without the switch that it had refused with it.
        self._takes_switch = True

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
            except InputError:
                # Only the server can count tokens: it is asked again with one turn less.
                if dropped + 1 == len(turns):
                    raise

    def check(self, messages: Sequence[Message]) -> None:
        """Does nothing: only the server can count tokens."""

    def _ask(self, messages: Sequence[Message], config: GenerationConfig, server: Server) -> Iterator[Chunk]:
        """One request, repeated without the switch for thinking if the server refuses a request that has it."""
        switch = _thinking_switch(config, server.kind, self._url)
        if switch and self._takes_switch:
            try:
                yield from self._request(messages, config, server, switch)
                return
            except _SwitchRefused:
                pass
        if switch:
            yield Chunk(unswitched=True)
        yield from self._request(messages, config, server, {})
        self._takes_switch = not switch

    def _request(
        self, messages: Sequence[Message], config: GenerationConfig, server: Server, switch: Mapping[str, Any]
    ) -> Iterator[Chunk]:
        unmarked = [(message.role, _MARKERS.sub(rf"\g<0>{_ZERO_WIDTH_SPACE}", message.content)) for message in messages]
        request = {
            "model": self._model,
            "messages": [{"role": role, "content": content} for role, content in unmarked],
            "stream": True,
            "stream_options": {"include_usage": True},
            **_settings(config, server.kind, switch),
        }
        generation = Generation(AnswerText(reasoning=True), config)
        finish: FinishReason | None = None
        try:
            yield Chunk(stage="reading")
            with closing(_events(self._chat(request))) as events:
                for event in events:
                    yield from _read(event, generation) if event else (Chunk(),)
                    if event and event.choices and event.choices[0].finish_reason:
                        finish = "length" if event.choices[0].finish_reason == "length" else "stop"
        except Exception as error:
            translated = self._translated(error, server, begun=generation.tokens > 0)
            if switch and getattr(error, "status_code", 0) in (400, 422) and not isinstance(translated, InputError):
                raise _SwitchRefused from error
            raise translated from error
        if finish is None:
            yield from generation.text.flush()
            raise BackendError("openai_gone", "The server ended in the middle of its answer.", reason="no end")
        yield from generation.end(finish)

    def _open(self) -> Server:
        try:
            models = asyncio.run(self._models())
        except Exception as error:
            raise self._translated(error, Server()) from error
        by_name = {name: model for model in models for name in (model.get("id"), *(model.get("aliases") or ()))}
        if (model := by_name.get(self._model)) is None:
            names = ", ".join(sorted(str(model.get("id")) for model in models)[:10])
            message = f"{self._url} has no model {self._model!r}; it has {names or 'none'}."
            raise BackendError("openai_model", message, model=self._model)
        meta = model.get("meta") or {}
        length = model.get("max_model_len") or meta.get("n_ctx") or 0
        return Server(str(model.get("owned_by") or "").lower(), int(length))

    def _client(self, silence: float) -> AsyncOpenAI:
        """The library's client; close it after use. It never retries: the prompt may have been answered already."""
        from openai import AsyncOpenAI, Timeout

        timeout = Timeout(silence, connect=CONNECT_SECONDS)
        # The library requires a key; most local servers need none.
        return AsyncOpenAI(base_url=self._url, api_key=self._key or "none", timeout=timeout, max_retries=0)

    async def _models(self) -> list[Mapping[str, Any]]:
        async with self._client(LIST_SECONDS) as client:
            page = await client.models.list()
            return [model.model_dump() for model in page.data]

    async def _chat(self, request: Mapping[str, Any]) -> AsyncIterator[Any]:
        async with self._client(SILENCE_SECONDS) as client:
            stream: Any = await client.chat.completions.create(**request)
            async with stream:
                async for event in stream:
                    yield event

    def _translated(self, error: Exception, server: Server, begun: bool = False) -> ArenaError:
        """The library's error as one line that contains no key: InputError for a prompt that is too long."""
        import openai

        name, url = self.spec.name, self._url
        if isinstance(error, openai.APITimeoutError):
            return BackendError("openai_silent", f"{url} has not answered for too long.", model=name)
        if isinstance(error, openai.APIStatusError):
            return _refused(error, name, server)
        if isinstance(error, openai.APIConnectionError) and not begun:
            return BackendError("openai_away", f"{url} cannot be reached.", model=name)
        reason = _one_line(str(error) if isinstance(error, openai.APIError) else type(error).__name__)
        return BackendError("openai_gone", f"{url} ended in the middle of its answer ({reason}).", reason=reason)


def _events(request: AsyncIterator[Any]) -> Generator[Any]:
    """The events of one request; None is a keep-alive. Closing it ends the request. Raises what the library raises."""
    events: Events[Any] = Events()
    loop = asyncio.new_event_loop()

    async def forward() -> None:
        async for event in request:
            events.put(event)

    task = loop.create_task(forward())

    def run() -> None:
        try:
            loop.run_until_complete(task)
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

    def cancel() -> None:
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(task.cancel)

    with events.filled_by(run, cancel, "openai", CLOSE_SECONDS):
        yield from events


def _read(event: Any, generation: Generation) -> Iterator[Chunk]:
    # Only llama.cpp reports progress.
    if progress := getattr(event, "prompt_progress", None):
        yield Chunk(stage="reading", done=int(progress["processed"]), total=int(progress["total"]))
    for choice in event.choices[:1]:
        delta = choice.delta
        # Servers use two names for reasoning, and the library knows neither.
        reasoning = getattr(delta, "reasoning_content", None) or getattr(delta, "reasoning", None)
        if delta.content or reasoning:
            generation.count_token()
        if reasoning:
            generation.thinking_tokens = generation.tokens
            yield Chunk(reasoning=str(reasoning), usage=generation.usage)
        if delta.content:
            yield from generation.feed(delta.content)
    # The server's own count, which comes with the last event.
    if usage := getattr(event, "usage", None):
        details = getattr(usage, "prompt_tokens_details", None)
        generation.prompt_tokens, generation.tokens = usage.prompt_tokens, usage.completion_tokens
        generation.cached_tokens = getattr(details, "cached_tokens", None)


class _SwitchRefused(Exception):
    """The server refused a request that says whether to think."""


def _thinking_switch(config: GenerationConfig, kind: str, url: str) -> dict[str, Any]:
    """The fields that say whether to think, by the vendor or the kind of server; {} to say nothing."""
    if (thinks := config.thinks) is None:
        return {}
    host = f".{urlsplit(url).hostname}"
    if host.endswith(_GLM_HOSTS):
        return {"thinking": {"type": "enabled" if thinks else "disabled"}}
    if host.endswith(_QWEN_HOSTS):
        return {SWITCH: thinks, **({"thinking_budget": config.thinking} if thinks else {})}
    if kind == "library":  # Ollama, which thinks unless it is told not to
        return {} if thinks else {"reasoning_effort": "none"}
    return {"chat_template_kwargs": {SWITCH: thinks}}


def _settings(config: GenerationConfig, kind: str, switch: Mapping[str, Any]) -> dict[str, Any]:
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
        # Servers have one limit for the thinking and the answer.
        "max_tokens": config.max_new_tokens + (config.thinking or 0),
        "temperature": config.temperature,
        "top_p": config.top_p,
        "extra_body": {**extra, **switch},
    }
    return settings if config.seed is None else {**settings, "seed": config.seed}


def _refused(error: Any, name: str, server: Server) -> ArenaError:
    status, body = error.status_code, error.body if isinstance(error.body, dict) else {}
    reason = _one_line(str(body.get("message") or error.message))
    if status in (401, 403):
        message = f"The server of {name} requires a valid key: set {KEY}."
        return BackendError("openai_denied", message, model=name, name=KEY)
    if status in (400, 413, 422) and ("n_ctx" in body or _TOO_LONG.search(reason)):
        tokens, limit = int(body.get("n_prompt_tokens") or 0), int(body.get("n_ctx") or server.context_length)
        if tokens and limit:
            return too_long(name, tokens, limit)
        return InputError("openai_too_long", f"{name} does not accept the prompt: {reason}", model=name, reason=reason)
    if status == 429:
        return BackendError("openai_busy", f"{name}'s server is busy. Try again shortly.", model=name)
    return BackendError("backend_failed", f"The server of {name} refused: {reason}", reason=reason)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:200]
