"""What differs between model families: tokenizer, chat format, configuration and tensor names."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

from arena.types import Message
from backends.folder.checkpoint import read_optional_json, refusal

# The largest known models have about a hundred; with a huge number the library would build layers for hours.
MOST_LAYERS = 1000


class Reply(Protocol):
    """Decodes one reply."""

    def feed(self, token: int) -> str:
        """The text that another id completes; all of it together is the whole reply."""
        ...

    def flush(self) -> str:
        """What was held back, at the end."""
        ...


class Chat(ABC):
    """A family's tokenizer and chat format. Safe to use from several threads.

    `stop_ids` end a reply and are no part of it. `reasoning` is whether <think> marks separate reasoning.
    """

    stop_ids: frozenset[int]
    reasoning = False

    @abstractmethod
    def prompt_ids(self, messages: Sequence[Message]) -> list[int]:
        """The conversation as ids, ready for the answer."""

    @abstractmethod
    def decoder(self) -> Reply:
        """A decoder for one reply."""

    def recent(self, messages: Sequence[Message]) -> list[Message]:
        """The messages that the family's own code would send; some families have a window of their own."""
        return list(messages)

    def opens_thinking(self, messages: Sequence[Message]) -> bool:
        """Whether the prompt itself opens the <think> mark."""
        return False


def original_family(model_type: Any) -> ModuleType | None:
    """The family module for an original checkpoint's model_type; None for a type that transformers may support."""
    from backends.families import chatglm, qwen

    return {"qwen": qwen, "chatglm": chatglm}.get(model_type)


def open_chat(folder: Path, config: Mapping[str, Any]) -> Chat:
    """The tokenizer and chat format of a folder; `config` is its config.json. Raises BackendError."""
    from backends.families import chatglm, native, qwen

    match config["model_type"]:
        case "qwen":
            return qwen.QwenChat(folder)
        case "chatglm":
            return chatglm.ChatGLMChat(folder)
    settings = read_optional_json(folder, "generation_config.json")
    return native.NativeChat(folder, settings.get("eos_token_id"), config.get("eos_token_id"))


def whole_number(config: Mapping[str, Any], folder: str, *keys: str, most: int = 2**31) -> int:
    """The positive integer under the first of `keys` that exists. Raises BackendError."""
    value = next((config[key] for key in keys if key in config), None)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        reason = f"config.json has {keys[0]} {str(value)[:40]!r}; it must be an integer from 1 to {most:,}"
        raise refusal(folder, reason)
    return value


def number(config: Mapping[str, Any], folder: str, key: str, default: float) -> float:
    """The positive number under `key`, or `default` if there is none. Raises BackendError."""
    value = config.get(key, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < sys.float_info.max:
        raise refusal(folder, f"config.json has {key} {str(value)[:40]!r}; it must be a positive number")
    return float(value)
