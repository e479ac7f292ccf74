"""The pairs of answers to judge among those that were kept. Knows nothing of who may see them."""

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

# One model's answers to one prompt by turn.
_Turns = dict[int, Side]


@dataclass(frozen=True)
class Pair:
    """Two models' answers to one prompt, in the order of the models' ids. `key` is the same after every restart.

    `prompt` is what the last of the `turn` answers is to; the messages of the sides hold what came before.
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
        about = self.prompt_id, self.dimension, self.turn
        return Battle(battle_id, self.prompt, a, b, *about, blind=True, source="recorded")


def load_pairs(path: Path, prompts: Sequence[Prompt]) -> tuple[Pair, ...]:
    """The pairs in a file, by prompt in the order of the answers. Raises InputError, also if there are none."""
    pairs = pairs_of(read_recorded(path), prompts)
    if not pairs:
        raise broken(path, "holds no two models' answers to one prompt")
    return pairs


def pairs_of(answers: Iterable[Recorded], prompts: Sequence[Prompt] = ()) -> tuple[Pair, ...]:
    """All pairs of different models that answered the same prompt, by prompt in the order of the answers.

    Of a conversation it is the last answer that both have. Answers that failed or have no text make no pair: nothing
    could be judged. The dimension is that of the set's prompt of that id.
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
    for one, other in combinations(sorted(sides), 2):
        if both := sides[one].keys() & sides[other].keys():
            turn = max(both)
            yield turn, sides[one][turn], sides[other][turn]


def _key(first: Side, second: Side) -> str:
    """By all that a rater sees and what made it, so that other answers are another pair."""
    told = [
        [side.model.id, side.model.revision, side.model.precision, _asked(side), side.answer.text]
        for side in (first, second)
    ]
    return hashlib.sha256(json.dumps(told, ensure_ascii=False).encode()).hexdigest()[:32]


def _asked(side: Side) -> str | list[str]:
    """The prompt; of a longer conversation all that was said in it."""
    texts = [message.content for message in side.messages]
    return texts[0] if len(texts) == 1 else texts
