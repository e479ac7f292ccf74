"""Calls the compiled kernels on tensors.

An integer product rounds the activations to 8 bits by groups; a product by tiles does not. In both, a row's result is
bitwise the same whatever the other rows.
"""

from __future__ import annotations

import ctypes
import logging
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize, rms_norm, silu, softplus

from backends.packed.kernel_build import NoKernels, build
from backends.packed.kernel_trial import read_ahead
from backends.packed.scheme import BLOCK, CHUNK, pack4, round4, round8

log = logging.getLogger(__name__)
BF16 = torch.bfloat16
_CLOSE = 0.02
# Shapes of a weight, its bias, and the inputs.
_TESTED = ((BLOCK, 128), (BLOCK,), (5, 128))
# The size of a head and the taps of the convolution of a Gated DeltaNet layer.
HEAD, TAPS = 128, 4
# What a Gated DeltaNet layer's input projections give: qkv, z, b and a, each [tokens, ...] bfloat16.
Inputs = Sequence[Tensor]


class Kernels:
    """The library at `path`. Raises NoKernels if it cannot be loaded here or computes wrongly."""

    def __init__(self, path: Path) -> None:
        try:
            # A single OpenMP library: the kernels then use torch's threads.
            ctypes.CDLL(str(_openmp()), mode=ctypes.RTLD_GLOBAL)
            self._library = ctypes.CDLL(str(path))
        except OSError as error:
            raise NoKernels(f"the compiled file cannot be loaded: {error}") from error
        self._library.read_lines.restype = ctypes.c_uint64
        # Whether `many4` is available.
        self.tiles = hasattr(self._library, "tiles_allowed") and bool(self._library.tiles_allowed())
        _try_out(self)
        self.ahead = read_ahead(self._cold_product, path.with_suffix(".json"))
        self.set_ahead(self.ahead.past_caches)

    def __str__(self) -> str:
        return f"compiled kernels{', AMX tiles' * self.tiles}, {self.ahead}"

    def few4(self, x: Tensor, packed: Tensor, scales: Tensor, bias: Tensor | None) -> Tensor:
        """bfloat16 x [rows, columns] times a 4-bit weight (see scheme.pack4) plus float32 `bias`, to [rows, out]."""
        rows, columns, out, group = _sizes(x, scales)
        y = torch.empty(rows, out, dtype=BF16)
        scratch = torch.empty(rows * (columns + 12 * columns // group), dtype=torch.uint8)
        self._library.few4(*map(_at, (x, packed, scales, bias, y, scratch)), *_longs(rows, columns, out, group))
        return y

    def many4(self, x: Tensor, packed: Tensor, scales: Tensor, bias: Tensor | None) -> Tensor:
        """The same without rounding x. Requires `tiles`."""
        rows, columns, out, group = _sizes(x, scales)
        y = torch.empty(rows, out, dtype=BF16)
        scratch = torch.empty(-(-rows // 32) * 32 * columns, dtype=BF16)
        arguments = (*map(_at, (x, packed, scales, bias, y, scratch)), *_longs(rows, columns, out, group))
        if not self._library.many4(*arguments):
            raise MemoryError("no memory for a product of packed weights")
        return y

    def few8(self, x: Tensor, weight: Tensor, scale: Tensor, bias: Tensor | None) -> Tensor:
        """x [rows, columns] bfloat16 times int8 [out, columns] with float32 `scale` [out], columns a multiple of 64."""
        rows, columns = x.shape
        out = weight.shape[0]
        y = torch.empty(rows, out, dtype=BF16)
        scratch = torch.empty(rows * (columns + 12 * columns // CHUNK), dtype=torch.uint8)
        self._library.few8(*map(_at, (x, weight, scale, bias, y, scratch)), *_longs(rows, columns, out))
        return y

    def attend(self, q: Tensor, keys: Sequence[Tensor], values: Sequence[Tensor], scale: float) -> Tensor:
        """One new token of each conversation: q [conversations, heads, size] bfloat16 to the same shape.

        `keys` and `values` are [key heads, tokens, size], a view of a buffer with room for more tokens; size is a
        multiple of 64.
        """
        rows, heads, size = q.shape
        out = torch.empty_like(q)
        pointers, longs = ctypes.c_void_p * rows, ctypes.c_long * rows
        good = self._library.attend(
            _at(q),
            pointers(*(tensor.data_ptr() for tensor in keys)),
            pointers(*(tensor.data_ptr() for tensor in values)),
            longs(*(tensor.shape[1] for tensor in keys)),
            longs(*(tensor.stride(0) for tensor in keys)),
            _at(out),
            *_longs(rows, heads, keys[0].shape[0], size),
            ctypes.c_float(scale),
        )
        if not good:
            raise MemoryError("no memory for attention")
        return out

    def layer4(self, layer: Layer, x: Tensor, places: Places) -> Tensor:
        """x [conversations, hidden] bfloat16 through a whole layer, one new token each."""
        y = torch.empty_like(x)
        if not self._library.layer4(ctypes.byref(layer), ctypes.byref(places), _at(x), _at(y)):
            raise MemoryError("no memory for a layer")
        return y

    def state_layer4(
        self, layer: StateLayer, x: Tensor, states: Sequence[Sequence[Tensor]], counts: Sequence[int]
    ) -> Tensor:
        """The same through a layer with states, which are changed in place; each of `counts` is 1."""
        y = torch.empty_like(x)
        struct, arrays = states_of(states, counts)
        if not self._library.state_layer4(ctypes.byref(layer), ctypes.byref(struct), _at(x), _at(y)):
            raise MemoryError("no memory for a layer")
        # `struct` holds addresses of `arrays`: they must live until here.
        del arrays
        return y

    def rms_norm(self, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        """x [..., size] bfloat16, contiguous: each row divided by its root mean square, times `weight` [size].

        The quotient is rounded to bfloat16 before it meets a weight of bfloat16, not before one of float32.
        """
        y = torch.empty_like(x)
        size, wide = x.shape[-1], weight.dtype == torch.float32
        sizes = _longs(x.numel() // size, size)
        self._library.rms_norm(_at(x), _at(weight), *_longs(wide), _at(y), *sizes, ctypes.c_float(eps))
        return y

    def delta(self, layer: Delta, states: Sequence[Sequence[Tensor]], counts: Sequence[int], inputs: Inputs) -> Tensor:
        """What goes into the output projection of a Gated DeltaNet layer, [tokens, values] bfloat16.

        The tokens of all conversations follow each other, `counts[i]` of conversation i, whose state (the last inputs
        of the convolution, and the memory) is changed in place.
        """
        qkv, z, b, a = (part.contiguous() for part in inputs)
        out = torch.empty_like(z)
        struct, arrays = states_of(states, counts)
        addresses = (ctypes.byref(layer), ctypes.byref(struct), *map(_at, (qkv, z, b, a, out)))
        if not self._library.delta(*addresses):
            raise MemoryError("no memory for a layer")
        # `struct` holds addresses of `arrays`: they must live until here.
        del arrays
        return out

    def set_ahead(self, past_caches: bool) -> None:
        """Chooses how weights are read ahead of their use; results are the same."""
        self._library.set_ahead(ctypes.c_int(past_caches))

    def _cold_product(self, past_caches: bool, x: Tensor, packed: Tensor, scales: Tensor) -> float:
        """The seconds of a product with a weight that no cache holds."""
        self.set_ahead(past_caches)
        for tensor in (packed, scales):
            self._library.drop_lines(_at(tensor), *_longs(tensor.nbytes // 64))
        began = time.perf_counter()
        self.few4(x, packed, scales, None)
        return time.perf_counter() - began

    def read_lines(self, memory: Tensor) -> int:
        """Reads all of `memory` (uint8, in units of 64 kB), to measure the bandwidth."""
        return int(self._library.read_lines(_at(memory), *_longs(memory.numel() // 64)))


@cache
def find_kernels() -> Kernels | None:
    """The kernels for this processor, compiled if necessary; None, with a log message, if there are none."""
    try:
        try:
            kernels = Kernels(build())
        except NoKernels:
            # A truncated file, or one from a machine with another libc, is compiled again.
            kernels = Kernels(build(anew=True))
    except NoKernels as reason:
        log.warning("No compiled kernels, PyTorch computes packed weights more slowly: %s.", reason)
        return None
    log.info("Packed weights are computed by %s.", kernels)
    return kernels


def computed_by() -> str:
    """What computes packed weights in this process."""
    return str(find_kernels() or "PyTorch alone")


def _openmp() -> Path:
    libraries = sorted((Path(torch.__file__).parent / "lib").glob("libgomp*.so*"))
    if not libraries:
        raise NoKernels("this PyTorch brings no libgomp")
    return libraries[0]


def _try_out(kernels: Kernels) -> None:
    """Compares a small product of each kind with floats. A compiler's mistake must not change a model's answers."""
    random = torch.Generator().manual_seed(1)
    weight, bias, x = (torch.randn(*shape, generator=random, dtype=torch.float32) for shape in _TESTED)
    x = x.to(BF16)
    four, eight = round4(weight, 32), round8(weight)
    packed, scales = pack4(four)
    by4, by8 = x.float() @ four.floats().T + bias, x.float() @ eight.floats().T + bias
    query, keys, values = x[None, :1, :BLOCK].contiguous(), x[None, 1:, :BLOCK].contiguous(), x[None, 1:, -BLOCK:]
    attended = (query.float() @ keys.float().mT * 0.1).softmax(-1) @ values.float()
    results = {
        "few4": (kernels.few4(x, packed, scales, bias), by4),
        "one4": (kernels.few4(x[:1], packed, scales, bias), by4[:1]),
        "few8": (kernels.few8(x, eight.q, eight.scale, bias), by8),
        "attend": (kernels.attend(query, [keys], [values.contiguous()], 0.1), attended),
        "rms_norm": (kernels.rms_norm(x, x[0], 1e-6), rms_norm(x.float(), (128,), x[0].float(), 1e-6)),
    }
    results["delta"] = _try_delta(kernels, random)
    results["wide rms_norm"] = (
        kernels.rms_norm(x, weight[0], 1e-6),
        rms_norm(x.float(), (128,), weight[0], 1e-6),
    )
    if kernels.tiles:
        results["many4"] = kernels.many4(x, packed, scales, bias), by4
    for name, (result, wanted) in results.items():
        # Also true for NaN.
        if not (result.float() - wanted).norm() <= _CLOSE * wanted.norm():
            raise NoKernels(f"the compiled {name} gives wrong results")


def _try_delta(kernels: Kernels, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Two value heads that share a key head, for two tokens of one conversation; and the same by torch."""
    shapes = (2, 4 * HEAD), (2, 2 * HEAD), (2, 2), (2, 2), (TAPS, 4 * HEAD), (2,), (2,), (HEAD,)
    qkv, z, b, a, taps, rate, bias, norm = (torch.randn(*shape, generator=random) for shape in shapes)
    qkv, z, b, a = (part.to(BF16) for part in (qkv, z, b, a))
    rate = rate.exp()
    conv, memory = torch.zeros(TAPS - 1, 4 * HEAD), torch.zeros(2, HEAD, HEAD)
    mixed = silu(torch.stack([qkv[0] * taps[3], qkv[0] * taps[2] + qkv[1] * taps[3]])).view(2, 4, HEAD)
    query, key, values = normalize(mixed[:, 0], dim=-1) / HEAD**0.5, normalize(mixed[:, 1], dim=-1), mixed[:, 2:]
    decay, beta = (-rate * softplus(a + bias)).exp(), b.float().sigmoid()
    first = key[0, None, :, None] * (beta[0, :, None] * values[0])[:, None]
    kept = first * decay[1, :, None, None]
    change = beta[1, :, None] * (values[1] - (kept * key[1, None, :, None]).sum(1))
    second = kept + key[1, None, :, None] * change[:, None]
    read = torch.stack([(state * query[t, None, :, None]).sum(1) for t, state in enumerate((first, second))])
    wanted = rms_norm(read, (HEAD,), norm, 1e-6) * silu(z.float()).view(read.shape)
    layer = Delta(*(part.data_ptr() for part in (taps, rate, bias, norm)), 1, 2, 1e-6)
    return kernels.delta(layer, [(conv, memory)], [2], (qkv, z, b, a)), wanted.view(z.shape)


def _sizes(x: Tensor, scales: Tensor) -> tuple[int, int, int, int]:
    blocks, groups, _, _ = scales.shape
    rows, columns = x.shape
    return rows, columns, blocks * BLOCK, columns // groups


def _at(tensor: Tensor | None) -> Any:
    return ctypes.c_void_p(None if tensor is None else tensor.data_ptr())


def _longs(*numbers: int) -> list[Any]:
    return [ctypes.c_long(number) for number in numbers]


class Weight(ctypes.Structure):
    """A weight of 4 bits, see scheme.pack4. The fields of these structures are those in kernels.c."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("packed", "scales", "bias")),
        *((name, ctypes.c_long) for name in ("out", "columns", "group")),
    )


class Common(ctypes.Structure):
    """The weights and sizes that layers of all kinds have."""

    _fields_ = (
        ("out", Weight),
        ("gate_up", Weight * 2),
        ("down", Weight),
        *((name, ctypes.c_void_p) for name in ("norm", "inner_norm", "out_norm", "down_norm")),
        *((name, ctypes.c_long) for name in ("hidden", "inner", "wide")),
        ("eps", ctypes.c_float),
    )


class Layer(ctypes.Structure):
    """A layer with attention."""

    _fields_ = (
        ("common", Common),
        ("qkv", Weight * 3),
        *((name, ctypes.c_void_p) for name in ("q_norm", "k_norm")),
        *((name, ctypes.c_long) for name in ("heads", "kv_heads", "size", "neighbours", "gated")),
        ("scale", ctypes.c_float),
    )


class Places(ctypes.Structure):
    """Conversations with one new token each."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("keys", "values", "lengths", "steps", "cosines", "sines")),
        ("rows", ctypes.c_long),
        ("turned", ctypes.c_long),
    )


class Delta(ctypes.Structure):
    """What a Gated DeltaNet layer has beside its projections, float32, and its numbers of heads."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("taps", "rate", "bias", "norm")),
        *((name, ctypes.c_long) for name in ("key_heads", "value_heads")),
        ("eps", ctypes.c_float),
    )


class StateLayer(ctypes.Structure):
    """A whole Gated DeltaNet layer."""

    _fields_ = (
        ("common", Common),
        *((name, Weight) for name in ("qkv", "z")),
        *((name, ctypes.c_void_p) for name in ("b", "a", "b_scale", "a_scale")),
        ("delta", Delta),
    )


class States(ctypes.Structure):
    """Conversations with the states that such a layer keeps of them."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("conv", "memory", "counts")),
        ("rows", ctypes.c_long),
    )


def states_of(states: Sequence[Sequence[Tensor]], counts: Sequence[int]) -> tuple[States, list[Any]]:
    """The structure for the states of conversations with `counts` new tokens, and the arrays that it points to."""
    rows = len(counts)
    pointers, longs = ctypes.c_void_p * rows, ctypes.c_long * rows
    arrays: list[Any] = [pointers(*(part.data_ptr() for part in parts)) for parts in zip(*states, strict=True)]
    arrays.append(longs(*counts))
    return States(*map(ctypes.addressof, arrays), rows), arrays


def places_of(
    places: Sequence[tuple[Tensor, Tensor, int]], cosines: Tensor, sines: Tensor
) -> tuple[Places, tuple[object, ...]]:
    """The structure for `stepping.batched.Place`s and angles [1, rows, turned], and the arrays that it points to."""
    rows = len(places)
    pointers, longs = ctypes.c_void_p * rows, ctypes.c_long * rows
    arrays = (
        pointers(*(keys.data_ptr() for keys, _, _ in places)),
        pointers(*(values.data_ptr() for _, values, _ in places)),
        longs(*(length for _, _, length in places)),
        longs(*(keys.stride(0) for keys, _, _ in places)),
    )
    addresses = (*(ctypes.addressof(array) for array in arrays), cosines.data_ptr(), sines.data_ptr())
    return Places(*addresses, rows, cosines.shape[-1]), arrays
