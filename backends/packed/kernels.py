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

from backends.packed.kernel_build import NoKernels, build, openmp_library
from backends.packed.kernel_check import try_out
from backends.packed.kernel_trial import Way, read_ahead
from backends.packed.scheme import BLOCK, CHUNK, Packed4
from backends.packed.structures import Delta, Layer, Places, StateLayer, states_of

log = logging.getLogger(__name__)
BF16 = torch.bfloat16
# Bytes that a group of a row of activations takes beside its numbers.
_GROUP_BYTES = 16
# What a Gated DeltaNet layer's input projections give: qkv, z, b and a, each [tokens, ...] bfloat16.
Inputs = Sequence[Tensor]


class Kernels:
    """The library at `path`. Raises NoKernels if it cannot be loaded here or computes wrongly."""

    def __init__(self, path: Path) -> None:
        try:
            # A single OpenMP library: the kernels then use torch's threads.
            ctypes.CDLL(str(openmp_library()), mode=ctypes.RTLD_GLOBAL)
            self._library = ctypes.CDLL(str(path))
        except OSError as error:
            raise NoKernels(f"the compiled file cannot be loaded: {error}") from error
        self._library.read_lines.restype = ctypes.c_uint64
        self._library.instruction_set.restype = ctypes.c_char_p
        self.instruction_set: str = self._library.instruction_set().decode()
        # Whether `many4` is available.
        self.tiles = hasattr(self._library, "tiles_allowed") and bool(self._library.tiles_allowed())
        try_out(self)
        self.ahead = read_ahead(self._cold_product, path.with_suffix(".json"))
        self.set_ahead(self.ahead.way)

    def __str__(self) -> str:
        return f"compiled kernels for {self.instruction_set}{' and AMX' * self.tiles}, {self.ahead}"

    def few4(self, x: Tensor, weight: Packed4, bias: Tensor | None) -> Tensor:
        """bfloat16 x [rows, columns] times a 4-bit weight (see scheme.pack4) plus float32 `bias`, to [rows, out]."""
        rows, columns, out, group = _sizes(x, weight)
        y = torch.empty(rows, out, dtype=BF16)
        scratch = torch.empty(rows * (columns + _GROUP_BYTES * columns // group), dtype=torch.uint8)
        self._library.few4(*map(_at, (x, *weight, bias, y, scratch)), *_longs(rows, columns, out, group))
        return y

    def many4(self, x: Tensor, weight: Packed4, bias: Tensor | None) -> Tensor:
        """The same without rounding x. Requires `tiles`."""
        rows, columns, out, group = _sizes(x, weight)
        y = torch.empty(rows, out, dtype=BF16)
        scratch = torch.empty(-(-rows // 32) * 32 * columns, dtype=BF16)
        arguments = (*map(_at, (x, *weight, bias, y, scratch)), *_longs(rows, columns, out, group))
        if not self._library.many4(*arguments):
            raise MemoryError("no memory for a product of packed weights")
        return y

    def few8(self, x: Tensor, weight: Tensor, scale: Tensor, bias: Tensor | None) -> Tensor:
        """x [rows, columns] bfloat16 times int8 [out, columns] with float32 `scale` [out], columns a multiple of 64."""
        rows, columns = x.shape
        out = weight.shape[0]
        y = torch.empty(rows, out, dtype=BF16)
        scratch = torch.empty(rows * (columns + _GROUP_BYTES * columns // CHUNK), dtype=torch.uint8)
        self._library.few8(*map(_at, (x, weight, scale, bias, y, scratch)), *_longs(rows, columns, out))
        return y

    def score_best(self, x: Tensor, residual: Tensor, scale: Tensor, y: Tensor, best: int) -> None:
        """Adds to the `best` largest scores of each row of y the products with the residual, see residual.py.

        bfloat16 x [rows, columns] and y [rows, at least tokens], uint8 `residual` [tokens, columns / 2], float32
        `scale` [tokens]; columns is a multiple of 64, and `best` at most the number of tokens.
        """
        rows, columns = x.shape
        scratch = torch.empty(rows * (columns + _GROUP_BYTES * columns // CHUNK), dtype=torch.uint8)
        places = torch.empty(rows, best, dtype=torch.int32)
        sizes = _longs(rows, columns, y.shape[1], len(residual), best)
        self._library.score_best(*map(_at, (x, residual, scale, y, scratch, places)), *sizes)

    def attend(self, q: Tensor, keys: Sequence[Tensor], values: Sequence[Tensor], scale: float) -> Tensor:
        """One new token of each conversation: q [conversations, heads, size] bfloat16 to the same shape.

        `keys` and `values` are [key heads, tokens, size], a view of a buffer with room for more tokens; size is a
        multiple of 64.
        """
        rows, heads, size = q.shape
        out = torch.empty_like(q)
        pointers, longs = ctypes.c_void_p * rows, ctypes.c_int64 * rows
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

    def set_ahead(self, way: Way) -> None:
        """Chooses how weights are read ahead of their use; results are the same."""
        self._library.set_ahead(ctypes.c_int(way.past_caches), *_longs(way.bytes_ahead))

    def _cold_product(self, way: Way, x: Tensor, weight: Packed4) -> float:
        """The seconds of a product with a weight that no cache holds."""
        self.set_ahead(way)
        for tensor in weight:
            self._library.drop_lines(_at(tensor), *_longs(tensor.nbytes // 64))
        began = time.perf_counter()
        self.few4(x, weight, None)
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


def _sizes(x: Tensor, weight: Packed4) -> tuple[int, int, int, int]:
    blocks, groups, _, _ = weight[1].shape
    rows, columns = x.shape
    return rows, columns, blocks * BLOCK, columns // groups


def _at(tensor: Tensor | None) -> Any:
    return ctypes.c_void_p(None if tensor is None else tensor.data_ptr())


def _longs(*numbers: int) -> list[Any]:
    return [ctypes.c_int64(number) for number in numbers]
