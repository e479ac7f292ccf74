"""Computes attention, norms and whole decoder layers of packed models by the compiled kernels.

Whole layers and attention are for steps in which every conversation has one new token. There some forty small
operations between the products of a layer take up to a fifth of the time. All other passes use the library's layers.
"""

import ctypes
import weakref
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from backends.packed.kernels import BF16, HEAD, TAPS, Delta, Kernels, Layer, Weight, places_of
from backends.packed.linear import Linear4
from backends.packed.scheme import BLOCK
from backends.stepping.cache import TokenCache
from backends.stepping.delta import DeltaRows, delta_layers, state_of
from backends.stepping.step import new_places

# The attention kernel takes this many numbers of a head at a time.
UNIT = 64
# The library's layers that compute exactly what the kernel does, and whether their rotary embedding turns neighbouring
# numbers of a head together. Qwen3's and Glm4's have further norms.
_LAYERS = {"Qwen2DecoderLayer": False, "LlamaDecoderLayer": False, "GlmDecoderLayer": True}
# The library's norms that compute exactly what the kernel does, and those that add 1 to the weight in 32 bits.
_NORMS = ("Qwen2RMSNorm", "Qwen3RMSNorm", "GlmRMSNorm", "Glm4RMSNorm", "LlamaRMSNorm")
_CENTRED_NORMS = ("Qwen3_5RMSNorm",)


def decode_attention(
    kernels: Kernels, queries: Tensor, parts: Sequence[tuple[Tensor, Tensor]], scaling: float
) -> Tensor:
    """The attention of a step, see `stepping.batched.Rows`."""
    rows = queries[0].transpose(0, 1).contiguous()
    keys, values = zip(*parts, strict=True)
    for key, value in parts:
        # The kernel trusts the keys' sizes; with other values it would read past their end.
        if key.shape != value.shape or key.stride() != value.stride() or key.shape[2] != queries.shape[3]:
            raise ValueError("keys and values differ in size")
        if queries.shape[1] % key.shape[0] or key.shape[2] % UNIT:
            raise ValueError("heads of this number or size are not supported")
    return kernels.attend(rows, keys, values, scaling)[None]


class RmsNorm(nn.Module):  # type: ignore[misc]
    """RMS norm over the last dimension, in bfloat16: one call instead of eight operations."""

    def __init__(self, weight: Tensor, eps: float, kernels: Kernels) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.variance_epsilon = eps
        self._kernels = kernels

    def forward(self, x: Tensor) -> Tensor:
        """x [..., size] bfloat16 to the same shape."""
        return self._kernels.rms_norm(x.contiguous(), self.weight, self.variance_epsilon)


class QuickLayer:
    """Replaces a layer's `forward`."""

    def __init__(self, layer: Any, struct: Layer, kernels: Kernels) -> None:
        # Weak: a reference cycle would keep gigabytes mapped until the garbage collector runs.
        self._layer = weakref.ref(layer)
        self._index = layer.self_attn.layer_idx
        self._struct = struct
        self._kernels = kernels

    def __call__(
        self,
        hidden_states: Tensor,
        *,
        past_key_values: Any = None,
        position_embeddings: tuple[Tensor, Tensor],
        **others: Any,
    ) -> Tensor:
        """hidden_states [1, rows, hidden] bfloat16 to the same shape, as the library calls it."""
        angles, size = [part.contiguous() for part in position_embeddings], self._struct.size
        places = new_places(past_key_values, self._index)
        if places is None or any(part.dtype != BF16 or part.shape[-1] > size for part in angles):
            layer = self._layer()
            others.update(past_key_values=past_key_values, position_embeddings=position_embeddings)
            return type(layer).forward(layer, hidden_states, **others)  # type: ignore[union-attr]
        shape = (self._struct.kv_heads, size)
        for keys, values, _ in places:
            # The kernel trusts the keys' sizes.
            if keys.shape != values.shape or keys.stride() != values.stride() or (*keys.shape[::2],) != shape:
                raise ValueError("keys and values of these sizes are not supported")
        struct, arrays = places_of(places, *angles)
        output = self._kernels.layer4(self._struct, hidden_states[0].contiguous(), struct)
        # `struct` holds addresses of `arrays`: they must live until here.
        del arrays
        return output[None]


class QuickDelta(DeltaRows):
    """Mixes the tokens of all conversations by the kernel, which lays out the memory of a head in its own way."""

    def __init__(self, layer: Any, kernels: Kernels) -> None:
        super().__init__(layer)
        parts = layer.conv1d.weight[:, 0].T, layer.A_log.float().exp(), layer.dt_bias, layer.norm.weight
        # The structure holds their addresses.
        self._parts = [part.float().contiguous() for part in parts]
        heads = layer.num_k_heads, layer.num_v_heads
        self._struct = Delta(*(part.data_ptr() for part in self._parts), *heads, layer.layer_norm_epsilon)
        self._kernels = kernels

    def mix(
        self, layer: Any, projected: Sequence[Tensor], caches: Sequence[TokenCache], counts: Sequence[int]
    ) -> Tensor:
        """See DeltaRows; bitwise the same wherever a prompt is cut."""
        return self._kernels.delta(self._struct, [state_of(cache, layer) for cache in caches], counts, projected)


def with_quick_deltas(model: Any, kernels: Kernels) -> Any:
    """The same model, whose Gated DeltaNet layers the kernel computes where it supports their sizes."""
    for layer in delta_layers(model):
        sizes = (layer.head_k_dim, layer.head_v_dim, layer.conv_kernel_size, layer.activation)
        if sizes == (HEAD, HEAD, TAPS, "silu") and layer.num_v_heads % layer.num_k_heads == 0:
            layer.forward = QuickDelta(layer, kernels)
    return model


def with_quick_norms(model: Any, kernels: Kernels) -> Any:
    """The same model with the supported norms replaced."""
    for place, module in list(model.named_modules()):
        if type(module).__name__ in _NORMS:
            model.set_submodule(place, RmsNorm(module.weight.data, module.variance_epsilon, kernels))
        elif type(module).__name__ in _CENTRED_NORMS:
            model.set_submodule(place, RmsNorm(1 + module.weight.data.float(), module.eps, kernels))
    return model


def with_quick_layers(model: Any, kernels: Kernels) -> Any:
    """The same model, whose supported layers the kernel computes."""
    for layer in model.model.layers if getattr(model.config, "hidden_act", "") == "silu" else ():
        if type(layer).__name__ in _LAYERS and (struct := _struct(layer)):
            layer.forward = QuickLayer(layer, struct, kernels)
    return model


def _struct(layer: Any) -> Layer | None:
    """The kernel's description of a layer; None if the kernel does not support its sizes."""
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
        *(q.columns, gate.out, q.out // size, k.out // size, size, _LAYERS[type(layer).__name__]),
        norms[0].variance_epsilon,
        own.scaling,
    )


def _fit(qkv: tuple[Weight, ...], o: Weight, gate_up: tuple[Weight, ...], down: Weight, size: int) -> bool:
    """Whether the sizes agree, since the kernel does not check them."""
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
    return _described(*linear.parts, linear.out_features)


def _halves(linear: Linear4) -> tuple[Weight, Weight]:
    """The upper and the lower rows of a weight that holds two."""
    packed, scales, bias = linear.parts
    rows, blocks = linear.out_features // 2, linear.out_features // 2 // BLOCK
    biases = (None, None) if bias is None else (bias[:rows], bias[rows:])
    upper = _described(packed[:blocks], scales[:blocks], biases[0], rows)
    return upper, _described(packed[blocks:], scales[blocks:], biases[1], rows)


def _described(packed: Tensor, scales: Tensor, bias: Tensor | None, rows: int) -> Weight:
    columns = packed.shape[1]
    at = None if bias is None else ctypes.c_void_p(bias.data_ptr())
    return Weight(packed.data_ptr(), scales.data_ptr(), at, rows, columns, columns // scales.shape[1])
