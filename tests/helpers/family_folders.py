"""Small checkpoints of many families, whose weights are large enough that every part of a layer counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from native_folders import CHATML, _with_tokenizer, byte_tokenizer

_SIZES = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "max_position_embeddings": 512,
    "pad_token_id": None,
    "bos_token_id": None,
    "tie_word_embeddings": False,
}
# Every family takes the keys that it knows.
_EXPERTS = {
    "moe_intermediate_size": 64,
    "num_experts": 8,
    "num_local_experts": 8,
    "n_routed_experts": 8,
    "num_experts_per_tok": 2,
    "n_group": 2,
    "topk_group": 1,
    "n_shared_experts": 1,
    "first_k_dense_replace": 1,
    "decoder_sparse_step": 1,
    "mlp_only_layers": [],
}
_SPECIAL: dict[str, dict[str, Any]] = {
    "minimax_m2": {"rotary_dim": 8},
    "ernie4_5_moe": {
        "moe_num_experts": 8,
        "moe_k": 2,
        "moe_num_shared_experts": 1,
        "moe_layer_start_index": 1,
    },
    "llama4_text": {"intermediate_size_mlp": 96, "interleave_moe_layer_step": 1},
}


def family_folder(place: Path, model_type: str, **changes: Any) -> Path:
    """A folder in bfloat16 of a type that transformers knows, with a bias for experts that changes their choice."""
    import torch
    import transformers

    tokenizer = byte_tokenizer()
    wrapped = _with_tokenizer(place, CHATML, tokenizer)
    ids = {"vocab_size": tokenizer.get_vocab_size(), "eos_token_id": wrapped.eos_token_id}
    sizes = {**_SIZES, **_EXPERTS, **ids, **_SPECIAL.get(model_type, {}), **changes}
    config = transformers.CONFIG_MAPPING[model_type](**sizes)
    torch.manual_seed(3)
    model = transformers.MODEL_FOR_CAUSAL_LM_MAPPING[type(config)](config)
    with torch.no_grad():
        for name, value in model.named_parameters():
            if value.dim() == 1:
                value.add_(0.2 * torch.randn_like(value))
            else:
                share = 3 if "lm_head" in name else 1
                value.normal_(0, 1 if "embed" in name else share * value.shape[-1] ** -0.5)
        for name, value in model.state_dict(keep_vars=True).items():
            if "correction" in name:
                value.normal_()
    model.to(torch.bfloat16).save_pretrained(place)
    return place
