"""Fits a conversation into a model's context, and renders it for a model."""

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from arena.errors import InputError
from arena.generation_config import GenerationConfig
from arena.text import without_lone_surrogates
from arena.types import Message, ModelSpec

# A prompt that leaves less room for the answer is refused.
LEAST_NEW_TOKENS = 32
# Room for the mark that ends the thinking of a model that thinks for too long.
_MARK_TOKENS = 8
# What begins a mark of a template, and a character in its place that begins none.
_UNMARKED = str.maketrans("<[", "‹［")


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


def wanted_tokens(config: GenerationConfig) -> int:
    """The most tokens that the thinking and the answer may have together."""
    return config.max_new_tokens + (config.thinking + _MARK_TOKENS if config.thinking else 0)


def within(config: GenerationConfig, room: int) -> GenerationConfig:
    """The settings with limits that fit into the `room` for new tokens; the answer gets half of it at least."""
    if not config.thinking:
        return replace(config, max_new_tokens=min(config.max_new_tokens, room))
    answer = min(config.max_new_tokens, max(room // 2, room - config.thinking - _MARK_TOKENS))
    return replace(config, max_new_tokens=answer, thinking=min(config.thinking, room - answer - _MARK_TOKENS))


def split_cut(messages: Sequence[Message]) -> tuple[Sequence[Message], Message]:
    """The conversation before an answer that was cut and is to be continued, and that answer; an empty one without."""
    if messages[-1].role == "assistant":
        return messages[:-1], messages[-1]
    return messages, Message("assistant", "")


def rendered_parts(messages: Sequence[Message], render: Callable[[list[Message]], str]) -> list[tuple[str, bool]]:
    """The conversation as `render` writes it, in parts: each text, and whether it is a message's.

    Templates strip messages. Raises InputError if `render` changes a message in any other way: what people wrote could
    not be kept apart from the template's marks.
    """
    # Template engines fail on half of a surrogate pair.
    texts = [without_lone_surrogates(message.content) for message in messages]
    # Templates also look for marks, to cut an answer's reasoning away: they must not find any that people wrote.
    unmarked = [text.translate(_UNMARKED) for text in texts]
    nonce = secrets.token_hex(8)
    marks = [f"x{nonce}n{index}x" for index in range(len(messages))]
    whole = _rendered(render, messages, unmarked)
    # In place of each text a mark, which shows where it went. A template may also look for words in a text, such as
    # /no_think: then the mark is put into the text.
    for holders in (marks, [_with_mark(text.strip(), mark) for text, mark in zip(unmarked, marks, strict=True)]):
        forms = {holder: _stripped(text) for holder, text in zip(holders, unmarked, strict=True)}
        pieces = re.split(f"({'|'.join(map(re.escape, holders))})", _rendered(render, messages, holders))
        chosen = _aligned(pieces, forms, whole)
        if chosen and (holders is marks or set(holders) <= set(pieces)):
            originals = {
                (holder, form): original
                for holder, text in zip(holders, texts, strict=True)
                for form, original in zip(forms[holder], _stripped(text), strict=True)
            }
            pairs = zip(pieces, chosen, strict=True)
            return [(originals.get((piece, form), form), piece in forms) for piece, form in pairs]
    message = "The model's chat template changes the text of this conversation. Change the text, or start a new one."
    raise InputError("template_text", message)


def _rendered(render: Callable[[list[Message]], str], messages: Sequence[Message], contents: Sequence[str]) -> str:
    return render([Message(message.role, content) for message, content in zip(messages, contents, strict=True)])


def _with_mark(text: str, mark: str) -> str:
    """The text with the mark between two words near the middle, or else in the middle."""
    gaps = [match.end() for match in re.finditer(r"\S\s+(?=\S)", text)]
    at = min(gaps, key=lambda gap: abs(gap - len(text) // 2), default=len(text) // 2)
    return text[:at] + mark + text[at:]


def _stripped(text: str) -> list[str]:
    """What templates make of a message: nothing else, or stripped of white space or line ends at one end or both."""
    return [
        form for blanks in (None, "\n") for form in (text, text.strip(blanks), text.lstrip(blanks), text.rstrip(blanks))
    ]


def _aligned(pieces: Sequence[str], forms: Mapping[str, Sequence[str]], whole: str) -> tuple[str, ...] | None:
    """The pieces that make the whole text, with one of its forms for each message; None if none do."""
    waiting: list[tuple[int, tuple[str, ...]]] = [(0, ())]
    seen = set()
    while waiting:
        at, chosen = waiting.pop()
        if len(chosen) == len(pieces):
            if at == len(whole):
                return chosen
            continue
        piece = pieces[len(chosen)]
        # The first form is tried first: it is put on the stack last.
        for form in reversed(forms.get(piece, (piece,))):
            step = (at + len(form), len(chosen) + 1)
            if whole.startswith(form, at) and step not in seen:
                seen.add(step)
                waiting.append((step[0], (*chosen, form)))
    return None


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
