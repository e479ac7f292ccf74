"""The shapes of Qwen-7B-Chat, ChatGLM3-6B and later models of the two families, for random weights.

Speed and memory depend on the shape alone.
"""

import hashlib
import json
import tomllib
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from arena.errors import BackendError, InputError
from backends.families import UNTIED

INSTALL = "pip install -r requirements-hf.txt"
# Of Qwen3.5's layers that keep a state: their heads' size, heads of keys, and taps of the convolution. One layer in
# INTERVAL is an attention layer, the last.
STATE_HEAD, KEY_HEADS, TAPS, INTERVAL = 128, 16, 4, 4
# The sizes of a Shape by the library's names.
SIZES = {
    "vocab_size": "vocabulary",
    "hidden_size": "hidden",
    "intermediate_size": "inner",
    "num_hidden_layers": "layers",
    "num_attention_heads": "heads",
    "num_key_value_heads": "kv_heads",
    "rms_norm_eps": "epsilon",
}
# The library's names of the families.
LIBRARY_TYPES = {"qwen": "qwen2", "qwen3": "qwen3", "qwen35": "qwen3_5_text", "chatglm": "glm", "glm4": "glm4"}
Family = Literal["qwen", "qwen3", "qwen35", "chatglm", "glm4"]


@dataclass(frozen=True)
class Shape:
    """The sizes that determine every tensor.

    `value_heads` are those of layers that keep a state; `biased` is whether queries, keys and values have a bias.
    """

    id: str
    name: str
    family: Family
    vocabulary: int
    hidden: int
    inner: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    epsilon: float
    context_length: int = 8192
    rope_theta: float = 10000.0
    value_heads: int = 0
    biased: bool = True

    @property
    def qkv(self) -> int:
        """Rows of the query, key and value projections together."""
        return (self.heads + 2 * self.kv_heads) * self.head_dim

    @property
    def parameters(self) -> int:
        """The number of weights, norms and biases included."""
        wide = self.heads * self.head_dim
        attention = self.hidden * (self.qkv + wide)
        attention += self.qkv if self.biased else 0
        if self.family in ("qwen3", "qwen35"):
            attention += 2 * self.head_dim  # norms of queries and keys
        states = 0
        if self.family == "qwen35":
            attention += wide * self.hidden  # a gate for each query
            values = self.value_heads * STATE_HEAD
            projections = (self.channels + 2 * values + 2 * self.value_heads) * self.hidden
            states = projections + TAPS * self.channels + 2 * self.value_heads + STATE_HEAD
        with_keys = sum(map(self.has_keys, range(self.layers)))
        mixing = with_keys * attention + (self.layers - with_keys) * states
        norms = 4 if self.family == "glm4" else 2
        rest = self.layers * (3 * self.hidden * self.inner + norms * self.hidden) + self.hidden
        return 2 * self.vocabulary * self.hidden + mixing + rest

    def has_keys(self, layer: int) -> bool:
        """Whether a layer is one of attention."""
        return self.family != "qwen35" or layer % INTERVAL == INTERVAL - 1

    @property
    def channels(self) -> int:
        """Rows of the query, key and value projections of a layer that keeps a state."""
        return (2 * KEY_HEADS + self.value_heads) * STATE_HEAD

    @property
    def digest(self) -> str:
        """Differs between any two shapes."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]

    def config(self) -> dict[str, Any]:
        """The arguments of the library's configuration."""
        rope: dict[str, Any] = {"rope_type": "default", "rope_theta": self.rope_theta}
        arguments = {
            **{argument: getattr(self, size) for argument, size in SIZES.items()},
            "max_position_embeddings": self.context_length,
            "rope_parameters": rope,
            **UNTIED,
        }
        if self.family == "qwen3":
            arguments["head_dim"] = self.head_dim
        if self.family in ("chatglm", "glm4"):
            rope["partial_rotary_factor"] = 0.5
            arguments |= {"head_dim": self.head_dim, "attention_bias": self.biased}
        if self.family == "qwen35":
            rope |= {"partial_rotary_factor": 0.25, "mrope_section": [11, 11, 10], "mrope_interleaved": True}
            arguments |= {"head_dim": self.head_dim, "linear_num_value_heads": self.value_heads}
        return arguments


_ALL = {
    model: Shape(id=model, **sizes)
    for model, sizes in tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")).items()
}
SHAPES = {model: _ALL[model] for model in ("qwen-7b-chat", "chatglm3-6b")}
QWEN, CHATGLM3 = SHAPES.values()
# To be asked for by name.
OTHER_SHAPES = {model: shape for model, shape in _ALL.items() if model not in SHAPES}


def shape_of(model: str, layers: int | None = None) -> Shape:
    """The shape of a model, with `layers` layers if given. Raises InputError for an unknown model."""
    shapes = SHAPES | OTHER_SHAPES
    if model not in shapes:
        message = f"There is no shape of {model!r}; use {' or '.join(shapes)}."
        raise InputError("bench_model", message)
    return shapes[model] if layers is None else replace(shapes[model], layers=layers)


def meta_model(shape: Shape) -> Any:
    """The library's model without memory for its weights. Raises BackendError if the library is missing."""
    try:
        import torch
        import transformers
    except ImportError as error:
        raise BackendError("bench_failed", f"{error.name} is missing; install it with: {INSTALL}") from error
    config = transformers.AutoConfig.for_model(LIBRARY_TYPES[shape.family], **shape.config())
    config.dtype = torch.bfloat16
    with torch.device("meta"):
        model_class = transformers.MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]
        return model_class._from_config(config, dtype=torch.bfloat16, attn_implementation="sdpa")
