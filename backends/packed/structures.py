"""The structures that the compiled kernels take, with the fields that their C files give them."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from backends.packed.scheme import PARTS4

# The size of a head and the taps of the convolution of a Gated DeltaNet layer.
HEAD, TAPS = 128, 4


class Weight(ctypes.Structure):
    """A weight of 4 bits, see scheme.pack4."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in (*PARTS4, "bias")),
        *((name, ctypes.c_int64) for name in ("out", "columns", "group")),
    )


class Common(ctypes.Structure):
    """The weights and sizes that layers of all kinds have."""

    _fields_ = (
        ("out", Weight),
        ("gate_up", Weight * 2),
        ("down", Weight),
        *((name, ctypes.c_void_p) for name in ("norm", "inner_norm", "out_norm", "down_norm")),
        *((name, ctypes.c_int64) for name in ("hidden", "inner", "wide")),
        ("eps", ctypes.c_float),
    )


class Layer(ctypes.Structure):
    """A layer with attention."""

    _fields_ = (
        ("common", Common),
        ("qkv", Weight * 3),
        *((name, ctypes.c_void_p) for name in ("q_norm", "k_norm")),
        *((name, ctypes.c_int64) for name in ("heads", "kv_heads", "size", "neighbours", "gated")),
        ("scale", ctypes.c_float),
    )


class Places(ctypes.Structure):
    """Conversations with one new token each."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("keys", "values", "lengths", "steps", "cosines", "sines")),
        ("rows", ctypes.c_int64),
        ("turned", ctypes.c_int64),
    )


class Delta(ctypes.Structure):
    """What a Gated DeltaNet layer has beside its projections, float32, and its numbers of heads."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("taps", "rate", "bias", "norm")),
        *((name, ctypes.c_int64) for name in ("key_heads", "value_heads")),
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
        ("rows", ctypes.c_int64),
    )


def states_of(states: Sequence[Sequence[Tensor]], counts: Sequence[int]) -> tuple[States, list[Any]]:
    """The structure for the states of conversations with `counts` new tokens, and the arrays that it points to."""
    rows = len(counts)
    pointers, longs = ctypes.c_void_p * rows, ctypes.c_int64 * rows
    arrays: list[Any] = [pointers(*(part.data_ptr() for part in parts)) for parts in zip(*states, strict=True)]
    arrays.append(longs(*counts))
    return States(*map(ctypes.addressof, arrays), rows), arrays


def places_of(
    places: Sequence[tuple[Tensor, Tensor, int]], cosines: Tensor, sines: Tensor
) -> tuple[Places, tuple[object, ...]]:
    """The structure for `stepping.batched.Place`s and angles [1, rows, turned], and the arrays that it points to."""
    rows = len(places)
    pointers, longs = ctypes.c_void_p * rows, ctypes.c_int64 * rows
    arrays = (
        pointers(*(keys.data_ptr() for keys, _, _ in places)),
        pointers(*(values.data_ptr() for _, values, _ in places)),
        longs(*(length for _, _, length in places)),
        longs(*(keys.stride(0) for keys, _, _ in places)),
    )
    addresses = (*(ctypes.addressof(array) for array in arrays), cosines.data_ptr(), sines.data_ptr())
    return Places(*addresses, rows, cosines.shape[-1]), arrays
