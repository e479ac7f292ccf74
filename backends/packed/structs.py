"""What the compiled kernels are told of a layer and of conversations, field by field as kernels.c has it."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import torch


class Weight(ctypes.Structure):
    """A weight of 4 bits; see layout.pack4."""

    _fields_ = (
        ("packed", ctypes.c_void_p),
        ("scales", ctypes.c_void_p),
        ("bias", ctypes.c_void_p),
        ("out", ctypes.c_long),
        ("columns", ctypes.c_long),
        ("group", ctypes.c_long),
    )


class Layer(ctypes.Structure):
    """All weights of a layer, and its sizes."""

    _fields_ = (
        ("qkv", Weight * 3),
        ("o", Weight),
        ("gate_up", Weight * 2),
        ("down", Weight),
        ("norm", ctypes.c_void_p),
        ("inner_norm", ctypes.c_void_p),
        *((name, ctypes.c_long) for name in ("hidden", "inner", "heads", "kv_heads", "size", "neighbours")),
        ("eps", ctypes.c_float),
        ("scale", ctypes.c_float),
    )


class Places(ctypes.Structure):
    """Conversations with one new token each."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("keys", "values", "lengths", "steps", "cosines", "sines")),
        ("rows", ctypes.c_long),
        ("turned", ctypes.c_long),
    )


def places_of(
    places: Sequence[tuple[torch.Tensor, torch.Tensor, int]], cosines: torch.Tensor, sines: torch.Tensor
) -> tuple[Places, tuple[object, ...]]:
    """Of stepping.rows.Place and [1, rows, turned]; and what must stay until it has been used."""
    rows = len(places)
    pointers, longs = ctypes.c_void_p * rows, ctypes.c_long * rows
    held = (
        pointers(*(keys.data_ptr() for keys, _, _ in places)),
        pointers(*(values.data_ptr() for _, values, _ in places)),
        longs(*(length for _, _, length in places)),
        longs(*(keys.stride(0) for keys, _, _ in places)),
    )
    addresses = (*(ctypes.addressof(array) for array in held), cosines.data_ptr(), sines.data_ptr())
    return Places(*addresses, rows, cosines.shape[-1]), held
