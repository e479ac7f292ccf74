"""GGUF files on llama.cpp, in this process by the xllamacpp wheel, as a Backend."""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from itertools import chain
from pathlib import Path
from typing import Any

from arena.errors import BackendError, InputError
from arena.generation_config import CONCLUSION, SWITCH, THINK_OPEN, GenerationConfig
from arena.types import Chunk, FinishReason, Message, ModelSpec
from backends.folder.checkpoint import refusal
from backends.folder.contents import check_sha256
from backends.folder.gguf import model_file
from backends.machine.memory import cpu_count
from backends.streaming.context import Fitted, rendered_parts, split_cut
from backends.streaming.decode import AnswerText
from backends.streaming.generation import Events, Generation, Slots, failed
from backends.streaming.loading import LocalBackend

# Conversations in one step, each with a context of its own; more wait in a queue.
SLOTS = 4
# A prompt is read in chunks of this many tokens, so that Stop and other conversations wait for one chunk at most.
PREFILL_CHUNK = 128
HTTP_TIMEOUT_SECONDS = 60.0
_ROLE_MARK = re.compile(r"<\|[A-Za-z_]+\|>")


class LlamaCppBackend(LocalBackend["LlamaEngine"]):
    """A model on an engine that it may share with others."""

    def _count_tokens(self, engine: LlamaEngine, thinks: bool | None, messages: Sequence[Message]) -> int:
        return len(prompt_ids(engine, messages, thinks))

    def _answer(self, engine: LlamaEngine, fitted: Fitted, config: GenerationConfig) -> Generator[Chunk]:
        (before, cut), thinks = split_cut(fitted.messages), config.thinks
        ids = prompt_ids(engine, fitted.messages, thinks)
        # An answer that has begun has no more reasoning before it.
        reasoning = THINK_OPEN in engine.template and not cut.content
        thinking = reasoning and (bool(cut.reasoning) or _opens_thinking(engine, before, thinks))
        text = AnswerText(stop_strings(engine), reasoning=reasoning, thinking=thinking, cut_loops=self.spec.stand_in)
        generation = Generation(text, config, len(ids))
        whole = replace(config, max_new_tokens=config.max_new_tokens + (config.thinking or 0))
        thoughts, finish = yield from _written(engine, ids, whole, generation)
        if generation.must_conclude:
            # The library's events have no ids: the thoughts are tokenized again.
            ids = prompt_ids(engine, [*before, Message("assistant", "", cut.reasoning + thoughts)], thinks)
            yield from generation.feed(CONCLUSION)
            _, finish = yield from _written(engine, [*ids, *engine.tokenize(CONCLUSION, True)], config, generation)
        yield from generation.end(finish)


def _written(
    engine: LlamaEngine, ids: Sequence[int], config: GenerationConfig, generation: Generation
) -> Generator[Chunk, None, tuple[str, FinishReason]]:
    """Passes on what the library generates from `ids` until it ends, the answer is full or its thinking is.

    Returns the new thoughts and why it ended.
    """
    finish: FinishReason = "stop"
    thoughts, before = "", generation.tokens
    events: Events[dict[str, Any]] = Events()
    stop = threading.Event()

    def on_event(event: dict[str, Any]) -> bool:
        events.put(event)
        return stop.is_set()

    def run() -> None:
        try:
            engine.complete(ids, config, on_event)
        except Exception as error:
            raise failed("llama.cpp", str(error)) from error

    # The slot is free only when the library has stopped: a token or a prefill chunk later.
    with events.filled_by(run, stop.set, "llama.cpp"):
        yield Chunk() if before else Chunk(stage="reading", total=len(ids))
        for event in events:
            for chunk in _read(event or {}, generation, before):
                thoughts += chunk.reasoning
                yield chunk
            if event and event.get("choices") and (reason := event["choices"][0]["finish_reason"]):
                finish = "length" if reason == "length" else "stop"
            elif generation.must_conclude or (generation.left <= 0 and config.thinking):
                finish = "length"
                break
            if generation.text.stopped:
                finish = "stop"
                break
    return thoughts, finish


def _read(event: dict[str, Any], generation: Generation, before: int) -> Iterator[Chunk]:
    """The chunks of one of the library's events, whose counts begin after `before` tokens. Raises BackendError."""
    if "error" in event:
        raise failed("llama.cpp", str(event["error"].get("message", event["error"])))
    if progress := event.get("prompt_progress"):
        yield Chunk() if before else Chunk(stage="reading", done=progress["processed"], total=progress["total"])
    elif choices := event.get("choices"):
        if choices[0]["finish_reason"]:
            generation.tokens = before + event.get("usage", {}).get("completion_tokens", generation.tokens - before)
        else:
            generation.count_token()
        yield from generation.feed(choices[0]["text"])
    else:
        yield Chunk()


def load_engine(spec: ModelSpec) -> LlamaEngine:
    """Loads the model's file; one with a sha256 in the catalogue must match it. Raises InputError or BackendError."""
    path = model_file(spec)
    if spec.revision.startswith("sha256:"):
        check_sha256(path, spec.revision.removeprefix("sha256:"), "install it again")
    engine = LlamaEngine(path, spec.context_length)
    try:
        prompt_ids(engine, [Message("user", "Hello"), Message("assistant", "Hello"), Message("user", "Hello")])
    except InputError as error:
        raise refusal(path.name, "its chat template changes what messages say") from error
    return engine


def prompt_ids(engine: LlamaEngine, messages: Sequence[Message], thinks: bool | None = None) -> list[int]:
    """The conversation as token ids, built from parts: text that people wrote never becomes a control token.

    A last message that is an answer, or the thinking before one, follows as it is, to be continued.
    """
    messages, cut = split_cut(messages)
    tokens = [
        engine.tokenize(text, False) if is_written else engine.tokenize(text, True, index == 0)
        for index, (text, is_written) in enumerate(rendered_parts(messages, partial(engine.render, thinks=thinks)))
        if text or index == 0
    ]
    ids = list(chain.from_iterable(tokens))
    # The template and the file may both add the start token: only one is meant.
    ids = ids[1:] if len(ids) > 1 and ids[0] == ids[1] else ids
    if cut.reasoning:
        ids += () if _opens_thinking(engine, messages, thinks) else engine.tokenize(THINK_OPEN, True)
        ids += engine.tokenize(cut.reasoning, False)
        ids += engine.tokenize(CONCLUSION, True) if cut.content else ()
    return [*ids, *(engine.tokenize(cut.content, False) if cut.content else ())]


def _opens_thinking(engine: LlamaEngine, messages: Sequence[Message], thinks: bool | None) -> bool:
    """Whether the prompt itself opens the <think> mark."""
    return engine.render(messages, thinks).rstrip().endswith(THINK_OPEN)


def stop_strings(engine: LlamaEngine) -> tuple[str, ...]:
    """The turn marks of the chat template that are no control tokens of the file, so that only their text ends a turn.

    Text that looks like a control token is what the answer is about.
    """
    return tuple(
        sorted(mark for mark in set(_ROLE_MARK.findall(engine.template)) if len(engine.tokenize(mark, True)) > 1)
    )


class LlamaEngine:
    """A loaded GGUF file, shared by any number of conversations at a time."""

    def __init__(self, path: Path, context_length: int) -> None:
        self.slots = Slots(SLOTS)
        self._server, key = start_server(path, context_length, SLOTS, PREFILL_CHUNK)
        self._http = _loopback_client(self._server, key)
        # Bound to the client, not to self: a reference cycle would keep the engine in memory after its last use.
        self.tokenize = lru_cache(maxsize=4096)(partial(_tokenize, self._http))
        self.template: str = _ask(self._http, "GET", "/props").get("chat_template", "")

    def complete(self, ids: Sequence[int], config: GenerationConfig, on_event: Callable[[Any], bool]) -> None:
        """Generates from `ids`; blocks until the end. `on_event` gets each of the library's events and returns True to
        stop; an error is an event with the key `error`."""
        request = {
            "prompt": list(ids),
            "n_predict": config.max_new_tokens,
            "temperature": config.temperature,
            "top_p": config.top_p,
            "top_k": config.top_k,
            "min_p": 0.0,  # the library's default is 0.05
            "repeat_penalty": config.repetition_penalty,
            "cache_prompt": True,
            "stream": True,
            "return_progress": True,
            "stream_options": {"include_usage": True},
        }
        if config.seed is not None:
            request["seed"] = config.seed
        self._server.handle_completions(request, on_event)

    def render(self, messages: Sequence[Message], thinks: bool | None = None) -> str:
        """The conversation as the file's chat template writes it, ready for the answer. Raises BackendError."""
        body: dict[str, Any] = {"messages": [{"role": each.role, "content": each.content} for each in messages]}
        if thinks is not None:
            body["chat_template_kwargs"] = {SWITCH: thinks}
        return str(_ask(self._http, "POST", "/apply-template", body)["prompt"])


def _tokenize(http: Any, text: str, markers: bool, start: bool = False) -> tuple[int, ...]:
    """Token ids of `text`. Without `markers`, text that looks like a control token is ordinary text."""
    body = {"content": text, "add_special": start, "parse_special": markers}
    return tuple(_ask(http, "POST", "/tokenize", body)["tokens"])


def _ask(http: Any, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    import httpx

    try:
        response = http.request(method, path, json=body)
    except httpx.HTTPError as error:
        reason = str(error) or type(error).__name__
        raise BackendError("backend_failed", f"llama.cpp does not answer: {reason}", reason=reason) from error
    answer: dict[str, Any] = response.json()
    if response.is_error:
        reason = str(answer.get("error", {}).get("message", response.status_code))
        raise BackendError("backend_failed", f"llama.cpp refused the request: {reason}", reason=reason)
    return answer


def start_server(path: Path, context_length: int, slots: int, batch: int | None = None) -> tuple[Any, str]:
    """The library's server for `slots` conversations, and its key. Raises BackendError.

    A prompt is read in batches of `batch` tokens; None keeps the library's default.
    """
    import xllamacpp

    key = secrets.token_urlsafe(32)
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    # The library's server always listens: on loopback only, behind a random key.
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [key]
    params.ui = False
    params.endpoint_slots = False
    params.n_parallel = slots
    params.n_ctx = slots * context_length
    if batch:
        params.n_batch = params.n_ubatch = batch
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = cpu_count()
    params.n_gpu_layers = 0
    params.fit_params = False
    params.cache_ram_mib = 0
    params.verbosity = -1
    try:
        return xllamacpp.Server(params), key
    except RuntimeError as error:
        raise BackendError(
            "model_damaged",
            f"{path.name} cannot be loaded: the file is damaged or not supported by llama.cpp.",
            path=path.name,
        ) from error


def _loopback_client(server: Any, key: str) -> Any:
    import httpx

    # A proxy from the environment must not see requests to this process.
    return httpx.Client(
        base_url=server.listening_address,
        headers={"Authorization": f"Bearer {key}"},
        timeout=HTTP_TIMEOUT_SECONDS,
        trust_env=False,
    )
