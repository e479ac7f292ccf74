"""The embedded GGUF file as a float model on transformers. Knows no rounding and no text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

_RENAMES = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def load_floats(path: Path) -> tuple[Any, Any]:
    """The model in float32 and its tokenizer."""
    # transformers opens such files only with yet another library (accelerate), so the weights are renamed here.
    import transformers
    from gguf import GGUFReader

    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    where, name = path.parent, path.name
    config = transformers.AutoConfig.from_pretrained(where, gguf_file=name, local_files_only=True)
    tokenizer = transformers.AutoTokenizer.from_pretrained(where, gguf_file=name, local_files_only=True)
    with torch.device("meta"):
        model = transformers.LlamaForCausalLM(config)
    model.to_empty(device="cpu")
    model.model.rotary_emb = type(model.model.rotary_emb)(config=config)
    weights = {_hub_name(tensor.name): _floats(tensor, config) for tensor in GGUFReader(path).tensors}
    model.load_state_dict({**weights, "lm_head.weight": weights["model.embed_tokens.weight"]})
    model.tie_weights()
    return model.eval(), tokenizer


def _hub_name(name: str) -> str:
    if not name.startswith("blk."):
        return f"{_RENAMES[name.removesuffix('.weight')]}.weight"
    _, layer, part, _ = name.split(".")
    return f"model.layers.{layer}.{_RENAMES[part]}.weight"


def _floats(tensor: Any, config: Any) -> torch.Tensor:
    from gguf import dequantize

    weight = torch.from_numpy(dequantize(tensor.data, tensor.tensor_type).copy())
    heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}
    for part, count in heads.items():
        if f".{part}." in tensor.name:
            # llama.cpp turns pairs of neighbours, transformers the first half against the second.
            size = weight.shape[0] // count
            return weight.view(count, size // 2, 2, -1).transpose(1, 2).reshape(weight.shape)
    return weight
