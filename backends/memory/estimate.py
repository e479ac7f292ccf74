"""Estimates how much memory a model takes, and how long a context the machine holds.

Weights that are converted to another dtype count once, as converted: the pages of the file they are read from are
clean, and the system evicts them as needed (measured: none is left after loading).
"""

import math
import sys
from bisect import bisect
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arena.errors import ArenaError, BackendError
from arena.types import ModelSpec
from backends import llama, stepping
from backends.families import original_family, qwen35
from backends.folder.checkpoint import positive, refusal, text_part
from backends.folder.contents import Checkpoint, elements_of, read_checkpoint
from backends.folder.gguf import GgufHead, gguf_parts, model_file, read_gguf
from backends.machine.memory import limit_bytes
from backends.stepping import GROWTH

MB = 1_000_000
# Importing torch and transformers; and what they keep while a model is open, with its tokenizer (measured: 293, 160).
TRANSFORMERS_IMPORTS = 300 * MB
TRANSFORMERS_MODEL = 160 * MB
# xllamacpp and httpx, without the buffers of the library (measured).
LLAMA_MODEL = 60 * MB
# The most copies of one row's scores in the sampler, in 32 bits; a sort of all ids has 64.
SAMPLER_COPIES = 8
_ELEMENT_BYTES = {"bf16": 2, "fp32": 4}
# The size of packed weights as a share of bfloat16, without the embedding.
PACKED_SHARES = {"int8": 0.52, "int4": 0.31}
_PACKED_BYTES = 2  # the inputs and outputs of packed layers are bfloat16
_FLOATS = ("F64", "F32", "F16", "BF16")
_CACHE_BYTES, _STATE_BYTES = 2, 4  # llama.cpp stores keys and values as f16, states of layers as f32


@dataclass(frozen=True)
class Need:
    """Bytes for the weights, for the caches of all conversations together, and for everything else."""

    weights: int
    cache: int
    overhead: int

    @property
    def total(self) -> int:
        """All bytes."""
        return self.weights + self.cache + self.overhead


# By the length of the context in tokens.
Needs = Callable[[int], Need]


@dataclass(frozen=True)
class Shape:
    """The sizes that memory depends on, under one name for all families."""

    attention_layers: int
    hidden: int
    feed_forward: int
    vocabulary: int
    heads: int
    kv_heads: int
    head_size: int
    # Bytes that other layers keep of a conversation.
    states: int = 0

    def cache_bytes(self, tokens: int, element: int) -> int:
        """Keys and values of this many tokens."""
        return 2 * self.attention_layers * self.kv_heads * self.head_size * tokens * element

    def scores_bytes(self, rows: int, element: int) -> int:
        """Scores of all ids, for this many positions."""
        return rows * self.vocabulary * element

    def between_bytes(self, tokens: int, element: int) -> int:
        """Activations between the layers, for a chunk of a prompt."""
        return tokens * (4 * self.feed_forward + 8 * self.hidden) * element


def need_of(spec: ModelSpec) -> Need | None:
    """The memory for loading and using the model; None for a runtime that loads none. Raises ArenaError."""
    needs = needs_of(spec)
    return needs(spec.context_length) if needs else None


def needs_of(spec: ModelSpec, fresh: bool = False) -> Needs | None:
    """The same by the length of the context; with `fresh` as in a process that has loaded no model yet."""
    match spec.runtime:
        case "llama.cpp":
            return _gguf_needs(model_file(spec))
        case "transformers":
            imports = 0 if "backends.hf.engine" in sys.modules and not fresh else TRANSFORMERS_IMPORTS
            return _folder_needs(read_checkpoint(Path(spec.source)), spec.precision, imports)
    return None


def planned_needs(checkpoint: Checkpoint, stored: int, precision: str) -> Needs:
    """The same for a folder of which only the small files exist, from the bytes of its weights to come."""
    element = _PACKED_BYTES if precision in PACKED_SHARES else _ELEMENT_BYTES[precision]
    weights = stored // _stored_bytes(checkpoint) * element
    shape = _shape_of(checkpoint)
    return _running_needs(shape, round(weights * PACKED_SHARES.get(precision, 1)), element, TRANSFORMERS_IMPORTS)


def _shape_of(checkpoint: Checkpoint) -> Shape:
    try:
        return folder_shape(checkpoint.config)
    except ValueError as error:
        raise refusal(checkpoint.folder.name, str(error)) from error


def folder_shape(config: Mapping[str, Any]) -> Shape:
    """The sizes in a folder's config.json. Raises ValueError for one that is not supported."""
    family = original_family(config.get("model_type"))
    known = family.model_config(config) if family else text_part(config)
    hidden = _size(known, "hidden_size", "n_embd")
    heads = _size(known, "num_attention_heads", "n_head") or 1
    return Shape(
        attention_layers=_size(known, "num_hidden_layers", "n_layer") - qwen35.state_layers(known),
        hidden=hidden,
        feed_forward=_size(known, "intermediate_size", "n_inner") or 4 * hidden,
        vocabulary=_size(known, "vocab_size"),
        heads=heads,
        kv_heads=_size(known, "num_key_value_heads") or heads,
        head_size=_size(known, "head_dim") or hidden // heads,
        states=qwen35.state_bytes(known),
    )


def _folder_needs(checkpoint: Checkpoint, precision: str, imports: int) -> Needs:
    shape = _shape_of(checkpoint)
    if checkpoint.packed:
        element = _PACKED_BYTES
        # Everything is mapped; of the embedding only the rows of tokens that occur are read.
        files = sum(file.stat().st_size for file in checkpoint.weights().files)
        weights = max(0, files - shape.vocabulary * shape.hidden * element)
    else:
        element = _ELEMENT_BYTES[precision]
        weights = _stored_floats(checkpoint) * element
    return _running_needs(shape, weights, element, imports)


def _stored_floats(checkpoint: Checkpoint) -> int:
    """How many weights are converted: all floats that are used; the rest is tables too small to matter."""
    weights, unused = checkpoint.weights(), qwen35.left_out(checkpoint.model_type)
    if weights.tensors is None:
        return sum(file.stat().st_size for file in weights.files) // _stored_bytes(checkpoint)
    used = {name: entry for name, entry in weights.tensors.items() if not name.startswith(unused)}
    return sum(count for kind, count in elements_of(checkpoint.folder, used) if kind in _FLOATS)


def _stored_bytes(checkpoint: Checkpoint) -> int:
    """Bytes of a stored weight; without a dtype in config.json almost all have 16 bits."""
    config = checkpoint.config
    kinds = (text_part(config).get("dtype"), config.get("dtype"), config.get("torch_dtype"))
    return 4 if next(filter(None, kinds), "") == "float32" else 2


def _running_needs(shape: Shape, weights: int, element: int, imports: int) -> Needs:
    def needs(tokens: int) -> Need:
        cache = stepping.cache_budget(stepping.conversation_bytes(tokens, shape.cache_bytes(1, element), shape.states))
        return Need(weights, cache, imports + TRANSFORMERS_MODEL + _working(shape, tokens, element))

    return needs


def _working(shape: Shape, context_length: int, element: int) -> int:
    """Temporary memory of the transformers runtime, for a chunk of a prompt or a step of all rows."""
    chunk = stepping.PREFILL_CHUNK
    scores = shape.scores_bytes(stepping.ROWS, element) + shape.scores_bytes(SAMPLER_COPIES, 4)
    # The attention mask: as booleans, and as the numbers that the library makes of them.
    mask = chunk * context_length * (1 + element)
    # A second copy of one layer's keys and values, expanded to every head.
    attention = 2 * shape.heads * shape.head_size * context_length * element
    return shape.between_bytes(chunk, element) + attention + mask + scores


def _gguf_needs(path: Path) -> Needs:
    weights = sum(part.stat().st_size for part in gguf_parts(path))
    try:
        return head_needs(read_gguf(path), weights)
    except BackendError:
        # The engine will report the error; only the file's size is known.
        return lambda tokens: Need(weights, 0, LLAMA_MODEL)


def head_needs(head: GgufHead, weights: int) -> Needs:
    """The memory for a GGUF file with this head, by the length of the context."""
    shape = _gguf_shape(head)
    working = shape.between_bytes(llama.PREFILL_CHUNK, 4) + shape.scores_bytes(llama.PREFILL_CHUNK, 4)
    cached, states = shape.cache_bytes(llama.SLOTS, _CACHE_BYTES), llama.SLOTS * shape.states
    return lambda tokens: Need(weights, tokens * cached + states, LLAMA_MODEL + working)


def _gguf_shape(head: GgufHead) -> Shape:
    def size(key: str) -> int:
        value = head.of_model(key)
        # A list has one value per layer: the mean gives the same sum.
        if value and isinstance(value, list):
            return math.ceil(sum(map(positive, value)) / len(value))
        return positive(value)

    heads = size("attention.head_count") or 1
    embedding = size("embedding_length")
    tokens = head.metadata.get("tokenizer.ggml.tokens")
    layers, interval = size("block_count"), size("full_attention_interval")
    with_keys = layers // interval if interval else layers
    # A layer's last inputs of a convolution, and the memory of its heads.
    inner, state = size("ssm.inner_size"), size("ssm.state_size")
    convolution = max(0, size("ssm.conv_kernel") - 1) * (inner + 2 * size("ssm.group_count") * state)
    return Shape(
        attention_layers=with_keys,
        hidden=embedding,
        feed_forward=size("feed_forward_length"),
        vocabulary=size("vocab_size") or (len(tokens) if isinstance(tokens, list) else positive(tokens)),
        heads=heads,
        kv_heads=size("attention.head_count_kv") or heads,
        head_size=size("attention.key_length") or embedding // heads,
        states=(layers - with_keys) * (convolution + inner * state) * _STATE_BYTES,
    )


def _size(config: Mapping[str, Any], *keys: str) -> int:
    return next((value for key in keys if (value := positive(config.get(key)))), 0)


# ---- how long a context the memory holds


# Two models run side by side: each may take half of the memory.
_HALF = 0.5
# Beyond its half a model may take up to this share of the memory, for a context of up to _PLENTY tokens.
_MOST, _PLENTY = 0.9, 8192
# llama.cpp takes the memory of all its conversations at once, whatever their length.
_EAGER_CACHE, _EAGER_PLENTY = 0.125, 4096
# A shorter context is not offered: loading then reports how much memory is missing.
_LEAST = 1024


def held_context(spec: ModelSpec) -> int:
    """The tokens, at most `spec.context_length`, for which there is memory; all of them if the files are damaged.

    By what the machine or container has, not by what is free: a model has the same context in every command.
    """
    own, memory = spec.context_length, limit_bytes()
    with suppress(ArenaError, OSError):
        needs = needs_of(spec, fresh=True)
        if needs and memory:
            return _longest(needs, own, memory, eager=spec.runtime == "llama.cpp")
    return own


def _longest(needs: Needs, own: int, memory: int, eager: bool) -> int:
    """The longest context up to `own`, a multiple of GROWTH where it is shorter."""

    def fits(tokens: int, share: float, cache_share: float) -> bool:
        need = needs(tokens)
        return need.total <= share * memory and need.cache <= cache_share * memory

    def search(most: int, share: float, cache_share: float) -> int:
        if fits(most, share, cache_share):
            return most
        steps = range(-(-most // GROWTH))
        return max(0, bisect(steps, 0, key=lambda step: not fits(step * GROWTH, share, cache_share)) - 1) * GROWTH

    plenty = min(own, _EAGER_PLENTY if eager else _PLENTY)
    half = search(own, _HALF, _EAGER_CACHE if eager else 1)
    return half if half >= plenty else max(half, search(plenty, _MOST, 1), min(own, _LEAST))
