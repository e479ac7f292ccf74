"""A transformers model in bfloat16 with random weights of a given shape."""

from __future__ import annotations

from typing import Any

from arena.errors import BackendError
from bench.weights.shapes import Shape

INSTALL = "pip install -r requirements-hf.txt"
# Random values that all weights repeat; a prime, so that no two rows begin at the same one.
POOL_VALUES = 4_000_037
# The standard deviation of a trained layer's weights is about this.
SPREAD = 0.02


def meta_model(shape: Shape) -> Any:
    """The library's model without memory for its weights. Raises BackendError if the library is missing."""
    try:
        import torch
        from transformers import GlmConfig, GlmForCausalLM, Qwen2Config, Qwen2ForCausalLM
    except ImportError as error:
        raise BackendError("bench_failed", f"{error.name} is missing; install it with: {INSTALL}") from error
    kind, cls = (Qwen2Config, Qwen2ForCausalLM) if shape.family == "qwen" else (GlmConfig, GlmForCausalLM)
    config = kind(**shape.config())
    config.dtype = torch.bfloat16
    with torch.device("meta"):
        return cls._from_config(config, dtype=torch.bfloat16, attn_implementation="sdpa")


def random_model(shape: Shape) -> Any:
    """The model with every weight copied from a small pool, which takes no longer than writing the memory."""
    model = meta_model(shape)
    import torch

    model.to_empty(device="cpu")
    # This table is not a weight, and on "meta" it was not computed.
    model.model.rotary_emb = type(model.model.rotary_emb)(model.config)
    pool = torch.randn(POOL_VALUES, generator=torch.Generator().manual_seed(1)).mul(SPREAD).to(torch.bfloat16)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "norm" in name:
                weight.fill_(1.0)
            else:
                for part in weight.view(-1).split(POOL_VALUES):
                    part.copy_(pool[: len(part)])
    return model.eval()
