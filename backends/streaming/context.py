"""Fits a conversation into a model's context, and renders it for a model."""

import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from arena.errors import InputError
from arena.types import Message, ModelSpec

# A prompt that leaves less room for the answer is refused.
LEAST_NEW_TOKENS = 32


@dataclass(frozen=True)
class Fitted:
    """What goes to the model: messages, their length and the room left (tokens), and the user turns left out."""

    messages: tuple[Message, ...]
    prompt_tokens: int
    max_new_tokens: int
    dropped_turns: int


def fit_context(
    messages: Sequence[Message], count: Callable[[Sequence[Message]], int], spec: ModelSpec, max_new_tokens: int
) -> Fitted:
    """Drops the oldest turns until prompt and answer fit into `spec.context_length`; system and last turn stay.

    `count` returns the length of a conversation in tokens, markers included. If the last turn alone leaves less room
    than `max_new_tokens`, the answer is shorter. Raises InputError if it leaves less than LEAST_NEW_TOKENS.
    """
    system, turns = split_turns(messages)
    for dropped in range(len(turns)):
        shortened = without_turns(system, turns, dropped)
        tokens = count(shortened)
        if tokens + max_new_tokens <= spec.context_length:
            return Fitted(shortened, tokens, max_new_tokens, dropped)
    room = spec.context_length - tokens
    if room < LEAST_NEW_TOKENS:
        raise too_long(spec.name, tokens, spec.context_length)
    return Fitted(shortened, tokens, room, len(turns) - 1)


def split_cut(messages: Sequence[Message]) -> tuple[Sequence[Message], str]:
    """The conversation before an answer that was cut and is to be continued, and its text; "" if there is none."""
    return (messages[:-1], messages[-1].content) if messages[-1].role == "assistant" else (messages, "")


def rendered_parts(messages: Sequence[Message], render: Callable[[list[Message]], str]) -> list[tuple[str, bool]]:
    """The conversation as `render` writes it, in parts: each text, and whether it is a message's."""
    nonce = secrets.token_hex(8)
    contents = {f"x{nonce}n{index}x": message.content for index, message in enumerate(messages)}
    marked = [Message(message.role, holder) for message, holder in zip(messages, contents, strict=True)]
    parts = re.split(f"(x{nonce}n[0-9]+x)", render(marked))
    return [(contents.get(part, part), part in contents) for part in parts]


def common_length(first: Sequence[int], second: Sequence[int]) -> int:
    """How many ids two sequences have in common at their start."""
    pairs = zip(first, second, strict=False)
    return next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(first), len(second)))


def split_turns(messages: Sequence[Message]) -> tuple[tuple[Message, ...], list[list[Message]]]:
    """The leading system messages, and the rest split before each user message. Raises InputError without any."""
    start = next((i for i, message in enumerate(messages) if message.role != "system"), len(messages))
    turns: list[list[Message]] = []
    for message in messages[start:]:
        if message.role == "user" or not turns:
            turns.append([])
        turns[-1].append(message)
    if not turns:
        raise InputError("prompt_empty", "The prompt is empty.")
    return tuple(messages[:start]), turns


def without_turns(system: Sequence[Message], turns: Sequence[Sequence[Message]], dropped: int) -> tuple[Message, ...]:
    """The conversation without its `dropped` oldest turns."""
    return (*system, *(message for turn in turns[dropped:] for message in turn))


def too_long(name: str, tokens: int, limit: int) -> InputError:
    """The error for a prompt that does not fit."""
    message = f"The prompt has {tokens} tokens; {name} has room for {limit} including the answer."
    return InputError("prompt_too_long", message, model=name, tokens=tokens, limit=limit)
