"""The text that roundings are calibrated on, as conversations. Knows no models and no tokenizers.

A passage that begins with "> " is a question and its answer, any other is plain text; "---" stands between passages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from arena.types import Message

CALIBRATION = Path(__file__).with_name("calibration.txt")
# Few, so that attention has something to look back on; not one, so that layers need little memory at a time.
CHATS = 12


def passages(path: Path) -> list[str]:
    """The passages of a text file."""
    return [passage.strip("\n") for passage in path.read_text(encoding="utf-8").split("\n---\n")]


def conversations(texts: Sequence[str], count: int = CHATS) -> list[list[Message]]:
    """All passages as so many chats: questions with their answers, and at the end plain text from the user."""
    asked = [text.removeprefix("> ").split("\n", 1) for text in texts if text.startswith("> ")]
    plain = [text for text in texts if not text.startswith("> ")]
    return [_chat(asked[start::count], plain[start::count]) for start in range(count)]


def _chat(asked: Sequence[Sequence[str]], plain: Sequence[str]) -> list[Message]:
    turns: list[Message] = []
    for question, answer in asked:
        turns += [Message("user", question), Message("assistant", answer)]
    return [*turns, Message("user", "\n\n".join(plain))]


def calibration_ids(prompt_ids: Callable[[Sequence[Message]], list[int]]) -> list[list[int]]:
    """The shipped text as a family's own chats."""
    return [prompt_ids(chat) for chat in conversations(passages(CALIBRATION))]
