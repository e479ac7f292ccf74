"""Answers that were made before, read from a file with one JSON object a line, and the pairs to judge among them.

Knows nothing of who made them on what, and of who may see them.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

from arena.errors import InputError
from arena.prompts import Prompt
from arena.text import clean
from arena.types import Answer, Battle, FinishReason, Message, ModelSpec, Side, Usage


@dataclass(frozen=True)
class Recorded:
    """One model's answer to one prompt; `repeat` counts from 0 the answers of the model to it."""

    prompt_id: str
    prompt: str
    side: Side
    repeat: int = 0


@dataclass(frozen=True)
class Pair:
    """Two models' answers to one prompt, in the order of the models' ids. `key` is the same after every restart."""

    key: str
    prompt_id: str
    dimension: str
    prompt: str
    first: Side
    second: Side

    def battle(self, battle_id: str, swapped: bool) -> Battle:
        """The pair as a blind battle; `first` is side a unless swapped."""
        a, b = (self.second, self.first) if swapped else (self.first, self.second)
        return Battle(battle_id, self.prompt, a, b, self.prompt_id, self.dimension, blind=True, source="recorded")


def read_recorded(path: Path) -> tuple[Recorded, ...]:
    """The answers in `path`: `prompt_id`, `prompt`, `model` and `response` on each line, and if known `seconds`,
    `tokens`, `truncated`, `precision`, `revision`; other keys are not looked at.

    Raises InputError naming the file and the line that is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise _broken(path, f"cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise _broken(path, "is no UTF-8 text") from error
    # Not splitlines: an answer may hold other ends of lines than this one.
    lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    if not lines:
        raise _broken(path, "holds no answers")
    seen: Counter[tuple[str, str, str]] = Counter()
    return tuple(_numbered(_recorded(path, number, line), seen) for number, line in lines)


def load_pairs(path: Path, prompts: Sequence[Prompt]) -> tuple[Pair, ...]:
    """The pairs in a file; their prompts come in the order of the set. Raises InputError, also if there are none."""
    pairs = pairs_of(read_recorded(path), prompts)
    if not pairs:
        raise _broken(path, "holds no two models' answers to one prompt")
    return pairs


def pairs_of(answers: Iterable[Recorded], prompts: Sequence[Prompt] = ()) -> tuple[Pair, ...]:
    """All pairs of different models that answered the same prompt, by prompt in the order of the answers.

    Answers without text make no pair: nothing could be judged. The dimension is that of the set's prompt of that id.
    """
    dimensions = {prompt.id: prompt.dimension for prompt in prompts}
    cells: dict[tuple[str, str, int], dict[str, Side]] = {}
    for entry in answers:
        if entry.side.answer.text.strip():
            cell = cells.setdefault((entry.prompt_id, entry.prompt, entry.repeat), {})
            cell[entry.side.model.id] = entry.side
    return tuple(
        Pair(_key(first, second), prompt_id, dimensions.get(prompt_id, ""), prompt, first, second)
        for (prompt_id, prompt, _), sides in cells.items()
        for first, second in _couples(sides)
    )


def _couples(sides: Mapping[str, Side]) -> Iterator[tuple[Side, Side]]:
    for one, other in combinations(sorted(sides), 2):
        yield sides[one], sides[other]


def _key(first: Side, second: Side) -> str:
    """By all that a rater sees and what made it, so that other answers are another pair."""
    told = [
        [side.model.id, side.model.revision, side.model.precision, side.messages[-1].content, side.answer.text]
        for side in (first, second)
    ]
    return hashlib.sha256(json.dumps(told, ensure_ascii=False).encode()).hexdigest()[:32]


def _numbered(entry: Recorded, seen: Counter[tuple[str, str, str]]) -> Recorded:
    cell = entry.prompt_id, entry.prompt, entry.side.model.id
    seen[cell] += 1
    return replace(entry, repeat=seen[cell] - 1)


def _recorded(path: Path, number: int, line: str) -> Recorded:
    where = f"has a mistake in line {number}"
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _broken(path, f"{where}: it is no JSON") from error
    if not isinstance(entry, dict):
        raise _broken(path, f"{where}: it is no JSON object")
    for name in ("prompt_id", "prompt", "model", "response"):
        if not isinstance(entry.get(name), str) or not (entry[name].strip() or name == "response"):
            raise _broken(path, f"{where}: {name} must be a text")
    seconds, tokens = entry.get("seconds"), entry.get("tokens")
    if not _is_count(seconds, (int, float)) or not _is_count(tokens, int):
        raise _broken(path, f"{where}: seconds and tokens must be numbers of 0 or more")
    return Recorded(clean(entry["prompt_id"]), clean(entry["prompt"]), _side(entry))


def _is_count(value: Any, kind: type | tuple[type, ...]) -> bool:
    """Whether it is unknown or a number that can be; JSON as Python reads it has NaN and infinities as well."""
    if value is None:
        return True
    return isinstance(value, kind) and not isinstance(value, bool) and 0 <= value < float("inf")  # type: ignore[operator]


def _side(entry: Mapping[str, Any]) -> Side:
    name = clean(entry["model"]).strip()
    precision, revision = (clean(str(entry.get(key) or "")) for key in ("precision", "revision"))
    usage = Usage(new_tokens=entry.get("tokens"), seconds=entry.get("seconds"))
    finish: FinishReason = "length" if entry.get("truncated") is True else "stop"
    return Side(
        ModelSpec(name, name, family="", source="", runtime="recorded", precision=precision, revision=revision),
        (Message("user", clean(entry["prompt"])),),
        None,
        Answer(clean(entry["response"]), finish_reason=finish, usage=usage),
    )


def _broken(path: Path, what: str) -> InputError:
    return InputError("answers_broken", f"{path} {what}.", path=str(path), what=what)
