"""Writes a packed folder of random weights at a model's real shape, to be timed. Knows no engine and no real weights.

The configuration is one of the library's own, so that no tokenizer is needed. Every tensor is written in pieces that
begin at random places of a small pool: no two tensors are alike, and memory does not grow with the model.
"""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import struct
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from arena.errors import ArenaError, BackendError
from backends.folder.packed import WEIGHTS, PackedFile, PackedInfo, packed_weights, read_packed, write_packed
from backends.machine.pages import forget
from bench.figures import Progress
from bench.room import check_disk
from bench.weights.packed_tensors import GROUP, Kind, PackedTensor, packed_bytes, packed_files
from bench.weights.shapes import Shape

POOL_BYTES = 1 << 25
# About 0.02 is the spread of a trained layer's weights; uniform nibbles spread by 4.6 steps, uniform bytes by 73.
SPREAD, NIBBLES, BYTES = 0.02, 4.6, 73
# Every value's size divides this, so that a piece never begins inside a value.
_UNIT = 4


def random_packed(shape: Shape, precision: str, work: Path, progress: Progress) -> Path:
    """The folder of the shape below `work`, written if it is not there yet. Raises InputError or BackendError."""
    folder = work / f"{shape.id}-{shape.layers}-layers-random@{precision}"
    info = _info(shape, precision)
    if folder.exists():
        _check(folder, info)
        return folder
    size = packed_bytes(shape, precision)
    check_disk(work, size)
    progress(f"Writing {size / 1e9:.1f} GB of random weights once, {folder} ...")
    part = folder.with_name(f"{folder.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        _write(part, shape, info, progress)
        part.rename(folder)
    except OSError as error:
        raise BackendError("bench_failed", f"{folder} cannot be written: {error.strerror}.") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def _info(shape: Shape, precision: str) -> PackedInfo:
    digest = hashlib.sha256(json.dumps(asdict(shape), sort_keys=True).encode()).hexdigest()[:16]
    return PackedInfo(precision, GROUP if precision == "int4" else 0, "nearest", shape.id, f"random-{digest}")


def _check(folder: Path, info: PackedInfo) -> None:
    """Raises BackendError if the folder is not what would be written."""
    try:
        found = read_packed(folder)
        packed_weights(folder, found)
        same = replace(found, files=()) == info
    except ArenaError:
        same = False
    if not same:
        raise BackendError("bench_failed", f"{folder} is damaged or of another shape; delete it.")


def _write(part: Path, shape: Shape, info: PackedInfo, progress: Progress) -> None:
    pools, draw = _pools(), random.Random(1)
    files = packed_files(shape, info.precision)
    for number, (name, tensors) in enumerate(files.items()):
        if number and number % 8 == 0:
            progress(f"Writing file {number} of {len(files)} of {shape.name} ...")
        path = part / f"{WEIGHTS}{name}.safetensors"
        _write_file(path, tensors, pools, draw)
        # Nothing is to be verified in random numbers.
        info = replace(info, files=(*info.files, PackedFile(path.name, path.stat().st_size, "")))
    kind = "qwen2" if shape.family == "qwen" else "glm"
    config = {"model_type": kind, "dtype": "bfloat16", **shape.config()}
    (part / "config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")
    write_packed(part, info)


def _write_file(path: Path, tensors: Sequence[PackedTensor], pools: dict[Kind, Any], draw: random.Random) -> None:
    """A safetensors file, written here because the library's own would want all of it in memory."""
    header, end = {}, 0
    # The widest first, as the library does, so that every value lies where its size divides the place.
    ordered = sorted(tensors, key=lambda tensor: (-_width(tensor), tensor.name))
    for tensor in ordered:
        offsets = [end, end := end + tensor.bytes]
        header[tensor.name] = {"dtype": tensor.dtype, "shape": list(tensor.shape), "data_offsets": offsets}
    text = json.dumps(header).encode()
    # No better aligned than what quantize makes.
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in ordered:
            for piece in _pieces(pools[tensor.kind], tensor.bytes, draw):
                file.write(piece)
        file.flush()
        forget(file)


def _width(tensor: PackedTensor) -> int:
    return {"F32": 4, "BF16": 2}.get(tensor.dtype, 1)


def _pieces(pool: Any, size: int, draw: random.Random) -> Iterator[Any]:
    while size:
        piece = min(size, len(pool) // 2)
        begin = _UNIT * draw.randrange((len(pool) - piece) // _UNIT + 1)
        yield pool[begin : begin + piece]
        size -= piece


def _pools() -> dict[Kind, Any]:
    """Bytes by kind, as the layout reads them; the values of each have a mean of 0."""
    made = np.random.default_rng(1)
    step = SPREAD / NIBBLES
    pools: dict[Kind, Any] = {
        "nibbles": made.integers(0, 256, POOL_BYTES, np.uint8),
        # A nibble is read as 8 less, which leaves half a step too little on the whole; the zero gives it back.
        "pairs": _bfloat16(np.tile(np.array([step, step / 2], np.float32), 1 << 16)),
        "int8": made.integers(-127, 128, POOL_BYTES, np.int8),
        "scale8": np.full(1 << 16, SPREAD / BYTES, np.float32),
        "floats": _bfloat16(made.standard_normal(POOL_BYTES // 8, np.float32) * np.float32(SPREAD)),
        "ones": _bfloat16(np.ones(1 << 16, np.float32)),
    }
    return {kind: pool.view(np.uint8) for kind, pool in pools.items()}


def _bfloat16(values: Any) -> Any:
    """The upper halves, which is what bfloat16 is."""
    return (values.view(np.uint32) >> 16).astype("<u2")
