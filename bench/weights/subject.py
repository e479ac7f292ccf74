"""The packed model that is measured, with the shape that its rivals get."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from arena.errors import InputError
from backends.folder.checkpoint import read_tensors
from backends.folder.packed import is_packed, packed_weights, read_packed
from backends.models.resolve import resolve
from bench.probe import Progress
from bench.weights.random_packed import random_packed
from bench.weights.shapes import SHAPES, Shape, shape_of

# By the library's name of the family.
_FAMILIES: dict[str, Literal["qwen", "chatglm"]] = {"qwen2": "qwen", "glm": "chatglm"}
_SIZES = ("family", "vocabulary", "hidden", "inner", "heads", "kv_heads", "head_dim")


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
    return _subject(f"{model}@{precision}", f"{shape.name} {precision}", folder, shape.context_length)


def packed_subject(model: str) -> Subject:
    """A packed model by its name. Raises InputError or BackendError."""
    spec = resolve(model)
    folder = Path(spec.source)
    if spec.runtime != "transformers" or not is_packed(folder):
        message = f"{model} is not a packed model; use one such as qwen-7b-chat@int4, or a folder made by quantize."
        raise InputError("bench_unpacked", message, model=model)
    return _subject(spec.id, spec.name, folder, spec.context_length)


def _subject(model_id: str, name: str, folder: Path, context_length: int) -> Subject:
    info = read_packed(folder)
    tensors = read_tensors(packed_weights(folder, info)) or {}
    sizes = {key: entry["data_offsets"][1] - entry["data_offsets"][0] for key, entry in tensors.items()}
    return Subject(
        model_id,
        name,
        str(folder.resolve()),
        precision=info.precision,
        weights="random" if info.revision.startswith("random") else "real",
        weight_bytes=sum(sizes.values()),
        # A token reads one row of the embedding.
        read_bytes=sum(size for key, size in sizes.items() if ".embed_tokens." not in key),
        context_length=context_length,
        layers=len({key.partition(".layers.")[2].partition(".")[0] for key in sizes} - {""}),
        shape=folder_shape(folder),
    )


def folder_shape(folder: Path) -> Shape | None:
    """The shape of a folder's model, with the id of a known one if it is the same; None for another family."""
    from backends.families.weights import architecture_of

    config = architecture_of(folder).config
    # A tied head is in no file of the rivals: theirs always have a head of their own.
    if config.model_type not in _FAMILIES or config.tie_word_embeddings:
        return None
    shape = Shape(
        id=folder.name,
        name=folder.name,
        family=_FAMILIES[config.model_type],
        vocabulary=config.vocab_size,
        hidden=config.hidden_size,
        inner=config.intermediate_size,
        layers=config.num_hidden_layers,
        heads=config.num_attention_heads,
        kv_heads=config.num_key_value_heads,
        head_dim=getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads,
        epsilon=config.rms_norm_eps,
    )
    for known in SHAPES.values():
        if all(getattr(known, size) == getattr(shape, size) for size in _SIZES):
            return replace(known, layers=shape.layers)
    # Files of random weights are named by this id: two models must not share it.
    sizes = "-".join(str(getattr(shape, size)) for size in _SIZES[1:])
    return replace(shape, id=f"{folder.name}-{sizes}")
