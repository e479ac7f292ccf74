"""Writes a packed folder of random weights with a model's shape."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from arena.errors import ArenaError, BackendError
from backends.folder.packed import WEIGHTS, PackedFile, PackedInfo, packed_weights, read_packed, write_packed
from backends.machine.pages import forget
from bench.probe import Progress
from bench.resources import check_disk
from bench.weights.random_model import SPREAD, meta_model
from bench.weights.shapes import Shape

# As quantize packs by default: neighbours that share a scale.
GROUP = 32
# The standard deviation of uniform 4-bit and 8-bit integers, in steps.
NIBBLE_STEPS, BYTE_STEPS = 4.6, 73
# How a tensor is filled, and the bytes of one of its values.
_VALUE_BYTES = {"nibbles": 1, "steps": 2, "int8": 1, "scale8": 4, "floats": 2, "ones": 2}
# A tensor of a file: its name, how it is filled, its shape.
_Tensor = tuple[str, str, tuple[int, ...]]


def random_packed(shape: Shape, precision: str, work: Path, progress: Progress) -> Path:
    """The shape's folder below `work`, written if it does not exist yet. Raises InputError or BackendError."""
    folder = work / f"{shape.id}-{shape.layers}-layers-random@{precision}"
    info = _info(shape, precision)
    if folder.exists():
        _check(folder, info)
        return folder
    # Before a library is imported, which takes seconds.
    check_disk(work, 0)
    files = packed_files(shape, precision)
    size = packed_bytes(files)
    check_disk(work, size)
    progress(f"Writing {size / 1e9:.1f} GB of random weights to {folder}, once ...")
    part = folder.with_name(f"{folder.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        _write(part, files, info, shape, progress)
        part.rename(folder)
    except OSError as error:
        raise BackendError("bench_failed", f"{folder} cannot be written: {error.strerror}.") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def packed_files(shape: Shape, precision: str) -> dict[str, list[_Tensor]]:
    """The tensors of each file, by the name of its slice. Raises BackendError if transformers is missing."""
    model = meta_model(shape)
    from backends.packed.slices import slices_of

    return {
        part.name: [tensor for place, module in part.modules for tensor in _tensors(place, module, precision)]
        for part in slices_of(model)
    }


def packed_bytes(files: dict[str, list[_Tensor]]) -> int:
    """The size of all tensors."""
    return sum(prod(shape) * _VALUE_BYTES[kind] for tensors in files.values() for _, kind, shape in tensors)


def _tensors(place: str, module: Any, precision: str) -> Iterator[_Tensor]:
    from torch.nn import Linear

    from backends.packed.weight_layout import BLOCK

    if not isinstance(module, Linear):
        yield f"{place}.weight", "ones" if "norm" in place else "floats", tuple(module.weight.shape)
        return
    rows, columns = module.weight.shape
    if module.bias is not None:
        yield f"{place}.bias", "floats", (rows,)
    if precision == "int4" and place != "lm_head":
        blocks = -(-rows // BLOCK)
        yield f"{place}.packed", "nibbles", (blocks, columns, BLOCK // 2)
        yield f"{place}.scales", "steps", (blocks, columns // GROUP, BLOCK, 2)
    else:
        yield f"{place}.weight8", "int8", (rows, columns)
        yield f"{place}.scale8", "scale8", (rows,)


def _info(shape: Shape, precision: str) -> PackedInfo:
    digest = hashlib.sha256(json.dumps(asdict(shape), sort_keys=True).encode()).hexdigest()[:16]
    return PackedInfo(precision, GROUP if precision == "int4" else 0, "nearest", shape.id, f"random-{digest}")


def _check(folder: Path, info: PackedInfo) -> None:
    """Raises BackendError if the folder is not what would be written."""
    try:
        existing = read_packed(folder)
        packed_weights(folder, existing)
        is_same = replace(existing, files=()) == info
    except ArenaError:
        is_same = False
    if not is_same:
        raise BackendError("bench_failed", f"{folder} is damaged or of another shape; delete it.")


def _write(part: Path, files: dict[str, list[_Tensor]], info: PackedInfo, shape: Shape, progress: Progress) -> None:
    from safetensors.torch import save_file

    random = np.random.default_rng(1)
    for number, (name, tensors) in enumerate(files.items()):
        if number and number % 8 == 0:
            progress(f"Writing file {number} of {len(files)} of {shape.name} ...")
        path = part / f"{WEIGHTS}{name}.safetensors"
        save_file({name: _values(kind, size, random) for name, kind, size in tensors}, path)
        with path.open("rb") as file:
            forget(file)
        # No hash: there is nothing to verify in random numbers.
        info = replace(info, files=(*info.files, PackedFile(path.name, path.stat().st_size, "")))
    config = {"model_type": "qwen2" if shape.family == "qwen" else "glm", "dtype": "bfloat16", **shape.config()}
    (part / "config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")
    write_packed(part, info)


def _values(kind: str, size: tuple[int, ...], random: np.random.Generator) -> Any:
    """A tensor whose values, as the layout reads them, have a mean of 0 and the spread of a trained layer's."""
    import torch

    match kind:
        case "nibbles":
            return torch.from_numpy(random.integers(0, 256, size, np.uint8))
        case "int8":
            return torch.from_numpy(random.integers(-127, 128, size, np.int8))
        case "steps":
            # A nibble is read as 8 less, which is half a step too little on average; the zero corrects it.
            step = SPREAD / NIBBLE_STEPS
            return torch.tensor([step, step / 2], dtype=torch.bfloat16).expand(size).contiguous()
        case "scale8":
            return torch.full(size, SPREAD / BYTE_STEPS)
        case "ones":
            return torch.ones(size, dtype=torch.bfloat16)
    generator = torch.Generator().manual_seed(int(random.integers(1 << 31)))
    return torch.empty(size, dtype=torch.bfloat16).normal_(0, SPREAD, generator=generator)
