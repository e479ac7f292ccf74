"""Computes attention, norms and whole decoder layers of packed models by the compiled kernels.

Whole layers and attention are for steps in which every conversation has one new token. There some forty small
operations between the products of a layer take up to a fifth of the time. All other passes use the library's layers.
"""

import ctypes
import weakref
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from backends.packed.kernels import BF16, Kernels
from backends.packed.linear import Linear4, Linear8
from backends.packed.scheme import BLOCK, CHUNK, Packed4
from backends.packed.structures import HEAD, TAPS, Common, Delta, Layer, StateLayer, Weight, places_of
from backends.stepping.cache import TokenCache
from backends.stepping.delta import DeltaRows, delta_layers, state_of
from backends.stepping.step import new_places, step_of

# The attention kernel takes this many numbers of a head at a time.
UNIT = 64
# The library's layers that compute exactly what the kernel does, and whether their rotary embedding turns neighbouring
# numbers of a head together. In some, a gate of as many rows follows each query.
_LAYERS = {
    "Qwen2DecoderLayer": False,
    "Qwen3DecoderLayer": False,
    "Qwen3_5DecoderLayer": False,
    "LlamaDecoderLayer": False,
    "GlmDecoderLayer": True,
    "Glm4DecoderLayer": True,
}
_GATED = ("Qwen3_5DecoderLayer",)
# The norms of what enters and leaves attention and the feed-forward part, in the kernel's order. Only Glm4 has the last
# two, and names the second, which comes before the feed-forward part, as all others do.
_LAYER_NORMS = ("input_layernorm", "post_attention_layernorm", "post_self_attn_layernorm", "post_mlp_layernorm")
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


class QuickStateLayer:
    """Replaces the `forward` of a whole layer with states."""

    def __init__(self, layer: Any, struct: StateLayer, kernels: Kernels) -> None:
        # Weak, as above.
        self._layer = weakref.ref(layer)
        self._struct = struct
        self._kernels = kernels

    def __call__(self, hidden_states: Tensor, *, past_key_values: Any = None, **others: Any) -> Tensor:
        """hidden_states [1, rows, hidden] bfloat16 to the same shape, as the library calls it."""
        layer: Any = self._layer()
        mixer = layer.linear_attn
        step = step_of(past_key_values, mixer.layer_idx)
        if step is None or any(count != 1 for count in step.counts) or len(step.counts) != hidden_states.shape[1]:
            output: Tensor = type(layer).forward(layer, hidden_states, past_key_values=past_key_values, **others)
            return output
        states = [state_of(cache, mixer) for cache in step.caches]
        return self._kernels.state_layer4(self._struct, hidden_states[0].contiguous(), states, step.counts)[None]


class QuickDelta(DeltaRows):
    """Mixes the tokens of all conversations by the kernel, which lays out the memory of a head in its own way."""

    def __init__(self, layer: Any, kernels: Kernels) -> None:
        super().__init__(layer)
        parts = layer.conv1d.weight[:, 0].T, layer.A_log.float().exp(), layer.dt_bias, layer.norm.weight
        # The structure holds their addresses.
        self._parts = [part.float().contiguous() for part in parts]
        heads = layer.num_k_heads, layer.num_v_heads
        self.struct = Delta(*(part.data_ptr() for part in self._parts), *heads, layer.layer_norm_epsilon)
        self._kernels = kernels

    def mix(
        self, layer: Any, projected: Sequence[Tensor], caches: Sequence[TokenCache], counts: Sequence[int]
    ) -> Tensor:
        """See DeltaRows; bitwise the same wherever a prompt is cut."""
        return self._kernels.delta(self.struct, [state_of(cache, layer) for cache in caches], counts, projected)


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
        if type(layer).__name__ not in _LAYERS:
            continue
        if not hasattr(layer, "linear_attn"):
            if struct := _struct(layer):
                layer.forward = QuickLayer(layer, struct, kernels)
        elif state_struct := _state_struct(layer):
            layer.forward = QuickStateLayer(layer, state_struct, kernels)
    return model


def _struct(layer: Any) -> Layer | None:
    """The kernel's description of a layer with attention; None if the kernel does not support its sizes."""
    own = layer.self_attn
    common, linears = _common(layer, own.o_proj), [own.q_proj, own.k_proj, own.v_proj]
    norms = [getattr(own, name, None) for name in ("q_norm", "k_norm")]
    if common is None or not all(type(linear) is Linear4 for linear in linears):
        return None
    if len({norm is None for norm in norms}) > 1 or not _agree([*norms, layer.input_layernorm]):
        return None
    q, k, v = map(_weight, linears)
    size, gated = own.head_dim, type(layer).__name__ in _GATED
    heads, kv_heads = common.out.columns // size, k.out // size
    # The kernel does not check that the sizes agree.
    fits = (
        all(weight.out % BLOCK == 0 for weight in (q, k, v))
        and all((weight.columns, weight.group) == (common.hidden, q.group) for weight in (q, k, v))
        and (q.out, common.out.columns, v.out) == (heads * size * (1 + gated), heads * size, k.out)
        and size % UNIT == 0
        and k.out % size == 0
        and heads % kv_heads == 0
    )
    if not fits:
        return None
    sizes = heads, kv_heads, size, _LAYERS[type(layer).__name__], gated
    return Layer(common, (q, k, v), *map(_address, norms), *sizes, own.scaling)


def _state_struct(layer: Any) -> StateLayer | None:
    """The same for a layer with states."""
    own = layer.linear_attn
    delta = vars(own).get("forward")
    common, eights = _common(layer, own.out_proj), [own.in_proj_b, own.in_proj_a]
    fours = [own.in_proj_qkv, own.in_proj_z]
    kinds = [type(linear) for linear in (*fours, *eights)]
    if common is None or kinds != [Linear4, Linear4, Linear8, Linear8] or not isinstance(delta, QuickDelta):
        return None
    qkv, z = map(_weight, fours)
    sizes = {(weight.columns, weight.group) for weight in (qkv, z)}
    fits = sizes == {(common.hidden, qkv.group)} and (z.out, qkv.out) == (common.out.columns, own.conv_dim)
    if not fits or qkv.out % BLOCK or common.hidden % CHUNK:
        return None
    addresses = [part.data_ptr() for part in (*(own.weight for own in eights), *(own.scale for own in eights))]
    return StateLayer(common, qkv, z, *addresses, delta.struct)


def _common(layer: Any, out_proj: Any) -> Common | None:
    """What layers of all kinds have; None if the kernel does not support it."""
    mlp = layer.mlp
    first = [mlp.gate_up_proj] if hasattr(mlp, "gate_up_proj") else [mlp.gate_proj, mlp.up_proj]
    norms = [getattr(layer, name, None) for name in _LAYER_NORMS]
    if not all(type(linear) is Linear4 for linear in (out_proj, *first, mlp.down_proj)):
        return None
    if not _agree(norms):
        return None
    gate, up = map(_weight, first) if len(first) == 2 else _halves(first[0])
    out, down = _weight(out_proj), _weight(mlp.down_proj)
    fits = (
        all(weight.out % BLOCK == 0 for weight in (out, gate, up, down))
        and (gate.columns, gate.group) == (up.columns, up.group)
        and out.out == gate.columns == down.out
        and gate.out == up.out == down.columns
        and out.columns % BLOCK == 0
    )
    if not fits:
        return None
    first_norm = layer.input_layernorm
    sizes = (out.out, gate.out, first_norm.weight.dtype == torch.float32)
    return Common(out, (gate, up), down, *map(_address, norms), *sizes, first_norm.variance_epsilon)


def _agree(norms: Sequence[Any]) -> bool:
    """Whether those of the norms that are not None are the kernel's, with one type of weight and one epsilon."""
    present = [norm for norm in norms if norm is not None]
    if not all(type(norm) is RmsNorm for norm in present):
        return False
    return len({(norm.weight.dtype, norm.variance_epsilon) for norm in present}) <= 1


def _address(norm: RmsNorm | None) -> int | None:
    return None if norm is None else norm.weight.data_ptr()


def _weight(linear: Linear4) -> Weight:
    return _described(linear.packed, linear.bias, linear.out_features)


def _halves(linear: Linear4) -> tuple[Weight, Weight]:
    """The upper and the lower rows of a weight that holds two."""
    rows, blocks = linear.out_features // 2, linear.out_features // 2 // BLOCK
    packed, scales, units = linear.packed
    upper, lower = (None, None) if linear.bias is None else (linear.bias[:rows], linear.bias[rows:])
    return (
        _described((packed[:blocks], scales[:blocks], units[:blocks]), upper, rows),
        _described((packed[blocks:], scales[blocks:], units[blocks:]), lower, rows),
    )


def _described(weight: Packed4, bias: Tensor | None, rows: int) -> Weight:
    packed, scales, _ = weight
    at = None if bias is None else ctypes.c_void_p(bias.data_ptr())
    columns = packed.shape[1]
    return Weight(*(part.data_ptr() for part in weight), at, rows, columns, columns // scales.shape[1])
