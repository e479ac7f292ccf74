"""Models on an OpenAI-compatible server (vLLM, SGLang, llama.cpp, Ollama, hosted services) as a Backend.

The client is asynchronous: a task can be cancelled wherever it waits. Cancelling closes the connection, which tells the
server to stop generating. Only a request that the server has refused is repeated: others may have been answered.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from math import ceil
from typing import Any
from urllib.parse import urlsplit

from arena.errors import ArenaError, BackendError, ErrorInfo, InputError
from arena.generation_config import GenerationConfig
from arena.types import FINISH_WORDS, Chunk, Message, ModelSpec
from backends.openai.connection import KEY, key_in_environment, open_client, proxy_for, run_in_thread, unreachable
from backends.openai.events import AnswerReader, Event, EventReader, error_in
from backends.openai.fields import LIMIT, NEW_LIMIT, SETTING_OF, refused_fields, settings_fields
from backends.openai.refusals import UNAVAILABLE, Refusal, refusal_of, words_of
from backends.streaming.context import split_turns, without_turns
from backends.streaming.decode import AnswerText
from backends.streaming.generation import KEEP_ALIVE_SECONDS, Generation
from backends.streaming.loading import BackgroundLoad, LoadingBackend

log = logging.getLogger(__name__)
PREFIX = "openai:"
# Most servers treat text that looks like one of their markers as the marker.
_MARKERS = re.compile(r"<(?=\|)|<(?=/?(?:s|bos|eos|pad|unk|start_of_turn|end_of_turn)>)|\[(?=/?(?:INST|gMASK)\])")
_ZERO_WIDTH_SPACE = "\u200b"
# A server on a CPU may read a long prompt for minutes without sending anything.
SILENCE_SECONDS, LIST_SECONDS = 600.0, 15.0
# How long an ended answer waits for its usage and the end of the connection.
END_SECONDS = 5.0
# No model is faster: such an answer came at once, and its time says nothing of the first token.
MOST_TOKENS_PER_SECOND = 10_000
_FILTERED = re.compile("filter|sensitive|safety|refusal|censor|recitation|prohibited|blocklist")


@dataclass(frozen=True)
class Server:
    """Where the server answers, and its kind ("" is unknown)."""

    url: str
    kind: str = ""


def openai_spec(text: str) -> ModelSpec:
    """The model that `openai:BASE_URL#MODEL` names. Contacts no server. Raises InputError."""
    url, _, model = text.removeprefix(PREFIX).partition("#")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not model.strip():
        message = f"{text!r} is not openai:BASE_URL#MODEL, such as openai:http://127.0.0.1:8000/v1#qwen."
        raise InputError("openai_name", message)
    if parts.username or parts.password:
        raise InputError("openai_login", f"Leave the login out of the address; put a key into {KEY}.", name=KEY)
    # Often the whole address of a request is copied.
    path = re.sub(r"/(?:(?:chat/)?completions|models)$", "", parts.path.rstrip("/"))
    return ModelSpec(
        id=model,
        name=model,
        family="openai",
        source=f"{parts._replace(path=path).geturl()}#{model}",
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
        # The fields that the server refused in a request which it then answered without them.
        self._refused: frozenset[str] = frozenset()

    def stream(self, messages: Sequence[Message], config: GenerationConfig) -> Iterator[Chunk]:
        """Answers the conversation; see Backend.stream. Usage counts from the request."""
        server = yield from self._load.wait()
        system, turns = split_turns(messages)
        try:
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
        except BackendError as error:
            if error.code in UNAVAILABLE:
                self._load.fail(ErrorInfo(error.code, str(error), error.details))
            raise

    def check(self, messages: Sequence[Message]) -> None:
        """Does nothing: only the server can count tokens."""

    def _ask(self, messages: Sequence[Message], config: GenerationConfig, server: Server) -> Iterator[Chunk]:
        """The answer to one conversation. A busy server is asked again, and one that refuses fields without them."""
        unmarked = [(message.role, _MARKERS.sub(rf"\g<0>{_ZERO_WIDTH_SPACE}", message.content)) for message in messages]
        fields = settings_fields(config, server.kind, self._url)
        refused, tries = self._refused, 0
        while True:
            if settings := {SETTING_OF[name] for name in refused & fields.keys() & SETTING_OF.keys()} - {""}:
                yield Chunk(refused=tuple(sorted(settings)))
            request = {
                "model": self._model,
                "messages": [{"role": role, "content": content} for role, content in unmarked],
                "stream": True,
                **{name: value for name, value in fields.items() if name not in refused},
            }
            if LIMIT in refused:
                request[NEW_LIMIT] = fields[LIMIT]
            try:
                yield from self._request(request, config, server)
            except Refusal as refusal:
                error = self._translated(refusal, server.url)
                if error.code == "backend_failed" and (more := refused_fields(refusal, request)):
                    refused |= more
                elif (seconds := refusal.wait(tries)) is not None:
                    yield from _waiting(seconds)
                    tries += 1
                else:
                    raise error from refusal
            else:
                self._refused = refused
                return

    def _request(self, request: Mapping[str, Any], config: GenerationConfig, server: Server) -> Iterator[Chunk]:
        """One request. Raises Refusal if the server answers with an error."""
        import httpx

        generation = Generation(AnswerText(reasoning=True), config)
        source, answer, ended = EventReader(), AnswerReader(generation), 0.0
        try:
            yield Chunk(stage="reading")
            with closing(run_in_thread(self._chat(request, server.url, source))) as events:
                for event in events:
                    if event is not None and (error := error_in(event)):
                        raise refusal_of(error)
                    yield from (Chunk(),) if event is None else answer.read(event)
                    ended = ended or (time.monotonic() if answer.finish else 0.0)
                    if ended and time.monotonic() - ended > END_SECONDS:
                        break
        except (httpx.HTTPError, Refusal) as error:
            if not answer.has_text:
                raise error if isinstance(error, Refusal) else unreachable(error, self._url, self.spec.name) from error
            if not answer.finish:
                yield from generation.text.flush()
                raise self._broken_off(error) from error
        yield from self._end(generation, answer, source)

    def _end(self, generation: Generation, answer: AnswerReader, source: EventReader) -> Iterator[Chunk]:
        """The last chunks of an answer, or its error, by how the server says that it ended."""
        finish = answer.finish.lower() or ("stop" if source.done and answer.has_text else "")
        if (generation.usage.tokens_per_second or 0) > MOST_TOKENS_PER_SECOND:
            generation.first_token_seconds = None
        if finish in FINISH_WORDS and (answer.has_text or "call" not in finish):
            yield from generation.end(FINISH_WORDS[finish])
            return
        yield from generation.text.flush()
        name, reason = self.spec.name, answer.finish
        if _FILTERED.search(finish):
            message = f"The filter of {name}'s server cut the answer ({reason})."
            raise BackendError("openai_filtered", message, model=name, reason=reason)
        if finish:
            message = f"The server of {name} broke off its answer ({reason})."
            raise BackendError("openai_gone", message, reason=reason)
        words = answer.words or source.words
        if not answer.has_text:
            raise refusal_of(words or "no answer")
        raise self._broken_off(refusal_of(words or "no end"))

    def _open(self) -> Server:
        """What the server says of the model in its list. Many have no list, or leave models out that they do serve."""
        import httpx

        is_versioned = re.search(r"/v\d\w*$", urlsplit(self._url).path)
        urls = (self._url,) if is_versioned else (self._url, _joined(self._url, "/v1"))
        try:
            return asyncio.run(self._look_up(urls))
        except httpx.HTTPError as error:
            raise unreachable(error, self._url, self.spec.name) from error
        except Refusal as refusal:
            raise self._translated(refusal, self._url) from refusal

    async def _look_up(self, urls: Sequence[str]) -> Server:
        async with open_client(self._url, LIST_SECONDS) as client:
            for url in urls:
                response = await client.get(_joined(url, "/models"))
                if response.status_code == 401:
                    raise refusal_of(response.text, 401)
                if response.is_success and (entries := _entries(response.text)) is not None:
                    return self._server(url, entries)
            log.warning("%s has no list of models; %s is asked all the same.", self._url, self._model)
            for url in urls[: len(urls) - 1]:
                # An empty request is refused where there is a chat, and not found where there is none.
                if (await client.post(_joined(url, "/chat/completions"), json={})).status_code not in (404, 405):
                    return Server(url)
        return Server(urls[-1])

    def _server(self, url: str, entries: Sequence[Mapping[str, Any]]) -> Server:
        by_name = {
            name: entry
            for entry in entries
            for name in (entry.get("id"), entry.get("name"), *(entry.get("aliases") or ()))
            if isinstance(name, str)
        }
        model = by_name.get(self._model) or by_name.get(f"{self._model}:latest")
        kinds = {str(entry.get("owned_by") or "").lower() for entry in ([model] if model else entries)}
        if model is None:
            names = ", ".join(sorted(by_name)[:10]) or "none"
            log.warning("%s does not list %s, which is asked all the same. It lists: %s.", url, self._model, names)
        return Server(url, kinds.pop() if len(kinds) == 1 else "")

    async def _chat(self, request: Mapping[str, Any], url: str, source: EventReader) -> AsyncIterator[Event]:
        async with (
            open_client(url, SILENCE_SECONDS) as client,
            client.stream(
                "POST",
                _joined(url, "/chat/completions"),
                content=json.dumps(request).encode(),
                headers={"Content-Type": "application/json"},
            ) as response,
        ):
            if not response.is_success:
                await response.aread()
                raise refusal_of(response.text, response.status_code, response.headers)
            async for piece in response.aiter_bytes():
                for event in source.feed(piece):
                    yield event
                if source.done:
                    break
            for event in source.flush():
                yield event

    def _translated(self, refusal: Refusal, url: str) -> ArenaError:
        """The error to show. It contains no key, and names the proxy that may have answered in the server's place."""
        words, (proxy, variable) = refusal.words, proxy_for(url)
        if key := key_in_environment():
            words = words.replace(key, "***")
        if proxy and refusal.status in (502, 503, 504):
            words = f"{words} (through the proxy {urlsplit(proxy).hostname} in {variable})"
        return replace(refusal, words=words).as_error(self.spec.name, url)

    def _broken_off(self, error: Exception) -> BackendError:
        import httpx

        if isinstance(error, httpx.ReadTimeout):
            return unreachable(error, self._url, self.spec.name)
        reason = error.words if isinstance(error, Refusal) else words_of(str(error)) or type(error).__name__
        return BackendError("openai_gone", f"{self._url} ended in the middle of its answer ({reason}).", reason=reason)


def _joined(url: str, path: str) -> str:
    """An address below `url`, with its query."""
    parts = urlsplit(url)
    return parts._replace(path=parts.path.rstrip("/") + path).geturl()


def _entries(text: str) -> list[Mapping[str, Any]] | None:
    """The models in a list of any form; None if it is no list."""
    try:
        body = json.loads(text)
    except ValueError:
        return None
    data = body.get("data", body.get("models")) if isinstance(body, dict) else body
    if isinstance(data, list):
        return [entry if isinstance(entry, dict) else {"id": entry} for entry in data]
    return [] if isinstance(body, dict) and "data" in body else None


def _waiting(seconds: float) -> Iterator[Chunk]:
    """Waits, and says how many seconds are left."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        yield Chunk(stage="busy", total=ceil(left))
        time.sleep(min(left, KEEP_ALIVE_SECONDS))
