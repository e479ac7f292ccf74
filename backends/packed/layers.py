"""Whole layers of packed models by the compiled kernel, where every conversation has one new token.

What lies between the products of one row, some forty small operations, costs as much as a fifth of them. All other
passes go through the library's own layer.
"""

from __future__ import annotations

import ctypes
import weakref
from typing import Any

import torch

from backends.packed.attention import UNIT
from backends.packed.kernels import BF16, Kernels
from backends.packed.linear import Linear4
from backends.packed.norm import RmsNorm
from backends.packed.structs import Layer, Weight, places_of
from backends.packed.weight_layout import BLOCK
from backends.stepping.batched import new_places

# The library's classes that compute exactly this, and whether neighbours of a head are turned together. Others have
# further norms (Qwen3, Glm4).
KNOWN = {"Qwen2DecoderLayer": False, "LlamaDecoderLayer": False, "GlmDecoderLayer": True}


class QuickLayer:
    """Stands in for a layer's `forward`."""

    def __init__(self, layer: Any, struct: Layer, kernels: Kernels) -> None:
        # Weakly: the layer holds this, and gigabytes would stay mapped until Python looks for circles.
        self._layer = weakref.ref(layer)
        self._index = layer.self_attn.layer_idx
        self._struct = struct
        self._kernels = kernels

    def __call__(
        self,
        hidden_states: torch.Tensor,
        *,
        past_key_values: Any = None,
        position_embeddings: tuple[torch.Tensor, torch.Tensor],
        **others: Any,
    ) -> torch.Tensor:
        """hidden_states [1, rows, hidden] bfloat16 to the same shape, as the library calls it."""
        turns, size = [part.contiguous() for part in position_embeddings], self._struct.size
        places = new_places(past_key_values, self._index)
        if places is None or any(part.dtype != BF16 or part.shape[-1] > size for part in turns):
            layer = self._layer()
            others.update(past_key_values=past_key_values, position_embeddings=position_embeddings)
            return type(layer).forward(layer, hidden_states, **others)  # type: ignore[union-attr]
        shape = (self._struct.kv_heads, size)
        for keys, values, _ in places:
            # The kernel goes by the keys' sizes alone.
            if keys.shape != values.shape or keys.stride() != values.stride() or (*keys.shape[::2],) != shape:
                raise ValueError("keys and values of these sizes are not computed here")
        told, held = places_of(places, *turns)
        found = self._kernels.layer4(self._struct, hidden_states[0].contiguous(), told)
        del held
        return found[None]


def with_quick_layers(model: Any, kernels: Kernels | None) -> Any:
    """Lets the kernel compute the layers of the known kinds; nothing where there are no kernels."""
    for layer in model.model.layers if kernels and model.config.hidden_act == "silu" else ():
        struct = _struct(layer) if type(layer).__name__ in KNOWN else None
        if struct is not None and kernels:
            layer.forward = QuickLayer(layer, struct, kernels)
    return model


def _struct(layer: Any) -> Layer | None:
    """What the kernel is told of it; None if its sizes are none of the kernel's."""
    own, mlp = layer.self_attn, layer.mlp
    first = [mlp.gate_up_proj] if hasattr(mlp, "gate_up_proj") else [mlp.gate_proj, mlp.up_proj]
    linears = [own.q_proj, own.k_proj, own.v_proj, own.o_proj, *first, mlp.down_proj]
    norms = (layer.input_layernorm, layer.post_attention_layernorm)
    if not all(type(linear) is Linear4 for linear in linears) or not all(type(norm) is RmsNorm for norm in norms):
        return None
    q, k, v, o = map(_weight, linears[:4])
    gate, up = map(_weight, first) if len(first) == 2 else _halves(first[0])
    down, size = _weight(mlp.down_proj), own.head_dim
    if not _fit((q, k, v), o, (gate, up), down, size):
        return None
    return Layer(
        (q, k, v),
        o,
        (gate, up),
        down,
        *(norm.weight.data_ptr() for norm in norms),
        *(q.columns, gate.out, q.out // size, k.out // size, size, KNOWN[type(layer).__name__]),
        norms[0].variance_epsilon,
        own.scaling,
    )


def _fit(qkv: tuple[Weight, ...], o: Weight, gate_up: tuple[Weight, ...], down: Weight, size: int) -> bool:
    """Whether the sizes go together, since the kernel believes them."""
    q, k, v = qkv
    return (
        all(weight.out % BLOCK == 0 for weight in (*qkv, o, *gate_up, down))
        and all((weight.columns, weight.group) == (q.columns, q.group) for weight in qkv)
        and all((weight.columns, weight.group) == (o.out, gate_up[0].group) for weight in gate_up)
        and (q.columns, q.out, gate_up[0].out) == (o.out, o.columns, gate_up[1].out)
        and (down.columns, down.out, k.out) == (gate_up[0].out, o.out, v.out)
        and size % UNIT == 0
        and q.out % size == k.out % size == 0
        and (q.out // size) % (k.out // size) == 0
    )


def _weight(linear: Linear4) -> Weight:
    packed, scales, bias = linear.parts
    return _told(packed, scales, bias, linear.out_features)


def _halves(linear: Linear4) -> tuple[Weight, Weight]:
    """One weight that holds two, the upper rows and the lower ones."""
    packed, scales, bias = linear.parts
    rows, blocks = linear.out_features // 2, linear.out_features // 2 // BLOCK
    biases = (None, None) if bias is None else (bias[:rows], bias[rows:])
    upper = _told(packed[:blocks], scales[:blocks], biases[0], rows)
    return upper, _told(packed[blocks:], scales[blocks:], biases[1], rows)


def _told(packed: torch.Tensor, scales: torch.Tensor, bias: torch.Tensor | None, rows: int) -> Weight:
    columns = packed.shape[1]
    at = None if bias is None else ctypes.c_void_p(bias.data_ptr())
    return Weight(packed.data_ptr(), scales.data_ptr(), at, rows, columns, columns // scales.shape[1])
