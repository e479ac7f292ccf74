"""Runs llama.cpp in this process, by the xllamacpp wheel: token ids in, events out."""

from __future__ import annotations

import functools
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from arena.errors import BackendError
from arena.types import GenerationConfig, Message
from backends.llama import PREFILL_CHUNK, SLOTS
from backends.machine.memory import cpu_count
from backends.streaming.slots import Slots

HTTP_TIMEOUT_SECONDS = 60.0


class LlamaEngine:
    """A loaded GGUF file, shared by any number of conversations at a time."""

    def __init__(self, path: Path, context_length: int) -> None:
        self.slots = Slots(SLOTS)
        self._server, key = _start_server(path, context_length)
        self._http = _loopback_client(self._server, key)
        # Bound to the client, not to self: a reference cycle would keep the engine in memory after its last use.
        self.tokenize = functools.lru_cache(maxsize=4096)(functools.partial(_tokenize, self._http))
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

    def render(self, messages: Sequence[Message]) -> str:
        """The conversation as the file's chat template writes it, ready for the answer. Raises BackendError."""
        body = {"messages": [{"role": message.role, "content": message.content} for message in messages]}
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


def _start_server(path: Path, context_length: int) -> tuple[Any, str]:
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
    params.n_parallel = SLOTS
    params.n_ctx = SLOTS * context_length
    params.n_batch = params.n_ubatch = PREFILL_CHUNK
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
