"""How much memory a model takes, from its heads and its configuration. Knows nothing of the machine, loads nothing.

Weights in another dtype than they are stored in are counted once, as converted: the pages of the file they are read
from are clean, and the system takes them back as it needs them (measured: none is left after loading).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arena.errors import BackendError
from arena.types import ModelSpec
from backends.checking.contents import gguf_parts, stored_elements
from backends.folder.checkpoint import find_weights, read_config
from backends.folder.gguf import GgufHead, read_gguf
from backends.folder.packed import is_packed, packed_weights, read_packed
from backends.llama.engine import PIECE as LLAMA_PIECE
from backends.llama.engine import SLOTS
from backends.models.resolve import model_file
from backends.stepping.sizes import PIECE as HF_PIECE
from backends.stepping.sizes import ROWS, cache_budget, grown

MB = 1_000_000
# Importing torch and transformers; what they import and keep besides as they open a model, with its tokenizer.
# Measured: 293 and 160.
TRANSFORMERS_IMPORTS = 300 * MB
TRANSFORMERS_MODEL = 160 * MB
# xllamacpp and httpx with what the library keeps, without its buffers (measured).
LLAMA_MODEL = 60 * MB
# The sampler's own of one row's scores, in 32 bits, at most: a sort of all ids has 64.
SAMPLER_COPIES = 8
_ELEMENT_BYTES = {"bf16": 2, "fp32": 4}
_PACKED_BYTES = 2  # packed weights are multiplied with, and give, bfloat16
_FLOATS = ("F64", "F32", "F16", "BF16")
_CACHE_BYTES = 2  # llama.cpp keeps keys and values as f16


@dataclass(frozen=True)
class Need:
    """Bytes for the weights, for the keys and values of all conversations together, and for everything else."""

    weights: int
    cache: int
    overhead: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.cache + self.overhead


@dataclass(frozen=True)
class Shape:
    """The sizes that memory depends on, whatever a family calls them."""

    layers: int
    hidden: int
    feed_forward: int
    vocabulary: int
    heads: int
    kv_heads: int
    head_size: int

    def cache_bytes(self, tokens: int, element: int) -> int:
        """Keys and values of so many tokens."""
        return 2 * self.layers * self.kv_heads * self.head_size * tokens * element

    def scores_bytes(self, rows: int, element: int) -> int:
        """Scores of all ids, for so many places."""
        return rows * self.vocabulary * element

    def between_bytes(self, tokens: int, element: int) -> int:
        """What is between the layers, for a piece of a prompt."""
        return tokens * (4 * self.feed_forward + 8 * self.hidden) * element

    def attention_bytes(self, tokens: int, element: int) -> int:
        """Keys and values of one layer once more: with a copy for every head, or as they move to where more room is."""
        return 2 * self.heads * self.head_size * tokens * element


def need_of(spec: ModelSpec) -> Need | None:
    """What loading and using the model takes; None if it is no model in memory. Raises if it is damaged or gone."""
    match spec.runtime:
        case "llama.cpp":
            return _gguf_need(model_file(spec), spec.context_length)
        case "transformers":
            return _folder_need(Path(spec.source), spec)
    return None


def folder_shape(config: Mapping[str, Any], name: str) -> Shape:
    """The sizes in a folder's config.json. Raises BackendError for an original that cannot be read."""
    from backends.families import chatglm, qwen

    family = {"qwen": qwen, "chatglm": chatglm}.get(str(config.get("model_type")))
    inner = config.get("text_config")
    # Some native folders nest what describes the text part.
    known = family.model_config(config, name) if family else inner if isinstance(inner, dict) else config
    hidden = _size(known, "hidden_size", "n_embd")
    heads = _size(known, "num_attention_heads", "n_head") or 1
    return Shape(
        layers=_size(known, "num_hidden_layers", "n_layer"),
        hidden=hidden,
        feed_forward=_size(known, "intermediate_size", "n_inner") or 4 * hidden,
        vocabulary=_size(known, "vocab_size"),
        heads=heads,
        kv_heads=_size(known, "num_key_value_heads") or heads,
        head_size=_size(known, "head_dim") or hidden // heads,
    )


def _folder_need(folder: Path, spec: ModelSpec) -> Need:
    shape = folder_shape(read_config(folder), folder.name)
    if is_packed(folder):
        return _packed_need(folder, shape, spec.context_length)
    stored = stored_elements(folder, find_weights(folder))
    element = _ELEMENT_BYTES[spec.precision]
    # All floats become the chosen dtype; the rest is tables too small to matter.
    weights = sum(count * element for kind, count in stored.items() if kind in _FLOATS)
    return Need(weights, *_for_talks(shape, spec.context_length, element))


def _packed_need(folder: Path, shape: Shape, tokens: int) -> Need:
    """All is mapped as it is; of the embedding only the rows of words that occur are ever read."""
    weights = sum(file.stat().st_size for file in packed_weights(folder, read_packed(folder)).files)
    weights -= shape.vocabulary * shape.hidden * _PACKED_BYTES
    return Need(max(0, weights), *_for_talks(shape, tokens, _PACKED_BYTES))


def _for_talks(shape: Shape, tokens: int, element: int) -> tuple[int, int]:
    """Keys and values of all conversations, and what is not the model's own."""
    imports = 0 if "backends.hf.engine" in sys.modules else TRANSFORMERS_IMPORTS
    cache = cache_budget(shape.cache_bytes(grown(tokens), element))
    return cache, imports + TRANSFORMERS_MODEL + _working(shape, tokens, element)


def _working(shape: Shape, context_length: int, element: int) -> int:
    """What the transformers runtime takes for a moment: for a piece of a prompt, or for a step of all rows."""
    scores = shape.scores_bytes(ROWS, element) + shape.scores_bytes(SAMPLER_COPIES, 4)
    # Which tokens see which: as truths, and as the numbers that the library makes of them.
    mask = HF_PIECE * context_length * (1 + element)
    return shape.between_bytes(HF_PIECE, element) + shape.attention_bytes(context_length, element) + mask + scores


def _gguf_need(path: Path, context_length: int) -> Need:
    weights = sum(part.stat().st_size for part in gguf_parts(path))
    try:
        head = read_gguf(path)
    except BackendError:
        # The engine says what is wrong with it; until then the file's size is all that is known.
        return Need(weights, 0, LLAMA_MODEL)
    shape = _gguf_shape(head)
    working = shape.between_bytes(LLAMA_PIECE, 4) + shape.scores_bytes(LLAMA_PIECE, 4)
    return Need(weights, shape.cache_bytes(SLOTS * context_length, _CACHE_BYTES), LLAMA_MODEL + working)


def _gguf_shape(head: GgufHead) -> Shape:
    def size(key: str) -> int:
        value = head.of_model(key)
        # A list has one value a layer; only their sum matters.
        return math.ceil(sum(map(_whole, value)) / len(value)) if value and isinstance(value, list) else _whole(value)

    heads = size("attention.head_count") or 1
    embedding = size("embedding_length")
    tokens = head.metadata.get("tokenizer.ggml.tokens")
    return Shape(
        layers=size("block_count"),
        hidden=embedding,
        feed_forward=size("feed_forward_length"),
        vocabulary=size("vocab_size") or (len(tokens) if isinstance(tokens, list) else _whole(tokens)),
        heads=heads,
        kv_heads=size("attention.head_count_kv") or heads,
        head_size=size("attention.key_length") or embedding // heads,
    )


def _size(config: Mapping[str, Any], *keys: str) -> int:
    return next((value for key in keys if (value := _whole(config.get(key)))), 0)


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
