"""Measures transformers in bf16 with random weights at a model's real shape. Knows no checkpoint and no quantization.

`generate` is left out: a plain loop over the library's own DynamicCache is what it does, without its book-keeping.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from arena.errors import BackendError
from backends.bench.child import run_module, serve
from backends.bench.figures import FirstToken, Plan, Progress, RivalFigures, figures_from, plan_from
from backends.bench.random_ids import cores, random_ids
from backends.bench.shapes import Shape, shape_from
from backends.memory.machine import available_bytes, process_bytes

INSTALL = "pip install -r requirements-hf.txt"
# Beside the weights: the libraries, the cache, and what the longest prompt needs on its way.
OVERHEAD_BYTES = 2_000_000_000
POOL_VALUES = 4_000_037
SPREAD = 0.02


def measure_transformers(shape: Shape, plan: Plan, progress: Progress) -> RivalFigures:
    """Measures the shape, one conversation at a time. Raises BackendError, at once where memory is short."""
    needed, free = 2 * shape.parameters + OVERHEAD_BYTES, available_bytes()
    if free is not None and needed > free:
        figures = f"{needed / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB is free"
        raise BackendError("bench_failed", f"{shape.name} in bf16 on transformers needs {figures}.")
    return figures_from(run_module(__name__, {"shape": asdict(shape), "plan": asdict(plan)}, progress))


def _measure(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """In the process of its own."""
    try:
        import torch
        import transformers
    except ImportError as error:
        raise BackendError("bench_failed", f"{error.name} is missing; install it with: {INSTALL}") from error
    shape, plan = shape_from(request["shape"]), plan_from(request["plan"])
    torch.set_num_threads(cores())
    began = time.perf_counter()
    progress(f"transformers gets {2 * shape.parameters / 1e9:.1f} GB of random weights for {shape.name} ...")
    model = _random_model(shape)
    loaded = time.perf_counter() - began
    with torch.no_grad():
        _step(model, random_ids(8, 0, shape.vocabulary), 2)  # what the library does once is no part of a figure
        first = []
        for length in plan.prompt_lengths:
            progress(f"transformers reads a prompt of {length} tokens ...")
            first.append(FirstToken(length, _step(model, random_ids(length, length, shape.vocabulary), 0)[0]))
        progress(f"transformers writes {plan.decode_tokens} tokens ...")
        prompt = random_ids(min(plan.prompt_lengths), 1, shape.vocabulary)
        seconds = _step(model, prompt, plan.decode_tokens)[1]
    return RivalFigures(
        rival=f"transformers {transformers.__version__} bf16",
        model=shape.id,
        layers=shape.layers,
        threads=cores(),
        weight_bytes=sum(weight.nbytes for weight in model.parameters()),
        tokens_per_second=1 / statistics.median(seconds),
        first_token=tuple(first),
        load_seconds=loaded,
        peak_bytes=process_bytes("VmHWM"),
    ).as_object()


def _random_model(shape: Shape) -> Any:
    """The library's own model; every weight is tiled from a small pool, which takes no longer than writing it."""
    import torch
    from transformers import GlmConfig, GlmForCausalLM, Qwen2Config, Qwen2ForCausalLM

    config, kind = (Qwen2Config, Qwen2ForCausalLM) if shape.family == "qwen" else (GlmConfig, GlmForCausalLM)
    made = config(**shape.config())
    made.dtype = torch.bfloat16
    with torch.device("meta"):
        model = kind._from_config(made, dtype=torch.bfloat16, attn_implementation="sdpa")
    model.to_empty(device="cpu")
    # Its table of angles is no weight and was computed on "meta", that is, not at all.
    model.model.rotary_emb = type(model.model.rotary_emb)(made)
    pool = torch.randn(POOL_VALUES, generator=torch.Generator().manual_seed(1)).mul(SPREAD).to(torch.bfloat16)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "norm" in name:
                weight.fill_(1.0)
            else:
                _tile(weight.view(-1), pool)
    return model.eval()


def _tile(flat: Any, pool: Any) -> None:
    whole = flat.numel() // pool.numel() * pool.numel()
    flat[:whole].view(-1, pool.numel()).copy_(pool)
    flat[whole:].copy_(pool[: flat.numel() - whole])


def _step(model: Any, ids: Sequence[int], tokens: int) -> tuple[float, list[float]]:
    """Seconds to the first token, and those of each of `tokens` after it."""
    import torch
    from transformers import DynamicCache

    cache = DynamicCache(config=model.config)
    began = time.perf_counter()
    token = _next(model, torch.tensor([ids]), cache)
    first = time.perf_counter() - began
    seconds = []
    for _ in range(tokens):
        began = time.perf_counter()
        token = _next(model, token, cache)
        seconds.append(time.perf_counter() - began)
    return first, seconds


def _next(model: Any, ids: Any, cache: Any) -> Any:
    logits = model(ids, past_key_values=cache, use_cache=True, logits_to_keep=1).logits
    return logits[:, -1:].argmax(-1)


if __name__ == "__main__":
    serve(_measure)
