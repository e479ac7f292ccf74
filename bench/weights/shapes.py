"""The shapes of Qwen-7B-Chat and ChatGLM3-6B. Speed and memory depend on the shape alone, so random weights do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from arena.errors import InputError


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

    def config(self) -> dict[str, Any]:
        """The arguments of a Qwen2Config or GlmConfig."""
        rope: dict[str, Any] = {"rope_type": "default", "rope_theta": self.rope_theta}
        arguments = {
            "vocab_size": self.vocabulary,
            "hidden_size": self.hidden,
            "intermediate_size": self.inner,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "max_position_embeddings": self.context_length,
            "rms_norm_eps": self.epsilon,
            "rope_parameters": rope,
            "tie_word_embeddings": False,
            "bos_token_id": None,
            "eos_token_id": None,
            "pad_token_id": None,
        }
        if self.family == "chatglm":
            rope["partial_rotary_factor"] = 0.5
            arguments |= {"head_dim": self.head_dim, "attention_bias": True}
        return arguments


QWEN = Shape("qwen-7b-chat", "Qwen-7B-Chat", "qwen", 151936, 4096, 11008, 32, 32, 32, 128, 1e-6)
CHATGLM3 = Shape("chatglm3-6b", "ChatGLM3-6B", "chatglm", 65024, 4096, 13696, 28, 32, 2, 128, 1e-5)
SHAPES = {shape.id: shape for shape in (QWEN, CHATGLM3)}


def shape_of(model: str, layers: int | None = None) -> Shape:
    """The shape of a model, with `layers` layers if given. Raises InputError for an unknown model."""
    if model not in SHAPES:
        message = f"There is no shape of {model!r}; use {' or '.join(SHAPES)}."
        raise InputError("unknown_model", message, model=model)
    return SHAPES[model] if layers is None else replace(SHAPES[model], layers=layers)
