"""ChatGLM3-6B: tokenizer, chat format, configuration and tensor names.

Tool calls stay text: the original runs `eval` on them. The context ends at `seq_length`, like the original's table of
positions.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from arena.errors import ErrorInfo
from arena.text import without_lone_surrogates
from arena.types import Message
from backends.families import MOST_LAYERS, UNTIED, Chat, number, whole_number
from backends.folder.checkpoint import member, refusal
from backends.folder.contents import Checkpoint
from backends.streaming.decode import StrippedReply, WholeDecode

PIECES = 64789
PREFIX = (64790, 64792)  # [gMASK] sop
ROLES = {"system": 64794, "user": 64795, "assistant": 64796, "observation": 64797}
END_OF_TEXT = 2

_INSTEAD = ErrorInfo("instead_chatglm3", "Use ChatGLM3-6B, or a GGUF file of this model")
MODEL_CLASS = "Glm"
QKV = ".self_attention.query_key_value."
RENAMES = {
    r"^transformer\.embedding\.word_embeddings\.": "model.embed_tokens.",
    r"^transformer\.output_layer\.": "lm_head.",
    r"^transformer\.encoder\.final_layernorm\.": "model.norm.",
    r"^transformer\.encoder\.layers\.": "model.layers.",
    r"\.self_attention\.dense\.": ".self_attn.o_proj.",
    r"\.mlp\.dense_h_to_4h\.": ".mlp.gate_up_proj.",
    r"\.mlp\.dense_4h_to_h\.": ".mlp.down_proj.",
}
DROPPED = (r"rotary_pos_emb\.inv_freq",)
# What the mapping of tensors requires. All keys must exist: their defaults differ.
_WANTED = {
    "multi_query_attention": True,
    "rmsnorm": True,
    "post_layer_norm": True,
    "add_bias_linear": False,
    "apply_residual_connection_post_layernorm": False,
    "fp32_residual_connection": False,
}
_ABSENT = ("pre_seq_len", "prefix_projection")
# Keys that only the first ChatGLM-6B has, and the vocabulary of GLM-4 in its first layout.
_FIRST = ("position_encoding_2d", "inner_hidden_size")
_GLM4_VOCABULARY = 151552
# What the folders of other models say in their names, and what to call them.
_OTHERS = {"chatglm2": "ChatGLM2-6B", "codegeex": "CodeGeeX2-6B"}


def not_the_chat_model(checkpoint: Checkpoint) -> tuple[ErrorInfo, ErrorInfo] | None:
    """Why the folder is another model of the same layout, and what to use instead; None for ChatGLM3-6B.

    ChatGLM2, the base models and ChatGLM3-6B differ in their weights only, so the files must say which one it is.
    """
    config = checkpoint.config
    if any(key in config for key in _FIRST):
        return _other("ChatGLM-6B"), _INSTEAD
    if config.get("padded_vocab_size") == _GLM4_VOCABULARY:
        instead = "Use glm-4-9b-chat of the catalogue, or a GGUF file"
        return _other("GLM-4-9B (first layout)"), ErrorInfo("instead_glm4", instead)
    names = f"{config.get('_name_or_path')} {checkpoint.tokenizer.get('name_or_path')}".lower()
    for word, name in _OTHERS.items():
        if word in names:
            return _other(name), _INSTEAD
    if "-base" in names:
        return ErrorInfo("unsupported_base_format", "it is a base model, without a chat format"), _INSTEAD
    # Only ChatGLM3 has tokens for roles.
    if "chatglm3" in names or "<|user|>" in json.dumps(dict(checkpoint.tokenizer)):
        return None
    message = (
        "neither config.json nor tokenizer_config.json says that it is ChatGLM3-6B, and ChatGLM2-6B looks the same"
    )
    copy = "Copy ChatGLM3-6B's tokenizer_config.json into the folder if it is that model"
    return ErrorInfo("unsupported_unnamed", message), ErrorInfo("instead_tokenizer_config", copy)


def _other(name: str) -> ErrorInfo:
    return ErrorInfo("unsupported_other", f"it is {name}, which was not compared here", {"name": name})


def model_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a GlmConfig for the original's config.json. Raises ValueError."""
    for key, wanted in _WANTED.items():
        if config.get(key) is not wanted:
            raise ValueError(f"config.json has {key} {config.get(key)!r}; only {wanted!r} is supported")
    for key in _ABSENT:
        if config.get(key):
            raise ValueError(f"config.json has {key} {config[key]!r}, which is not supported")
    if not isinstance(config.get("add_qkv_bias"), bool):
        raise ValueError("config.json has no add_qkv_bias")
    return {
        "vocab_size": whole_number(config, "padded_vocab_size"),
        "hidden_size": whole_number(config, "hidden_size"),
        "intermediate_size": whole_number(config, "ffn_hidden_size"),
        "num_hidden_layers": whole_number(config, "num_layers", most=MOST_LAYERS),
        "num_attention_heads": whole_number(config, "num_attention_heads"),
        "num_key_value_heads": whole_number(config, "multi_query_group_num"),
        "head_dim": whole_number(config, "kv_channels"),
        "max_position_embeddings": whole_number(config, "seq_length"),
        "rms_norm_eps": number(config, "layernorm_epsilon", 1e-5),
        "attention_bias": config["add_qkv_bias"],
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 10000.0 * number(config, "rope_ratio", 1),
            "partial_rotary_factor": 0.5,
        },
        **UNTIED,
    }


class ChatGLMChat(Chat):
    """The tokenizer and chat format."""

    stop_ids = frozenset({END_OF_TEXT, ROLES["user"], ROLES["observation"]})

    def __init__(self, folder: Path) -> None:
        import sentencepiece

        try:
            self._pieces = sentencepiece.SentencePieceProcessor(model_file=str(member(folder, "tokenizer.model")))
        except (OSError, RuntimeError) as error:
            raise refusal(folder.name, "tokenizer.model is damaged") from error
        if self._pieces.vocab_size() != PIECES:
            reason = f"tokenizer.model has {self._pieces.vocab_size():,} tokens instead of {PIECES:,}"
            raise refusal(folder.name, reason)

    def encode(self, text: str) -> list[int]:
        """Plain text as ids; what looks like a special token is ordinary text."""
        # The library fails on half of a surrogate pair; tiktoken replaces it by the same character.
        return list(self._pieces.encode(without_lone_surrogates(text)))

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids, without special and unknown ones."""
        return str(self._pieces.decode([token for token in ids if END_OF_TEXT < token < PIECES]))

    def prompt_ids(self, messages: Sequence[Message]) -> list[int]:
        """The conversation as the original builds it: each text encoded alone after an empty metadata line."""
        ids = list(PREFIX)
        for message in messages:
            ids += [ROLES[message.role], *self.encode("\n"), *self.encode(message.content)]
        return [*ids, ROLES["assistant"]]

    def cut_ids(self, text: str) -> list[int]:
        return [*self.encode("\n"), *self.encode(text)]

    def decoder(self, cut: str = "") -> StrippedReply:
        # The empty metadata line is stripped like other white space; a first line with text stays.
        decode = WholeDecode(self.decode, self.cut_ids(cut) if cut else ())
        return StrippedReply(decode.feed, "[[训练时间]]", "2023年", cut)
