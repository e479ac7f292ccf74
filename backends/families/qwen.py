"""Qwen-7B-Chat and the other sizes of Qwen-1: tokenizer, chat format, configuration and tensor names.

Beyond `seq_length` the original uses NTK scaling and logn attention. Neither is implemented: the context ends at
`seq_length`, and up to there plain Qwen2 is exact.
"""

import base64
import binascii
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from arena.errors import ErrorInfo
from arena.types import Message
from backends.families import MOST_LAYERS, UNTIED, Chat, number, whole_number
from backends.folder.checkpoint import member, read_optional_json, refusal
from backends.folder.contents import Checkpoint
from backends.streaming.decode import StrippedReply, utf8_decoder

PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
RANKS = 151643
END_OF_TEXT, IM_START, IM_END = 151643, 151644, 151645
SPECIALS = {"<|endoftext|>": END_OF_TEXT, "<|im_start|>": IM_START, "<|im_end|>": IM_END} | {
    f"<|extra_{number}|>": 151646 + number for number in range(205)
}
_SHAPE = (("hidden_size", "n_embd"), ("num_hidden_layers", "n_layer"))
DEFAULT_SYSTEM = "You are a helpful assistant."

MODEL_CLASS = "Qwen2"
QKV = ".attn.c_attn."
# w1 is the up projection and w2 the gate: the original computes w1(x) * silu(w2(x)).
RENAMES = {
    r"^transformer\.wte\.": "model.embed_tokens.",
    r"^transformer\.ln_f\.": "model.norm.",
    r"^transformer\.h\.": "model.layers.",
    r"\.ln_1\.": ".input_layernorm.",
    r"\.ln_2\.": ".post_attention_layernorm.",
    r"\.attn\.c_proj\.": ".self_attn.o_proj.",
    r"\.mlp\.w1\.": ".mlp.up_proj.",
    r"\.mlp\.w2\.": ".mlp.gate_proj.",
    r"\.mlp\.c_proj\.": ".mlp.down_proj.",
}
DROPPED = (r"rotary_emb\.inv_freq",)
# What the mapping of tensors requires; these are also the defaults of missing keys.
_WANTED = {
    "no_bias": True,
    "rotary_pct": 1.0,
    "scale_attn_weights": True,
    "tie_word_embeddings": False,
    "use_cache_quantization": False,
}
# The published chat models, by their width and their number of layers.
_PUBLISHED = {
    (2048, 24): "Qwen-1.8B-Chat",
    (4096, 32): "Qwen-7B-Chat",
    (5120, 40): "Qwen-14B-Chat",
    (8192, 80): "Qwen-72B-Chat",
}
# Keys of models that share the model_type and also take pictures or sound.
_OTHERS = {"visual": "Qwen-VL", "audio": "Qwen-Audio"}


def published_name(config: Mapping[str, Any]) -> str:
    """The published model of this shape; "" if there is none."""
    width, layers = (config.get(new, config.get(old)) for new, old in _SHAPE)
    return _PUBLISHED.get((width, layers), "")


def not_the_chat_model(checkpoint: Checkpoint) -> tuple[ErrorInfo, ErrorInfo] | None:
    """Why the folder is another model of the same layout, and what to use instead; None for a chat model."""
    for key, name in _OTHERS.items():
        if key in checkpoint.config:
            reason = ErrorInfo("unsupported_other", f"it is {name}, which was not compared here", {"name": name})
            return reason, ErrorInfo("instead_server", "Use a server (openai:BASE_URL#MODEL)")
    chat_format = checkpoint.generation.get("chat_format")
    if chat_format == "chatml":
        return None
    if chat_format is None:
        message = "generation_config.json has no chat_format, which tells the chat model from the base model"
        copy = "Copy the chat model's generation_config.json into the folder"
        return ErrorInfo("unsupported_unknown_format", message), ErrorInfo("instead_generation_config", copy)
    name = published_name(checkpoint.config).removesuffix("-Chat") or "Qwen"
    message = f"it is {name} without a chat format (chat_format {chat_format!r})"
    reason = ErrorInfo("unsupported_format", message, {"name": name, "format": chat_format})
    return reason, ErrorInfo("instead_chat_folder", "Use the folder of the chat model")


def model_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a Qwen2Config for the original's config.json. Raises ValueError."""
    for key, wanted in _WANTED.items():
        if config.get(key, wanted) != wanted:
            raise ValueError(f"config.json has {key} {config[key]!r}; only {wanted!r} is supported")
    hidden = whole_number(config, "hidden_size", "n_embd")
    heads = whole_number(config, "num_attention_heads", "n_head")
    if hidden % heads or config.get("kv_channels", hidden // heads) != hidden // heads:
        raise ValueError("config.json: kv_channels is not hidden_size / num_attention_heads")
    base = number(config, "rotary_emb_base", 10000)
    return {
        "vocab_size": whole_number(config, "padded_vocab_size", "vocab_size"),
        "hidden_size": hidden,
        # The original counts gate and up projection together.
        "intermediate_size": whole_number(config, "intermediate_size", "ffn_hidden_size") // 2,
        "num_hidden_layers": whole_number(config, "num_hidden_layers", "n_layer", most=MOST_LAYERS),
        "num_attention_heads": heads,
        "num_key_value_heads": heads,
        "max_position_embeddings": whole_number(config, "seq_length"),
        "rms_norm_eps": number(config, "layer_norm_epsilon", 1e-6),
        "rope_parameters": {"rope_type": "default", "rope_theta": base},
        **UNTIED,
    }


class QwenChat(Chat):
    """The tokenizer and chat format."""

    stop_ids = frozenset({IM_END, IM_START, END_OF_TEXT})

    def __init__(self, folder: Path) -> None:
        import tiktoken

        self.encoding = tiktoken.Encoding(
            "qwen", pat_str=PATTERN, mergeable_ranks=_read_ranks(folder), special_tokens=SPECIALS
        )
        window = read_optional_json(folder, "generation_config.json").get("max_window_size")
        self.window: int | None = window if isinstance(window, int) else None

    def encode(self, text: str) -> list[int]:
        """Plain text as ids; what looks like a special token is ordinary text."""
        return list(self.encoding.encode(unicodedata.normalize("NFC", text), disallowed_special=()))

    def prompt_ids(self, messages: Sequence[Message]) -> list[int]:
        """The conversation in ChatML, each part encoded alone like in the original."""
        system, turns = split_system(messages)
        ids = self._block("system", system)
        for message in turns:
            ids += [*self.encode("\n"), *self._block(message.role, message.content)]
        return [*ids, *self.encode("\n"), IM_START, *self.encode("assistant"), *self.encode("\n")]

    def recent(self, messages: Sequence[Message]) -> list[Message]:
        """The messages without the oldest turns, which the original leaves out; the last question is not counted."""
        system, turns = split_system(messages)
        if self.window is None:
            return list(messages)
        length = len(self._block("system", system))
        recent = 0
        # Whole turns (a question and its answer), the newest first.
        for start in range(len(turns) - 3, -1, -2):
            question, answer = turns[start], turns[start + 1]
            blocks = self._block("user", question.content), self._block("assistant", answer.content)
            length += sum(len(block) + len(self.encode("\n")) for block in blocks)
            if length >= self.window:
                break
            recent += 2
        return [*messages[: len(messages) - len(turns)], *turns[len(turns) - 1 - recent :]]

    def cut_ids(self, text: str) -> list[int]:
        return self.encode(text)

    def decoder(self, cut: str = "") -> StrippedReply:
        decode = utf8_decoder()
        return StrippedReply(
            lambda token: decode(self.encoding.decode_single_token_bytes(token) if token < RANKS else b""), cut=cut
        )

    def _block(self, role: str, text: str) -> list[int]:
        return [IM_START, *self.encode(role), *self.encode("\n"), *self.encode(text), IM_END]


def split_system(messages: Sequence[Message]) -> tuple[str, list[Message]]:
    """The system text (the original's default if there is none) and the turns."""
    texts = [message.content for message in messages if message.role == "system"]
    turns = [message for message in messages if message.role != "system"]
    return "\n".join(texts) if texts else DEFAULT_SYSTEM, turns


def _read_ranks(folder: Path) -> dict[bytes, int]:
    """Reads qwen.tiktoken without the library's reader, which keeps a cached copy that can be outdated."""
    try:
        lines = member(folder, "qwen.tiktoken").read_bytes().splitlines()
        ranks = {base64.b64decode(token, validate=True): int(rank) for token, rank in map(bytes.split, lines)}
    except (ValueError, binascii.Error) as error:
        raise refusal(folder.name, f"qwen.tiktoken is damaged: {error}") from error
    if sorted(ranks.values()) != list(range(RANKS)):
        raise refusal(folder.name, f"qwen.tiktoken has {len(ranks):,} ranks instead of {RANKS:,}")
    return ranks
