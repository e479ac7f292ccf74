"""Writes a packed folder of random weights with a model's shape."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from arena.errors import ArenaError, BackendError
from backends.folder.packed import WEIGHTS, PackedFile, PackedInfo, packed_weights, read_packed, write_packed
from backends.machine.pages import forget
from bench.probe import Progress
from bench.resources import check_disk
from bench.weights.shapes import Shape

# As quantize packs by default: neighbours that share a scale.
GROUP = 32
INSTALL = "pip install -r requirements-hf.txt"
# The standard deviation of a trained layer's weights is about this.
SPREAD = 0.02
# The standard deviation of uniform 4-bit and 8-bit integers, in steps.
NIBBLE_STEPS, BYTE_STEPS = 4.6, 73


def random_packed(shape: Shape, precision: str, work: Path, progress: Progress) -> Path:
    """The shape's folder below `work`, written if it does not exist yet. Raises InputError or BackendError."""
    folder = work / f"{shape.id}-{shape.layers}-layers-random@{precision}"
    info = _info(shape, precision)
    if folder.exists():
        _check(folder, info)
        return folder
    # Each Linear weight with its scales, the int8 head, the bfloat16 embedding.
    size = int(shape.parameters * (0.625 if precision == "int4" else 1) + 2 * shape.vocabulary * shape.hidden)
    check_disk(work, size)
    progress(f"Writing {size / 1e9:.1f} GB of random weights to {folder}, once ...")
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


def meta_model(shape: Shape) -> Any:
    """The library's model without memory for its weights. Raises BackendError if the library is missing."""
    try:
        import torch
        from transformers import GlmConfig, GlmForCausalLM, Qwen2Config, Qwen2ForCausalLM
    except ImportError as error:
        raise BackendError("bench_failed", f"{error.name} is missing; install it with: {INSTALL}") from error
    kind, cls = (Qwen2Config, Qwen2ForCausalLM) if shape.family == "qwen" else (GlmConfig, GlmForCausalLM)
    config = kind(**shape.config())
    config.dtype = torch.bfloat16
    with torch.device("meta"):
        return cls._from_config(config, dtype=torch.bfloat16, attn_implementation="sdpa")


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


def _write(part: Path, shape: Shape, info: PackedInfo, progress: Progress) -> None:
    model, random = meta_model(shape), np.random.default_rng(1)
    from safetensors.torch import save_file

    from backends.packed.slices import slices_of

    slices = slices_of(model)
    for number, piece in enumerate(slices):
        if number and number % 8 == 0:
            progress(f"Writing file {number} of {len(slices)} of {shape.name} ...")
        path = part / f"{WEIGHTS}{piece.name}.safetensors"
        modules = piece.modules
        save_file(dict(pair for place, module in modules for pair in _tensors(place, module, info, random)), path)
        with path.open("rb") as file:
            forget(file)
        # No hash: there is nothing to verify in random numbers.
        info = replace(info, files=(*info.files, PackedFile(path.name, path.stat().st_size, "")))
    config = {"model_type": "qwen2" if shape.family == "qwen" else "glm", "dtype": "bfloat16", **shape.config()}
    (part / "config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")
    write_packed(part, info)


def _tensors(place: str, module: Any, info: PackedInfo, random: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """A module's tensors, packed. As they are read, values have a mean of 0 and the spread of a trained layer's."""
    import torch

    from backends.packed.scheme import BLOCK

    def floats(size: Sequence[int]) -> Any:
        generator = torch.Generator().manual_seed(int(random.integers(1 << 31)))
        return torch.empty(size, dtype=torch.bfloat16).normal_(0, SPREAD, generator=generator)

    if not isinstance(module, torch.nn.Linear):
        size = module.weight.shape
        yield f"{place}.weight", torch.ones(size, dtype=torch.bfloat16) if "norm" in place else floats(size)
        return
    rows, columns = module.weight.shape
    if module.bias is not None:
        yield f"{place}.bias", floats([rows])
    if info.precision == "int4" and place != "lm_head":
        blocks, step = -(-rows // BLOCK), SPREAD / NIBBLE_STEPS
        yield f"{place}.packed", torch.from_numpy(random.integers(0, 256, (blocks, columns, BLOCK // 2), np.uint8))
        # A nibble is read as 8 less, which is half a step too little on average; the zero corrects it.
        pair = torch.tensor([step, step / 2], dtype=torch.bfloat16)
        yield f"{place}.scales", pair.expand(blocks, columns // GROUP, BLOCK, 2).contiguous()
    else:
        yield f"{place}.weight8", torch.from_numpy(random.integers(-127, 128, (rows, columns), np.int8))
        yield f"{place}.scale8", torch.full([rows], SPREAD / BYTE_STEPS)
