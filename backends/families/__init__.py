"""What differs between model families: tokenizer, chat format, configuration and tensor names."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

from arena.types import Message
from backends.folder.contents import Checkpoint
from backends.streaming.context import split_cut
from backends.streaming.decode import StrippedReply, WholeDecode

# The largest known models have about a hundred; with a huge number the library would build layers for hours.
MOST_LAYERS = 1000
# Arguments of the library's configurations. The chat format knows what ends a reply; a pad token would have to be in
# the vocabulary.
UNTIED = {"tie_word_embeddings": False, "bos_token_id": None, "eos_token_id": None, "pad_token_id": None}


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
    def cut_ids(self, text: str) -> list[int]:
        """An answer that was cut as ids, to follow the ids of the conversation before it."""

    def request_ids(self, messages: Sequence[Message], thinks: bool | None = None) -> list[int]:
        """The conversation as ids, ready for the answer, or for the rest of it if the last message is an answer.

        `thinks` is whether the model is to think, for formats that can say so.
        """
        before, cut = split_cut(messages)
        return [*self.prompt_ids(before), *(self.cut_ids(cut.content) if cut.content else ())]

    def conclusion_ids(self) -> list[int]:
        """What ends the thinking, for families that think."""
        return []

    @abstractmethod
    def decoder(self, cut: str = "") -> WholeDecode | StrippedReply:
        """A decoder for one reply, or for the rest of the answer `cut`.

        `feed` returns the text that an id completes, `flush` the rest at the end.
        """

    def steady_tokens(self, messages: Sequence[Message], thinks: bool | None = None) -> int:
        """How many of the prompt's ids the next turn's prompt will begin with; 0 if unknown."""
        return 0

    def recent(self, messages: Sequence[Message]) -> list[Message]:
        """The messages that the family's own code would send; some families have a window of their own."""
        return list(messages)

    def opens_thinking(self, messages: Sequence[Message], thinks: bool | None = None) -> bool:
        """Whether the prompt itself opens the <think> mark."""
        return False


def original_family(model_type: Any) -> ModuleType | None:
    """The family module for an original checkpoint's model_type; None for a type that transformers may support."""
    from backends.families import chatglm, qwen

    return {"qwen": qwen, "chatglm": chatglm}.get(model_type)


def open_chat(checkpoint: Checkpoint, template: str | None = None) -> Chat:
    """The tokenizer and chat format of a folder, with another template if it is given. Raises BackendError.

    The originals' formats are no templates: nothing replaces them.
    """
    from backends.families import chatglm, native, qwen

    folder, ends = checkpoint.folder, "eos_token_id"
    match checkpoint.model_type:
        case "qwen":
            return qwen.QwenChat(folder)
        case "chatglm":
            return chatglm.ChatGLMChat(folder)
    return native.NativeChat(folder, checkpoint.generation.get(ends), checkpoint.config.get(ends), template=template)


def whole_number(config: Mapping[str, Any], *keys: str, most: int = 2**31) -> int:
    """The positive integer under the first of `keys` that exists. Raises ValueError."""
    value = next((config[key] for key in keys if key in config), None)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise ValueError(f"config.json has {keys[0]} {str(value)[:40]!r}; it must be an integer from 1 to {most:,}")
    return value


def number(config: Mapping[str, Any], key: str, default: float) -> float:
    """The positive number under `key`, or `default` if there is none. Raises ValueError."""
    value = config.get(key, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < sys.float_info.max:
        raise ValueError(f"config.json has {key} {str(value)[:40]!r}; it must be a positive number")
    return float(value)
