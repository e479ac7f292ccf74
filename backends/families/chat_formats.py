"""The tokenizer and chat format that a checkpoint folder needs. Knows no weights and no engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from backends.families import chatglm, qwen
from backends.families.family import Chat
from backends.families.native import NativeChat
from backends.folder.checkpoint import read_optional_json


def open_chat(folder: Path, config: dict[str, Any]) -> Chat:
    """The tokenizer and chat format of a folder. Raises BackendError."""
    match config["model_type"]:
        case "qwen":
            return qwen.QwenChat(folder)
        case "chatglm":
            return chatglm.ChatGLMChat(folder)
    settings = read_optional_json(folder, "generation_config.json")
    return NativeChat(folder, settings.get("eos_token_id"), config.get("eos_token_id"))
