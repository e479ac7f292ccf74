"""The shapes of Qwen-7B-Chat and ChatGLM3-6B. Speed and memory depend on the shape alone, so random weights do."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from arena.errors import BackendError, InputError
from backends.families import UNTIED

INSTALL = "pip install -r requirements-hf.txt"
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


@dataclass(frozen=True)
class Shape:
    """The sizes that determine every tensor."""

    id: str
    name: str
    family: Literal["qwen", "chatglm"]
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

    @property
    def qkv(self) -> int:
        """Rows of the query, key and value projections together."""
        return (self.heads + 2 * self.kv_heads) * self.head_dim

    @property
    def parameters(self) -> int:
        """The number of weights, norms and biases included."""
        attention = (self.hidden + 1) * self.qkv + self.heads * self.head_dim * self.hidden
        layer = attention + 3 * self.hidden * self.inner + 2 * self.hidden
        return 2 * self.vocabulary * self.hidden + self.layers * layer + self.hidden

    @property
    def digest(self) -> str:
        """Differs between any two shapes."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]

    def config(self) -> dict[str, Any]:
        """The arguments of a Qwen2Config or GlmConfig."""
        rope: dict[str, Any] = {"rope_type": "default", "rope_theta": self.rope_theta}
        arguments = {
            **{argument: getattr(self, size) for argument, size in SIZES.items()},
            "max_position_embeddings": self.context_length,
            "rope_parameters": rope,
            **UNTIED,
        }
        if self.family == "chatglm":
            rope["partial_rotary_factor"] = 0.5
            arguments |= {"head_dim": self.head_dim, "attention_bias": True}
        return arguments


QWEN = Shape(
    id="qwen-7b-chat",
    name="Qwen-7B-Chat",
    family="qwen",
    vocabulary=151936,
    hidden=4096,
    inner=11008,
    layers=32,
    heads=32,
    kv_heads=32,
    head_dim=128,
    epsilon=1e-6,
)
CHATGLM3 = Shape(
    id="chatglm3-6b",
    name="ChatGLM3-6B",
    family="chatglm",
    vocabulary=65024,
    hidden=4096,
    inner=13696,
    layers=28,
    heads=32,
    kv_heads=2,
    head_dim=128,
    epsilon=1e-5,
)
SHAPES = {shape.id: shape for shape in (QWEN, CHATGLM3)}


def shape_of(model: str, layers: int | None = None) -> Shape:
    """The shape of a model, with `layers` layers if given. Raises InputError for an unknown model."""
    if model not in SHAPES:
        message = f"There is no shape of {model!r}; use {' or '.join(SHAPES)}."
        raise InputError("bench_model", message)
    return SHAPES[model] if layers is None else replace(SHAPES[model], layers=layers)


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
