"""The compiled kernels as functions on tensors. Knows no model and no files.

A product by integers rounds the activations to 8 bits by groups, one by tiles does not. Within each, a row's result is
bitwise the same whatever other rows there are.
"""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import rms_norm

from backends.packed.kernel_build import NoKernels, build
from backends.packed.scheme import round4, round8
from backends.packed.structs import Layer, Places
from backends.packed.weight_layout import BLOCK, CHUNK, pack4

log = logging.getLogger(__name__)
BF16 = torch.bfloat16
_CLOSE = 0.02
# Of a weight, its bias, and what it is multiplied with.
_TRIED = ((BLOCK, 128), (BLOCK,), (5, 128))


class Kernels:
    """The library at `path`. Raises NoKernels if it cannot be loaded here or computes wrongly."""

    def __init__(self, path: Path) -> None:
        try:
            # One OpenMP for all: the kernels' threads are then torch's own.
            ctypes.CDLL(str(_openmp()), mode=ctypes.RTLD_GLOBAL)
            self._library = ctypes.CDLL(str(path))
        except OSError as error:
            raise NoKernels(f"the compiled file cannot be loaded: {error}") from error
        self._library.read_lines.restype = ctypes.c_uint64
        # Whether `many4` is here as well.
        self.tiles = hasattr(self._library, "tiles_allowed") and bool(self._library.tiles_allowed())
        _try_out(self)

    def few4(
        self, x: torch.Tensor, packed: torch.Tensor, scales: torch.Tensor, bias: torch.Tensor | None
    ) -> torch.Tensor:
        """x [rows, columns] bfloat16 times a weight of 4 bits as layout.pack4 makes it, to [rows, out] bfloat16.

        `bias` is float32 [out].
        """
        rows, columns, out, group = _sizes(x, scales)
        y = torch.empty(rows, out, dtype=BF16)
        scratch = torch.empty(rows * (columns + 12 * columns // group), dtype=torch.uint8)
        self._library.few4(*map(_at, (x, packed, scales, bias, y, scratch)), *_longs(rows, columns, out, group))
        return y

    def many4(
        self, x: torch.Tensor, packed: torch.Tensor, scales: torch.Tensor, bias: torch.Tensor | None
    ) -> torch.Tensor:
        """The same without rounding x. Only where there are `tiles`."""
        rows, columns, out, group = _sizes(x, scales)
        y = torch.empty(rows, out, dtype=BF16)
        scratch = torch.empty(-(-rows // 32) * 32 * columns, dtype=BF16)
        arguments = (*map(_at, (x, packed, scales, bias, y, scratch)), *_longs(rows, columns, out, group))
        if not self._library.many4(*arguments):
            raise MemoryError("no memory for a product of packed weights")
        return y

    def few8(
        self, x: torch.Tensor, weight: torch.Tensor, scale: torch.Tensor, bias: torch.Tensor | None
    ) -> torch.Tensor:
        """x [rows, columns] bfloat16 times int8 [out, columns] with float32 `scale` [out], columns a multiple of 64."""
        rows, columns = x.shape
        out = weight.shape[0]
        y = torch.empty(rows, out, dtype=BF16)
        scratch = torch.empty(rows * (columns + 12 * columns // CHUNK), dtype=torch.uint8)
        self._library.few8(*map(_at, (x, weight, scale, bias, y, scratch)), *_longs(rows, columns, out))
        return y

    def attend(
        self, q: torch.Tensor, keys: Sequence[torch.Tensor], values: Sequence[torch.Tensor], scale: float
    ) -> torch.Tensor:
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

    def layer4(self, layer: Layer, x: torch.Tensor, places: Places) -> torch.Tensor:
        """x [conversations, hidden] bfloat16 through a whole layer, one new token each; see layer.py."""
        y = torch.empty_like(x)
        if not self._library.layer4(ctypes.byref(layer), ctypes.byref(places), _at(x), _at(y)):
            raise MemoryError("no memory for a layer")
        return y

    def rms_norm(self, x: torch.Tensor, weight: torch.Tensor, eps: float) -> torch.Tensor:
        """x [..., size] bfloat16 in one piece, each row over its root mean square, times `weight` [size]."""
        y = torch.empty_like(x)
        size = x.shape[-1]
        self._library.rms_norm(*map(_at, (x, weight, y)), *_longs(x.numel() // size, size), ctypes.c_float(eps))
        return y

    def read_lines(self, memory: torch.Tensor) -> int:
        """Reads all of `memory` (uint8, in units of 64 kB), to see how fast that goes."""
        return int(self._library.read_lines(_at(memory), *_longs(memory.numel() // 64)))


@cache
def find_kernels() -> Kernels | None:
    """The kernels for this processor, compiled if need be; None, with one line in the log, where there are none."""
    try:
        try:
            return Kernels(build())
        except NoKernels:
            # A file that was cut short, or made where another libc was, is made once more.
            return Kernels(build(anew=True))
    except NoKernels as reason:
        log.warning("Packed weights are computed by PyTorch alone, slower: %s.", reason)
        return None


def _openmp() -> Path:
    found = sorted((Path(torch.__file__).parent / "lib").glob("libgomp*.so*"))
    if not found:
        raise NoKernels("this PyTorch brings no libgomp")
    return found[0]


def _try_out(kernels: Kernels) -> None:
    """A small product of each kind against floats: a compiler's mistake must not become a model's.

    A whole layer is made of these.
    """
    random = torch.Generator().manual_seed(1)
    weight, bias, x = (torch.randn(*shape, generator=random, dtype=torch.float32) for shape in _TRIED)
    x = x.to(BF16)
    four, eight = round4(weight, 32), round8(weight)
    packed, scales = pack4(four)
    by4, by8 = x.float() @ four.floats().T + bias, x.float() @ eight.floats().T + bias
    query, keys, values = x[None, :1, :BLOCK].contiguous(), x[None, 1:, :BLOCK].contiguous(), x[None, 1:, -BLOCK:]
    checked = {
        "few4": (kernels.few4(x, packed, scales, bias), by4),
        "one4": (kernels.few4(x[:1], packed, scales, bias), by4[:1]),
        "few8": (kernels.few8(x, eight.q, eight.scale, bias), by8),
        "attend": (kernels.attend(query, [keys], [values.contiguous()], 0.1), _attended(query, keys, values, 0.1)),
        "rms_norm": (kernels.rms_norm(x, x[0], 1e-6), rms_norm(x.float(), (128,), x[0].float(), 1e-6)),
    }
    if kernels.tiles:
        checked["many4"] = kernels.many4(x, packed, scales, bias), by4
    for name, (found, wanted) in checked.items():
        # Also false where something is no number.
        if not (found.float() - wanted).norm() <= _CLOSE * wanted.norm():
            raise NoKernels(f"the compiled {name} computes wrongly here")


def _attended(query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, scale: float) -> torch.Tensor:
    return (query.float() @ keys.float().mT * scale).softmax(-1) @ values.float()


def _sizes(x: torch.Tensor, scales: torch.Tensor) -> tuple[int, int, int, int]:
    blocks, groups, _, _ = scales.shape
    rows, columns = x.shape
    return rows, columns, blocks * BLOCK, columns // groups


def _at(tensor: torch.Tensor | None) -> Any:
    return ctypes.c_void_p(None if tensor is None else tensor.data_ptr())


def _longs(*numbers: int) -> list[Any]:
    return [ctypes.c_long(number) for number in numbers]
