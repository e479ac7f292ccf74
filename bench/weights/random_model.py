"""transformers in bf16 with random weights of a model's real shape, to be timed. Knows no checkpoint and no text.

`generate` is left out: a plain loop over the library's own DynamicCache is what it does, without its book-keeping.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from arena.errors import BackendError
from bench.random_ids import cores
from bench.weights.shapes import Shape

INSTALL = "pip install -r requirements-hf.txt"
# Random values that all weights are tiled from; a prime, so that no row begins where the one above it does.
POOL_VALUES = 4_000_037
SPREAD = 0.02


def transformers_name() -> str:
    """What is measured, with its version."""
    import transformers

    return f"transformers {transformers.__version__} bf16"


def random_model(shape: Shape) -> Any:
    """The library's own model; every weight is tiled from a small pool, which takes no longer than writing it."""
    try:
        import torch
        from transformers import GlmConfig, GlmForCausalLM, Qwen2Config, Qwen2ForCausalLM
    except ImportError as error:
        raise BackendError("bench_failed", f"{error.name} is missing; install it with: {INSTALL}") from error
    torch.set_num_threads(cores())
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


def step(model: Any, ids: Sequence[int], tokens: int) -> tuple[float, list[float]]:
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
    import torch

    with torch.no_grad():
        logits = model(ids, past_key_values=cache, use_cache=True, logits_to_keep=1).logits
    return logits[:, -1:].argmax(-1)
