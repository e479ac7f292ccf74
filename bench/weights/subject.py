"""The packed model that is measured: random weights of a shape, or a folder that exists."""

import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from arena.errors import ArenaError, BackendError, InputError
from backends.folder.packed import WEIGHTS, PackedInfo, is_packed, packed_weights, read_packed, write_packed
from backends.machine.pages import forget
from backends.models.resolve import resolve
from bench.probe import Progress
from bench.weights import check_disk, written_whole
from bench.weights.shapes import CONTEXT_LENGTH, SHAPES, SPREAD, Shape, meta_model, random_fill, shape_of
from hubs import ListedFile

# As quantize packs by default: neighbours that share a scale.
GROUP = 32
# The standard deviation of uniform 4-bit integers, in steps.
NIBBLE_STEPS = 4.6
# The scale of every group, in units.
SCALE = 100


@dataclass(frozen=True)
class Subject:
    """`weight_bytes` are all weights, `read_bytes` those that are read for every token.

    `shape` is None for a model of neither family: there are no random weights for its rivals.
    """

    id: str
    name: str
    folder: str
    precision: str
    weights: Literal["random", "real"]
    weight_bytes: int
    read_bytes: int
    context_length: int
    layers: int
    shape: Shape | None


def random_subject(model: str, layers: int | None, precision: str, work: Path, progress: Progress) -> Subject:
    """Random weights with the shape of a known model, below `work`. Raises InputError or BackendError."""
    shape = shape_of(model, layers)
    folder = random_packed(shape, precision, work, progress)
    return _subject(f"{model}@{precision}", f"{shape.name} {precision}", folder, CONTEXT_LENGTH)


def packed_subject(model: str) -> Subject:
    """A packed model by its name. Raises InputError or BackendError."""
    spec = resolve(model)
    folder = Path(spec.source)
    if spec.runtime != "transformers" or not is_packed(folder):
        message = f"{model} is not a packed model; use one such as qwen-7b-chat@int4, or a folder made by quantize."
        raise InputError("bench_unpacked", message, model=model)
    return _subject(spec.id, spec.name, folder, spec.context_length)


def _subject(model_id: str, name: str, folder: Path, context_length: int) -> Subject:
    from backends.packed.residual import RESIDUAL

    info = read_packed(folder)
    tensors = packed_weights(folder, info).tensors or {}
    sizes = {key: entry["data_offsets"][1] - entry["data_offsets"][0] for key, entry in tensors.items()}
    return Subject(
        id=model_id,
        name=name,
        folder=str(folder.resolve()),
        precision=info.precision,
        weights="random" if info.revision.startswith("random") else "real",
        weight_bytes=sum(sizes.values()),
        # A token reads one row of the embedding, and few of the residual.
        read_bytes=sum(size for key, size in sizes.items() if ".embed_tokens." not in key and RESIDUAL[0] not in key),
        context_length=context_length,
        layers=len({key.partition(".layers.")[2].partition(".")[0] for key in sizes} - {""}),
        shape=folder_shape(folder),
    )


def folder_shape(folder: Path) -> Shape | None:
    """The shape of a folder's model, with the id of a known one if it is the same; None for another family."""
    from backends.families.weights import architecture_of

    config = architecture_of(folder).config
    alike = [shape for shape in SHAPES.values() if shape.model_type == config.model_type]
    # A tied head is in no file of the rivals: theirs always have a head of their own.
    if not alike or config.tie_word_embeddings:
        return None
    sizes = {size: getattr(config, size) for size in alike[0].sizes}
    for known in alike:
        if sizes == (same := known.resized(num_hidden_layers=config.num_hidden_layers)).sizes:
            return same
    shape = Shape(folder.name, folder.name, sizes)
    # Files of random weights are named by this id: two models must not share it.
    return replace(shape, id=f"{folder.name}-{shape.digest}")


def random_packed(shape: Shape, precision: str, work: Path, progress: Progress) -> Path:
    """The shape's folder below `work`, written if it does not exist yet. Raises InputError or BackendError."""
    folder = work / f"{shape.id}-{shape.layers}-layers-random@{precision}"
    info = PackedInfo(
        precision=precision,
        group=GROUP if precision == "int4" else 0,
        method="nearest",
        source=shape.id,
        revision=f"random-{shape.digest}",
    )
    if folder.exists():
        _check(folder, info)
        return folder
    # Each Linear weight with its scales, the output layer's residual, the bfloat16 embedding.
    embedding = 2 * shape.vocabulary * shape.sizes["hidden_size"]
    size = int(shape.parameters * (0.565 if precision == "int4" else 1) + embedding)
    check_disk(work, size)
    progress(f"Writing {size / 1e9:.1f} GB of random weights to {folder}, once ...")
    with written_whole(folder) as part:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        _write(part, shape, info, progress)
    return folder


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
    model, fill, random = meta_model(shape), random_fill(), np.random.default_rng(1)
    import torch
    from safetensors.torch import save_file

    from backends.families.qwen35 import FLOAT32
    from backends.packed.slices import packed_tensors, slices_of

    wide = {name: torch.float32 if name.endswith(FLOAT32) else torch.bfloat16 for name in model.state_dict()}
    slices = slices_of(model)
    for number, piece in enumerate(slices):
        if number and number % 8 == 0:
            progress(f"Writing file {number} of {len(slices)} of {shape.name} ...")
        path = part / f"{WEIGHTS}{piece.name}.safetensors"
        for _, module in piece.modules:
            fill(module)
        rounded = dict(_rounded4(piece.modules, random)) if info.group else {}
        with torch.no_grad():
            save_file(packed_tensors(piece, info, wide, (), rounded, lambda size: None), path)
        for _, module in piece.modules:
            module.to_empty(device="meta", recurse=False)
        with path.open("rb") as file:
            forget(file)
        # No hash: there is nothing to verify in random numbers.
        info = replace(info, files=(*info.files, ListedFile(path.name, path.stat().st_size, "")))
    config = {"dtype": "bfloat16", **shape.config}
    if shape.model_type == "qwen3_5_text":
        # Nested, as in the published folders.
        config = {"model_type": "qwen3_5", "dtype": "bfloat16", "text_config": config}
    (part / "config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")
    write_packed(part, info)


def _rounded4(modules: Iterable[tuple[str, Any]], random: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """Random nibbles for each matrix: real rounding takes minutes."""
    import torch

    from backends.packed.scheme import FINE, Rounded4, fitting_group

    for place, module in modules:
        if type(module) is torch.nn.Linear and (group := fitting_group(module.weight.shape, GROUP)):
            rows, columns = module.weight.shape
            q = torch.from_numpy(random.integers(0, 16, (rows, columns), np.uint8))
            scale = torch.full((rows, columns // group), SCALE, dtype=torch.uint8)
            # A nibble is read as 8 less, which is half a step too little on average.
            zero = torch.full_like(scale, FINE // 2, dtype=torch.int8)
            yield place, Rounded4(q, scale, zero, torch.full((rows,), SPREAD / NIBBLE_STEPS / SCALE))
