"""Pairs of recorded answers to judge."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from arena.answers import Recorded, broken, read_recorded
from arena.prompts import Prompt
from arena.types import Battle, Side

# The answers of one model to one prompt, by turn.
_Turns = dict[int, Side]


@dataclass(frozen=True)
class Pair:
    """Two models' answers to one prompt, in the order of the models' ids. `key` is the same after every restart.

    `prompt` is the prompt of turn `turn`, the one judged; the messages of the sides hold the earlier turns.
    """

    key: str
    prompt_id: str
    dimension: str
    prompt: str
    first: Side
    second: Side
    turn: int = 1

    def battle(self, battle_id: str, swapped: bool) -> Battle:
        """The pair as a blind battle; `first` is side a unless swapped."""
        a, b = (self.second, self.first) if swapped else (self.first, self.second)
        return Battle(
            battle_id,
            self.prompt,
            a,
            b,
            prompt_id=self.prompt_id,
            dimension=self.dimension,
            turn=self.turn,
            blind=True,
            source="recorded",
        )


def load_pairs(path: Path, prompts: Sequence[Prompt]) -> tuple[Pair, ...]:
    """The pairs in a file, by prompt in the order of the answers. Raises InputError if it is unreadable or has none."""
    pairs = pairs_of(read_recorded(path), prompts)
    if not pairs:
        raise broken(path, "has no prompt that two models answered")
    return pairs


def pairs_of(answers: Iterable[Recorded], prompts: Sequence[Prompt] = ()) -> tuple[Pair, ...]:
    """All pairs of different models that answered the same prompt, by prompt in the order of the answers.

    In a conversation, the last turn that both answered counts. Answers that failed or have no text make no pair. The
    dimension is that of the prompt with the same id in `prompts`.
    """
    dimensions = {prompt.id: prompt.dimension for prompt in prompts}
    cells: dict[tuple[str, str, int], dict[str, _Turns]] = {}
    for entry in answers:
        if entry.side.answer.text.strip() and not entry.failed:
            cell = cells.setdefault((entry.prompt_id, entry.prompt, entry.repeat), {})
            cell.setdefault(entry.side.model.id, {})[entry.turn] = entry.side
    return tuple(
        Pair(
            _key(first, second),
            prompt_id,
            dimensions.get(prompt_id, ""),
            first.messages[-1].content,
            first,
            second,
            turn,
        )
        for (prompt_id, _, _), sides in cells.items()
        for turn, first, second in _couples(sides)
    )


def _couples(sides: Mapping[str, _Turns]) -> Iterator[tuple[int, Side, Side]]:
    for first, second in combinations(sorted(sides), 2):
        if turns := sides[first].keys() & sides[second].keys():
            turn = max(turns)
            yield turn, sides[first][turn], sides[second][turn]


def _key(first: Side, second: Side) -> str:
    """A hash of all that a rater sees and of the models, so that other answers are another pair."""
    content = [
        [side.model.id, side.model.revision, side.model.precision, _asked(side), side.answer.text]
        for side in (first, second)
    ]
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()[:32]


def _asked(side: Side) -> str | list[str]:
    """The prompt, or all messages of a longer conversation."""
    texts = [message.content for message in side.messages]
    return texts[0] if len(texts) == 1 else texts
