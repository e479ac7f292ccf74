"""One kept answer, as a value, and what it is known by. Knows no file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from arena.types import GenerationConfig, Message, ModelSpec, Side


@dataclass(frozen=True)
class Recorded:
    """One model's answer to one turn of a prompt.

    `prompt` is what the conversation began with; `repeat` counts from 0 the times the model was asked it, `turn` from 1
    the answers in one of them. `key` is `answer_key`'s, "" for an answer made elsewhere. `memory` is the bytes that
    the process had at its end, `machine` what it ran on and `time` when it ended (Unix seconds), as far as known.
    """

    prompt_id: str
    prompt: str
    side: Side
    repeat: int = 0
    turn: int = 1
    key: str = ""
    memory: int | None = None
    machine: Mapping[str, Any] = field(default_factory=dict)
    time: float | None = None

    @property
    def failed(self) -> bool:
        """Whether the answer ended with an error."""
        return self.side.answer.finish_reason == "error"


def answer_key(model: ModelSpec, messages: Sequence[Message], config: GenerationConfig, repeat: int) -> str:
    """64 hexadecimal digits, the same for what would be asked the same way again, whatever has happened since."""
    told = [
        [model.id, model.revision, model.precision],
        [[message.role, message.content] for message in messages],
        asdict(config),
        repeat,
    ]
    return hashlib.sha256(json.dumps(told, ensure_ascii=False, sort_keys=True).encode()).hexdigest()
