"""llama.cpp as the installed wheel has it, to be timed. Knows no text, no stop and no other conversation's prompt.

As fast as the wheel can: prompts in batches of its own default size, where the app takes smaller ones so that Stop is
near.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from arena.errors import BackendError
from bench.random_ids import cores


def wheel_name() -> str:
    """What is measured, with its version."""
    return f"llama.cpp Q4_0 (xllamacpp {version('xllamacpp')})"


class LlamaWheel:
    """The wheel's server in this process with room for so many conversations."""

    def __init__(self, file: Path, conversations: int, positions: int) -> None:
        import xllamacpp

        params = xllamacpp.CommonParams()
        params.model.path = str(file)
        # It listens whether it is wanted or not: on loopback alone, behind a key that nobody has.
        params.hostnames, params.port, params.ui = ["127.0.0.1"], 0, False
        params.api_keys = [secrets.token_urlsafe(32)]
        params.n_parallel = conversations
        # Each conversation's share is rounded up, so that the last token of the longest still has a place.
        params.n_ctx = conversations * (positions + 256)
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = cores()
        params.n_gpu_layers = 0
        params.fit_params = False
        params.cache_ram_mib = 0
        params.verbosity = -1
        try:
            self._server = xllamacpp.Server(params)
        except RuntimeError as error:
            raise BackendError("bench_failed", f"llama.cpp does not load {file.name}: {error}") from error

    def times(self, ids: Sequence[int], tokens: int) -> list[float]:
        """Answers with so many tokens; the time at which the prompt was given, then that of each token."""
        request = {
            "prompt": list(ids),
            "n_predict": tokens,
            "ignore_eos": True,
            "temperature": 0.0,
            "cache_prompt": False,
            "stream": True,
        }
        seen = [time.perf_counter()]
        errors: list[str] = []

        def on_event(event: Mapping[str, Any]) -> bool:
            if "error" in event:
                errors.append(str(event["error"].get("message", event["error"])))
            elif any(choice["text"] for choice in event.get("choices", ())):
                seen.append(time.perf_counter())
            return False

        self._server.handle_completions(request, on_event)
        if errors or len(seen) != tokens + 1:
            reason = errors[0] if errors else f"{len(seen) - 1} tokens came instead of {tokens}"
            raise BackendError("bench_failed", f"llama.cpp failed: {reason}")
        return seen
