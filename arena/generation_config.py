"""How an answer is generated: the sampling settings, and the thinking before it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, Self

from arena.errors import InputError

# Whether a model writes thoughts before its answer: never, as its chat template is told, always, or as its server does.
Thinking = Literal["", "switch", "always", "server"]
# The token limit of the thinking for `on`, and of models that always think.
DEFAULT_THINKING = 1024


@dataclass(frozen=True)
class GenerationConfig:
    """How to sample. temperature 0 is greedy; top_k 0 and top_p 1 switch those filters off; seed None is random.

    `thinking` is the token limit of the thinking, apart from the answer's; 0 switches it off. With None the model
    follows its chat template, and thinking counts as a part of the answer. Values out of range raise InputError.
    """

    max_new_tokens: int = 512
    temperature: float = 0.7
    top_p: float = 0.9
    top_k: int = 0
    repetition_penalty: float = 1.0
    seed: int | None = None
    thinking: int | None = None

    def __post_init__(self) -> None:
        for name, kind, low, high in _RANGES:
            value = getattr(self, name)
            is_number = isinstance(value, (int, kind)) and not isinstance(value, bool)
            if not (is_number and low <= value <= high) and not (name in ("seed", "thinking") and value is None):
                message = f"{name} must be between {low:g} and {high:.10g}, not {value!r}."
                details = {"low": f"{low:g}", "high": f"{high:.10g}", "value": str(value)}
                raise InputError("setting_range", message, name=name, **details)

    def with_settings(self, settings: Mapping[str, Any]) -> Self:
        """A copy with the given fields replaced. Raises InputError for an unknown name."""
        names = [field.name for field in fields(self)]
        if unknown := sorted(set(settings) - set(names)):
            known = ", ".join(names)
            message = f"There is no setting {unknown[0]}. Known: {known}."
            raise InputError("unknown_setting", message, name=unknown[0], known=known)
        thinking = settings.get("thinking")
        typed = {"thinking": _thinking_tokens(thinking)} if isinstance(thinking, str) else {}
        return replace(self, **{**settings, **typed})

    @property
    def thinks(self) -> bool | None:
        """Whether the model is to think; None leaves it to the chat template."""
        return None if self.thinking is None else self.thinking > 0

    def as_dict(self) -> dict[str, Any]:
        """The settings by name; without `thinking` where it is None, as in records from before it existed."""
        return {name: value for name, value in vars(self).items() if name != "thinking" or value is not None}


def _thinking_tokens(typed: str) -> int:
    """The token limit that `off`, `on` or a number stands for. Raises InputError."""
    words = {"off": 0, "on": DEFAULT_THINKING}
    if (word := typed.strip().lower()) in words:
        return words[word]
    if word.isdecimal() and len(word) < 10:
        return int(word)
    raise InputError("setting_thinking", f"thinking must be off, on or a number of tokens, not {typed!r}.", value=typed)


_RANGES: tuple[tuple[str, type, float, float], ...] = (
    ("max_new_tokens", int, 1, 32768),
    ("temperature", float, 0.0, 5.0),
    ("top_p", float, 0.01, 1.0),
    ("top_k", int, 0, 100_000),
    ("repetition_penalty", float, 0.1, 5.0),
    ("seed", int, 0, 2**32 - 2),
    ("thinking", int, 0, 32768),
)


# ---- how models mark their thinking

THINK_OPEN, THINK_CLOSE = "<think>", "</think>"
# What a model writes when it has thought enough.
CONCLUSION = f"\n{THINK_CLOSE}\n\n"
# The variable of chat templates that switches thinking on or off.
SWITCH = "enable_thinking"


def thinking_of(template: str) -> Thinking:
    """What the template says: that thinking can be switched, that every answer begins with it, or nothing."""
    if re.search(rf"\b{SWITCH}\b", template):
        return "switch"
    # Elsewhere the mark only serves to cut the thoughts out of earlier answers.
    return "always" if THINK_OPEN in template.rpartition("add_generation_prompt")[2] else ""
