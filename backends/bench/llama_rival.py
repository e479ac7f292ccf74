"""Measures llama.cpp as the installed wheel has it, on a GGUF file. Knows nothing of what is in the file.

As fast as the wheel can: prompts in batches of its own default size, where the app takes smaller ones so that Stop is
near. One conversation and many are two processes: the memory of many contexts is no part of what one takes.
"""

from __future__ import annotations

import secrets
import statistics
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

from arena.errors import BackendError
from backends.bench.child import run_module, serve
from backends.bench.figures import FirstToken, Plan, Progress, RivalFigures, Together, figures_from, plan_from
from backends.bench.random_ids import cores, random_ids
from backends.bench.shapes import Shape
from backends.memory.machine import process_bytes

# What many conversations at once are asked.
SHORT_PROMPT = 64


def measure_llama(shape: Shape, file: Path, plan: Plan, progress: Progress) -> RivalFigures:
    """Measures the file. Raises BackendError."""

    def run(conversations: Sequence[int]) -> RivalFigures:
        asked = asdict(replace(plan, conversations=tuple(conversations)))
        request = {"file": str(file.resolve()), "plan": asked, "model": shape.id, "layers": shape.layers}
        return figures_from(run_module(__name__, request, progress))

    alone = run(())
    if not plan.conversations:
        return alone
    return replace(alone, together=run(plan.conversations).together)


class _Llama:
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


def _measure(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """In the process of its own: one conversation after the other, or many at once, as the plan says."""
    plan, file = plan_from(request["plan"]), Path(request["file"])
    most = max(plan.conversations, default=1)
    began = time.perf_counter()
    progress(f"llama.cpp loads {file.name} for {most} at once ...")
    llama = _Llama(file, most, SHORT_PROMPT + plan.decode_tokens if plan.conversations else plan.longest)
    loaded = time.perf_counter() - began
    llama.times(random_ids(8, seed=0), 2)  # reads the weights once, so that the first figure is like the others
    speed = 0.0
    first: list[FirstToken] = []
    together: list[Together] = []
    if plan.conversations:
        together = [_together(llama, number, plan, progress) for number in plan.conversations]
    else:
        speed, first = _alone(llama, plan, progress)
    return RivalFigures(
        rival=f"llama.cpp Q4_0 (xllamacpp {version('xllamacpp')})",
        model=request["model"],
        layers=request["layers"],
        threads=cores(),
        weight_bytes=file.stat().st_size,
        tokens_per_second=speed,
        first_token=tuple(first),
        together=tuple(together),
        load_seconds=loaded,
        peak_bytes=process_bytes("VmHWM"),
    ).as_object()


def _alone(llama: _Llama, plan: Plan, progress: Progress) -> tuple[float, list[FirstToken]]:
    """Tokens a second after the shortest prompt, and the first token of each."""
    first = []
    for length in plan.prompt_lengths:
        progress(f"llama.cpp reads a prompt of {length} tokens ...")
        asked, answered = llama.times(random_ids(length, seed=length), 1)
        first.append(FirstToken(length, answered - asked))
    progress(f"llama.cpp writes {plan.decode_tokens} tokens ...")
    times = llama.times(random_ids(min(plan.prompt_lengths), seed=1), plan.decode_tokens)[1:]
    steps = [after - before for before, after in pairwise(times)]
    return 1 / statistics.median(steps), first


def _together(llama: _Llama, number: int, plan: Plan, progress: Progress) -> Together:
    """Tokens a second of all, from when the last of them has its first one."""
    progress(f"llama.cpp answers {number} at once ...")
    prompts = [random_ids(SHORT_PROMPT, seed=100 + index) for index in range(number)]
    with ThreadPoolExecutor(number) as pool:
        found = list(pool.map(lambda ids: llama.times(ids, plan.decode_tokens)[1:], prompts))
    begin, end = max(times[0] for times in found), max(times[-1] for times in found)
    tokens = sum(1 for times in found for moment in times if moment > begin)
    return Together(number, tokens / (end - begin))


if __name__ == "__main__":
    serve(_measure)
