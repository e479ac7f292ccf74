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
    place.mkdir(parents=True)
    wrapped = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, **({"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"} | special)
    )
    wrapped.chat_template = template
    wrapped.save_pretrained(place)
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        max_position_embeddings=512,
        eos_token_id=wrapped.eos_token_id,
        pad_token_id=None,
        bos_token_id=None,
        tie_word_embeddings=False,
    )
    torch.manual_seed(3)
    getattr(transformers, f"{kind}ForCausalLM")(config).to(torch.bfloat16).save_pretrained(place)
    return place


def write_json(path: Path, value: Any) -> None:
    """Writes a JSON file."""
    path.write_text(json.dumps(value), encoding="utf-8")
