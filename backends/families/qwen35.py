"""Qwen3.5: the text part of a published folder, most of whose layers (Gated DeltaNet) keep a state of a fixed size."""

from collections.abc import Mapping
from typing import Any

from backends.families import MOST_LAYERS, whole_number

# The model_type of a published folder, and of the text part in it.
MODEL_TYPE, TEXT_TYPE = "qwen3_5", "qwen3_5_text"
# The names of tensors in a published folder, and here.
RENAME = r"^model\.language_model\.", "model."
# Parameters that stay in 32 bits: how fast each head forgets, and the norm of what it reads.
FLOAT32 = ("A_log", "linear_attn.norm.weight")
_LINEAR = "linear_attention"
# The library's values for keys that config.json lacks.
_DEFAULTS = {
    "full_attention_interval": 4,
    "linear_conv_kernel_dim": 4,
    "linear_key_head_dim": 128,
    "linear_value_head_dim": 128,
    "linear_num_key_heads": 16,
    "linear_num_value_heads": 32,
}
_STATE_BYTES = 4


def left_out(model_type: str) -> tuple[str, ...]:
    """Prefixes of tensors that the text part has no use for: for pictures, and for guessing several tokens at once."""
    return ("model.visual.", "mtp.") if model_type == MODEL_TYPE else ()


def state_layers(config: Mapping[str, Any]) -> int:
    """How many layers keep a state in place of keys and values, by the text part's config. Raises ValueError."""
    if config.get("model_type") != TEXT_TYPE:
        return 0
    if isinstance(kinds := config.get("layer_types"), list):
        return kinds.count(_LINEAR)
    layers = whole_number(config, "num_hidden_layers", most=MOST_LAYERS)
    return layers - layers // whole_number(_DEFAULTS | dict(config), "full_attention_interval")


def state_bytes(config: Mapping[str, Any]) -> int:
    """The states of one conversation: in each such layer the last inputs of a convolution, and a matrix a head."""
    taps, key, value, key_heads, value_heads = (
        whole_number(_DEFAULTS | dict(config), f"linear_{part}", most=1 << 16)
        for part in ("conv_kernel_dim", "key_head_dim", "value_head_dim", "num_key_heads", "num_value_heads")
    )
    convolution = (taps - 1) * (2 * key_heads * key + value_heads * value)
    return state_layers(config) * (convolution + value_heads * key * value) * _STATE_BYTES
