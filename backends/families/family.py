"""What the transformers runtime asks of a model family. Knows none of them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from arena.types import Message
from backends.folder.checkpoint import refusal

# The largest known models have some hundred; a claim beyond would keep the library building for hours.
MOST_LAYERS = 1000


class Reply(Protocol):
    """One reply's text from its ids."""

    def feed(self, token: int) -> str:
        """The text that one more id completes; all of it together is the whole reply."""
        ...

    def flush(self) -> str:
        """What was held back, at the end."""
        ...


class Chat(Protocol):
    """A family's tokenizer and chat format. Safe to use from several threads."""

    @property
    def stop_ids(self) -> frozenset[int]:
        """Ids that end a reply and are no part of it."""
        ...

    @property
    def reasoning(self) -> bool:
        """Whether <think> marks what is no part of the answer."""
        ...

    def prompt_ids(self, messages: Sequence[Message]) -> list[int]:
        """The conversation, ready for the answer."""
        ...

    def recent(self, messages: Sequence[Message]) -> list[Message]:
        """The messages that the family itself would send, before the context is looked at."""
        ...

    def opens_thinking(self, messages: Sequence[Message]) -> bool:
        """Whether the prompt itself opens the <think> mark."""
        ...

    def decoder(self) -> Reply:
        """A decoder for one reply."""
        ...


def whole_number(config: Mapping[str, Any], folder: str, *keys: str, most: int = 2**31) -> int:
    """The positive whole number under the first of `keys` that is there. Raises BackendError."""
    value = next((config[key] for key in keys if key in config), None)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        reason = f"config.json has {keys[0]} {str(value)[:40]!r}; a whole number from 1 to {most:,} is needed"
        raise refusal(folder, reason)
    return value


def number(config: Mapping[str, Any], folder: str, key: str, default: float) -> float:
    """The positive number under `key`, or `default` if there is none. Raises BackendError."""
    value = config.get(key, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < sys.float_info.max:
        raise refusal(folder, f"config.json has {key} {str(value)[:40]!r}; a positive number is needed")
    return float(value)
