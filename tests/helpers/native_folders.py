"""Small checkpoints of kinds that transformers knows itself, made here with a tokenizer of their own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# Cuts reasoning out of old answers and trims, as published ones do.
QWEN3 = CHATML.replace("{{ m.content }}", "{{ m.content.split('</think>')[-1] | trim }}")
# Opens the answer with an empty thought, which is not in the answer when the next turn is rendered.
QWEN35 = QWEN3.replace("assistant\n{% endif %}", "assistant\n<think>\n\n</think>\n\n{% endif %}")
GLM4 = (
    "[gMASK]<sop>{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
LLAMA = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]"
    "{% else %} {{ m.content }}{{ eos_token }}{% endif %}{% endfor %}"
)
MARKS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "[gMASK]", "<sop>", "<|user|>", "<|assistant|>", "<|system|>")
THINK = ("<think>", "</think>")
TEXT = [
    "system user assistant You are a helpful assistant. Hello world, this is a tiny text. I think so.",
    "你好，世界！今天天气很好。我们一起去公园。def f(x):\n    return x + 1\n\n\tif x:\n",
]


def byte_tokenizer() -> Any:
    """A byte-level BPE tokenizer like Qwen's and GLM-4's, trained on two lines."""
    import tokenizers
    from tokenizers import decoders, models, pre_tokenizers, trainers

    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=500, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(TEXT, trainer)
    tokenizer.add_special_tokens([tokenizers.AddedToken(mark, special=True) for mark in MARKS])
    tokenizer.add_tokens([tokenizers.AddedToken(mark, normalized=False) for mark in THINK])
    return tokenizer


def piece_tokenizer() -> Any:
    """A tokenizer in the manner of Llama 2: ▁ for spaces, one in front, single bytes for what it does not know."""
    import tokenizers
    from tokenizers import decoders, models, normalizers, trainers

    tokenizer = tokenizers.Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    alphabet = [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=500, special_tokens=["<unk>", "<s>", "</s>", *alphabet], show_progress=False
    )
    tokenizer.train_from_iterator(TEXT, trainer)
    description = json.loads(tokenizer.to_str())
    # Single bytes are pieces of the vocabulary, not marks.
    description["added_tokens"] = [mark for mark in description["added_tokens"] if "<0x" not in mark["content"]]
    return tokenizers.Tokenizer.from_str(json.dumps(description))


def native_folder(
    place: Path, kind: str = "Qwen2", template: str | None = CHATML, tokenizer: Any = None, **special: Any
) -> Path:
    """A folder with random weights. `special` are keys of tokenizer_config.json such as eos_token."""
    import torch
    import transformers

    tokenizer = tokenizer or byte_tokenizer()
    wrapped = _with_tokenizer(place, template, tokenizer, **special)
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=64,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=24,
        max_position_embeddings=512,
        eos_token_id=wrapped.eos_token_id,
        pad_token_id=None,
        bos_token_id=None,
        tie_word_embeddings=False,
    )
    torch.manual_seed(3)
    getattr(transformers, f"{kind}ForCausalLM")(config).to(torch.bfloat16).save_pretrained(place)
    return place


def _with_tokenizer(place: Path, template: str | None, tokenizer: Any, **special: Any) -> Any:
    import transformers

    place.mkdir(parents=True)
    wrapped = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, **({"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"} | special)
    )
    wrapped.chat_template = template
    wrapped.save_pretrained(place)
    return wrapped


def qwen35_model(vocabulary: int = 512, **changes: Any) -> Any:
    """A random Qwen3.5 of the library in float32, with norms and decays that are none of the defaults."""
    import torch
    from transformers import Qwen3_5ForCausalLM, Qwen3_5TextConfig

    torch.manual_seed(7)
    rope = {"rope_type": "default", "rope_theta": 1e7, "partial_rotary_factor": 0.25, "mrope_section": [2, 1, 1]}
    sizes = {
        "vocab_size": vocabulary,
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 32,
        "linear_key_head_dim": 16,
        "linear_value_head_dim": 16,
        "linear_num_key_heads": 2,
        "linear_num_value_heads": 4,
        "max_position_embeddings": 1024,
        "tie_word_embeddings": True,
        "rope_parameters": rope | {"mrope_interleaved": True},
    }
    model = Qwen3_5ForCausalLM(Qwen3_5TextConfig(**sizes | changes)).eval()
    for name, value in model.named_parameters():
        if "norm" in name or "dt_bias" in name:
            value.data += 0.3 * torch.randn_like(value)
        elif "A_log" in name:
            # With the default decays, near 0, the library's own float32 is 4e-4 from its float64.
            value.data.uniform_(0.01, 0.5).log_()
        else:
            # A layer adds little to its input, as in trained models.
            share = 0.1 if name.endswith(("out_proj.weight", "o_proj.weight", "down_proj.weight")) else 1.0
            share *= 3 if "conv1d" in name else 1
            value.data.normal_(0, 0.1 if "embed" in name or "lm_head" in name else share * value.shape[-1] ** -0.5)
    return model


def qwen35_folder(place: Path, dtype: str = "bfloat16", **changes: Any) -> Path:
    """Qwen3.5 in the published layout: nested, with tensors for pictures and further tokens, and some in 32 bits."""
    import torch
    from safetensors.torch import save_file

    tokenizer = byte_tokenizer()
    wrapped = _with_tokenizer(place, QWEN35, tokenizer)
    model = qwen35_model(tokenizer.get_vocab_size(), **changes)
    text = model.config.to_dict()
    tied = text.pop("tie_word_embeddings")
    text["eos_token_id"] = wrapped.eos_token_id
    vision = {"model_type": "qwen3_5_vision", "depth": 1, "hidden_size": 16, "num_heads": 2, "out_hidden_size": 64}
    outer = {"architectures": ["Qwen3_5ForConditionalGeneration"], "model_type": "qwen3_5", "dtype": dtype}
    write_json(
        place / "config.json", outer | {"tie_word_embeddings": tied, "text_config": text, "vision_config": vision}
    )
    tensors = {
        "model.visual.patch_embed.proj.weight": torch.randn(16, 3, 2, 4, 4),
        "model.visual.merger.norm.weight": torch.randn(16),
        "mtp.fc.weight": torch.randn(64, 128),
        "mtp.layers.0.self_attn.q_norm.weight": torch.randn(32),
    }
    for name, value in model.named_parameters():
        tensors[name.replace("model.", "model.language_model.", 1)] = value.data
    wide = ("A_log", "linear_attn.norm.weight")
    stored = {
        name: value if name.endswith(wide) else value.to(getattr(torch, dtype)) for name, value in tensors.items()
    }
    save_file(stored, place / "model.safetensors", {"format": "pt"})
    return place


def write_json(path: Path, value: Any) -> None:
    """Writes a JSON file."""
    path.write_text(json.dumps(value), encoding="utf-8")
