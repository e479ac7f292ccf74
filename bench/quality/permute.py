"""Putting a model's channels in another order without changing what it computes. Knows no rounding and no files.

For a file whose weights were already rounded in groups of neighbours: in another order, other weights share a group.
"""

from __future__ import annotations

from typing import Any

import torch


def permute(model: Any, seed: int) -> None:
    """Shuffle what may be shuffled in a Llama: the residual stream, each MLP's own channels, values within a head."""
    random = torch.Generator().manual_seed(seed)
    stream = torch.randperm(model.config.hidden_size, generator=random)
    with torch.inference_mode():
        # The head is the same parameter where it is tied to the embedding, else it has an order of its own to learn.
        for weight in {id(w): w for w in (model.model.embed_tokens.weight, model.lm_head.weight)}.values():
            weight.copy_(weight[:, stream])
        model.model.norm.weight.copy_(model.model.norm.weight[stream])
        for layer in model.model.layers:
            _stream(layer, stream)
            _inner(layer.mlp, torch.randperm(model.config.intermediate_size, generator=random))
            _values(layer.self_attn, model.config, random)


def _stream(layer: Any, order: torch.Tensor) -> None:
    """What reads from the residual stream, and what writes to it."""
    for norm in (layer.input_layernorm, layer.post_attention_layernorm):
        norm.weight.copy_(norm.weight[order])
    attention, mlp = layer.self_attn, layer.mlp
    for reader in (attention.q_proj, attention.k_proj, attention.v_proj, mlp.gate_proj, mlp.up_proj):
        reader.weight.copy_(reader.weight[:, order])
    for writer in (attention.o_proj, mlp.down_proj):
        writer.weight.copy_(writer.weight[order])


def _inner(mlp: Any, order: torch.Tensor) -> None:
    mlp.gate_proj.weight.copy_(mlp.gate_proj.weight[order])
    mlp.up_proj.weight.copy_(mlp.up_proj.weight[order])
    mlp.down_proj.weight.copy_(mlp.down_proj.weight[:, order])


def _values(attention: Any, config: Any, random: torch.Generator) -> None:
    """Queries and keys stay: which of theirs are turned together is fixed by their place."""
    size = attention.head_dim
    orders = [torch.randperm(size, generator=random) for _ in range(config.num_key_value_heads)]
    per_value = config.num_attention_heads // config.num_key_value_heads
    values = torch.cat([head * size + order for head, order in enumerate(orders)])
    outputs = torch.cat([head * size + orders[head // per_value] for head in range(config.num_attention_heads)])
    attention.v_proj.weight.copy_(attention.v_proj.weight[values])
    attention.o_proj.weight.copy_(attention.o_proj.weight[:, outputs])
