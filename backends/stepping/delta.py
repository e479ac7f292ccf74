"""Gated DeltaNet layers (Qwen3.5) for several conversations in one pass, each with a state of its own.

A layer keeps the last inputs of its convolution and a matrix for each head, whatever the length of the conversation.
"""

import weakref
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import softplus

from backends.stepping.cache import TokenCache
from backends.stepping.step import step_of

# The library's layers whose projections and states are those below.
_LAYERS = ("Qwen3_5GatedDeltaNet",)
_PROJECTIONS = ("qkv", "z", "b", "a")


def delta_layers(model: Any) -> list[Any]:
    """The layers of this kind."""
    return [module for module in model.modules() if type(module).__name__ in _LAYERS]


def with_delta_rows(model: Any) -> Any:
    """The same model, whose layers of this kind take several conversations."""
    for layer in delta_layers(model):
        if "forward" not in vars(layer):
            layer.forward = DeltaRows(layer)
    return model


class DeltaRows:
    """Replaces a layer's `forward`: projects all rows at once, and mixes the tokens of each conversation by itself."""

    def __init__(self, layer: Any) -> None:
        # Weak: a reference cycle would keep gigabytes mapped until the garbage collector runs.
        self._layer = weakref.ref(layer)

    def __call__(self, hidden_states: Tensor, cache_params: Any = None, **others: Any) -> Tensor:
        """hidden_states [1, rows, hidden] to the same shape, as the library calls it."""
        layer: Any = self._layer()
        step = step_of(cache_params, layer.layer_idx)
        if step is None:
            output: Tensor = type(layer).forward(layer, hidden_states, cache_params=cache_params, **others)
            return output
        projected = [getattr(layer, f"in_proj_{name}")(hidden_states)[0] for name in _PROJECTIONS]
        mixed = projected[1].new_zeros(projected[1].shape)
        used = sum(step.counts)
        mixed[:used] = self.mix(layer, [part[:used] for part in projected], step.caches, step.counts)
        return layer.out_proj(mixed[None])

    def mix(
        self, layer: Any, projected: Sequence[Tensor], caches: Sequence[TokenCache], counts: Sequence[int]
    ) -> Tensor:
        """What goes into the output projection, [tokens, values], from `projected` [tokens, ...] of all rows."""
        parts = zip(caches, *(part.split(list(counts)) for part in projected), strict=True)
        # Of copies: the last bits of torch's functions depend on the address.
        rows = [_mix_row(layer, state_of(cache, layer), *(part.clone() for part in own)) for cache, *own in parts]
        return torch.cat(rows)


def state_of(cache: TokenCache, layer: Any) -> tuple[Tensor, ...]:
    """The last inputs of the convolution [taps - 1, channels], and the memory [heads, key size, value size]."""
    memory = (layer.num_v_heads, layer.head_k_dim, layer.head_v_dim)
    return cache.state(layer.layer_idx, (layer.conv_kernel_size - 1, layer.conv_dim), memory)


def _mix_row(layer: Any, state: tuple[Tensor, ...], qkv: Tensor, z: Tensor, b: Tensor, a: Tensor) -> Tensor:
    """The tokens of one conversation, by the library's own functions."""
    library, count = import_module(type(layer).__module__), len(qkv)
    last, memory = state
    inputs = torch.cat([last.to(qkv.dtype), qkv])
    last.copy_(inputs[-len(last) :])
    taps = layer.conv1d.weight.squeeze(1)
    # The convolution puts zeros in front; what it gives for the inputs before this pass is left out.
    convolved = library.causal_conv1d_fn(inputs.T[None], taps, activation=layer.activation)[0, :, -count:].T
    q, k, v = convolved.split([layer.key_dim, layer.key_dim, layer.value_dim], 1)
    # Token by token, or by chunks, which takes less time for many tokens.
    by_token = count == 1
    rule = library.torch_recurrent_gated_delta_rule if by_token else library.torch_chunk_gated_delta_rule
    read, new = rule(
        q.reshape(1, count, -1, layer.head_k_dim),
        k.reshape(1, count, -1, layer.head_k_dim),
        v.reshape(1, count, -1, layer.head_v_dim),
        g=(-layer.A_log.float().exp() * softplus(a.float() + layer.dt_bias))[None],
        beta=b.sigmoid()[None],
        initial_state=memory[None],
        output_final_state=True,
        use_qk_l2norm_in_kernel=True,
    )
    memory.copy_(new[0])
    return layer.norm(read[0], z.view_as(read[0])).reshape(count, -1)
