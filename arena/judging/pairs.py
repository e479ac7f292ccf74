"""Pairs of recorded answers to judge: two models' answers to one prompt.

A pair is a blind battle whose side a is the model with the smaller id. Its own id is the same after every restart.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

from arena.answers import broken, read_recorded
from arena.prompts import Prompt
from arena.recorded import Recorded
from arena.types import Battle, Side


def load_pairs(path: Path, prompts: Sequence[Prompt]) -> tuple[Battle, ...]:
    """The pairs in a file, by prompt in the order of the answers. Raises InputError if it is unreadable or has none."""
    pairs = pairs_of(read_recorded(path), prompts)
    if not pairs:
        raise broken(path, "has no prompt that two models answered")
    return pairs


def pairs_of(answers: Iterable[Recorded], prompts: Sequence[Prompt] = ()) -> tuple[Battle, ...]:
    """All pairs of different models that answered the same prompt, by prompt in the order of the answers.

    In a conversation, the last turn that both answered counts. Answers that failed or have no text make no pair. The
    dimension is that of the prompt with the same id in `prompts`.
    """
    dimensions = {prompt.id: prompt.dimension for prompt in prompts}
    # By prompt and repeat, each model's answers by turn.
    cells: defaultdict[tuple[str, str, int], defaultdict[str, dict[int, Side]]]
    cells = defaultdict(lambda: defaultdict(dict))
    for entry in answers:
        if entry.side.answer.text.strip() and not entry.failed:
            cells[entry.prompt_id, entry.prompt, entry.repeat][entry.side.model.id][entry.turn] = entry.side
    pairs = []
    for (prompt_id, _, _), models in cells.items():
        for names in combinations(sorted(models), 2):
            a, b = (models[name] for name in names)
            if turns := a.keys() & b.keys():
                turn = max(turns)
                pairs.append(_pair(a[turn], b[turn], prompt_id, dimensions.get(prompt_id, ""), turn))
    return tuple(pairs)


def as_shown(pair: Battle, battle_id: str, swapped: bool) -> Battle:
    """The battle that a rater sees of a pair."""
    a, b = (pair.b, pair.a) if swapped else (pair.a, pair.b)
    return replace(pair, id=battle_id, a=a, b=b)


def _pair(a: Side, b: Side, prompt_id: str, dimension: str, turn: int) -> Battle:
    """The prompt is that of the turn judged; the messages of the sides hold the earlier turns.

    The id is a hash of all that a rater sees and of the models, so that other answers are another pair.
    """
    content = []
    for side in (a, b):
        texts = [message.content for message in side.messages]
        asked = texts[0] if len(texts) == 1 else texts
        content.append([side.model.id, side.model.revision, side.model.precision, asked, side.answer.text])
    key = hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()[:32]
    return Battle(key, a.messages[-1].content, a, b, prompt_id, dimension, turn, blind=True, source="recorded")
