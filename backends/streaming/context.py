"""Fitting a conversation into a model's context. Knows no tokenizer: it is given one to count with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from arena.errors import InputError
from arena.types import Message, ModelSpec

# An answer shorter than this is of no use: a prompt that leaves less room is refused.
LEAST_NEW_TOKENS = 32


@dataclass(frozen=True)
class Fitted:
    """What goes to the model: the messages kept, their length in tokens, the room left, the user turns left out."""

    messages: tuple[Message, ...]
    prompt_tokens: int
    max_new_tokens: int
    dropped_turns: int


def fit_context(
    messages: Sequence[Message], count: Callable[[Sequence[Message]], int], spec: ModelSpec, max_new_tokens: int
) -> Fitted:
    """Drop the oldest turns until prompt and answer fit into `spec.context_length`; system and last turn stay.

    `count` gives the length of a conversation in tokens, markers included. If the last turn alone leaves less room
    than asked for, the answer may be that much shorter; if it leaves next to none, InputError.
    """
    system, turns = split_turns(messages)
    for dropped in range(len(turns)):
        kept = (*system, *(message for turn in turns[dropped:] for message in turn))
        tokens = count(kept)
        if tokens + max_new_tokens <= spec.context_length:
            return Fitted(kept, tokens, max_new_tokens, dropped)
    room = spec.context_length - tokens
    if room < LEAST_NEW_TOKENS:
        raise InputError(
            "prompt_too_long",
            f"The prompt has {tokens} tokens; {spec.name} takes {spec.context_length} together with its answer.",
            model=spec.name,
            tokens=tokens,
            limit=spec.context_length,
        )
    return Fitted(kept, tokens, room, len(turns) - 1)


def split_turns(messages: Sequence[Message]) -> tuple[tuple[Message, ...], list[list[Message]]]:
    """The leading system messages, and the rest cut before each user message."""
    start = next((i for i, message in enumerate(messages) if message.role != "system"), len(messages))
    turns: list[list[Message]] = []
    for message in messages[start:]:
        if message.role == "user" or not turns:
            turns.append([])
        turns[-1].append(message)
    if not turns:
        raise InputError("prompt_empty", "There is nothing to answer.")
    return tuple(messages[:start]), turns
