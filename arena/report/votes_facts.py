"""What raters said of the answers that a report shows: counts, criteria and comments by prompt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from arena.answers import Recorded
from arena.report.facts import Comment, PromptVotes
from arena.results.selection import View
from arena.statistics import PairCount
from arena.types import CRITERIA, SideName, Vote, Winner
from arena.votes.store import Votes, VoteStore
from arena.votes.table import Table, hashed, mixed

if TYPE_CHECKING:
    from arena.votes.table import Mask


class JudgedAnswers:
    """The votes on two models' answers, those of `answers` alone if there are any; `elsewhere` counts the others."""

    def __init__(self, ids: tuple[str, str], votes: Votes, store: VoteStore, answers: Sequence[Recorded] = ()) -> None:
        table = votes.table.where(votes.table["repeat_of"] == 0)
        table = table.where(_of_pair(table, ids))
        on_these = _on_these(table, answers)
        self.elsewhere = int((~on_these).sum())
        self._ids = ids
        self._store = store
        self._view = View(table.where(on_these))
        self.votes_by_rater = _votes_by_rater(table)

    def of_prompt(self, prompt: str, names: Mapping[str, str]) -> PromptVotes:
        """The votes on a prompt; `names` are the models' by their ids."""
        table = self._view.table
        known = table.names["prompt"]
        rows = table["prompt"] == (known.index(prompt) if prompt in known else -1)
        counts = self._view.counted(rows)
        right = table["any_right"][rows]
        return PromptVotes(
            counts[0].seen_from(self._ids[0]) if counts else PairCount(*self._ids),
            self._criteria(rows),
            int((right == 1).sum()),
            int((right == 0).sum()),
            tuple(self._comments(table.where(rows & table["commented"]), names)),
        )

    def _criteria(self, rows: Mask) -> dict[str, tuple[int, int, int]]:
        import numpy as np

        is_first_a, found = self._view.first_is_a == (self._ids[0] < self._ids[1]), {}
        for name in CRITERIA:
            said = self._view.table[f"criterion_{name}"]
            ahead = np.where(is_first_a, said, 2 - said)[rows & (said >= 0)]
            if len(ahead):
                wins, ties, losses = np.bincount(ahead, minlength=3).tolist()
                found[name] = (wins, ties, losses)
        return found

    def _comments(self, rows: Table, names: Mapping[str, str]) -> Iterable[Comment]:
        for stored in self._store.stored(rows):
            vote = stored.vote
            winner = winner_of(vote)
            yield Comment(vote.comment.strip(), names[vote.battle.a.model.id], names.get(winner, winner))

    def answers(self) -> tuple[Recorded, ...]:
        """The answers that were voted on, each once; prompts of one's own have no id and are left out."""
        import numpy as np
        import pandas as pd

        table = self._view.table
        own = table["prompt"] != (table.names["prompt"].index("") if "" in table.names["prompt"] else -1)
        new = np.zeros(len(table), dtype=bool)
        for side in SideName:
            answer = mixed(table[f"answer_{side}"], table["prompt"].astype("u8"))
            new |= ~pd.Series(answer).duplicated().to_numpy()
        found: dict[tuple[str, str, str], Recorded] = {}
        for stored in self._store.stored(table.where(own & new)):
            battle = stored.vote.battle
            for one in (battle.a, battle.b):
                key = battle.prompt_id, one.model.id, one.answer.text
                repeat = sum(prompt == key[0] and model == key[1] for prompt, model, _ in found)
                asked = next((told.content for told in one.messages if told.role == "user"), battle.prompt)
                found.setdefault(key, Recorded(battle.prompt_id, asked, one, repeat))
        return tuple(found.values())


def winner_of(vote: Vote) -> str:
    """The id of the model preferred, or the kind of tie."""
    match vote.winner:
        case Winner.MODEL_A:
            return vote.battle.a.model.id
        case Winner.MODEL_B:
            return vote.battle.b.model.id
    return vote.winner


def _of_pair(table: Table, ids: tuple[str, str]) -> Mask:
    import numpy as np

    names = table.names["model"]
    codes = [names.index(name) for name in ids if name in names]
    found: Mask = np.isin(table["model_a"], codes) & np.isin(table["model_b"], codes)
    return found


def _on_these(table: Table, answers: Sequence[Recorded]) -> Mask:
    """The votes on two of the answers; all of them where there are none."""
    import numpy as np

    if not answers:
        return np.ones(len(table), dtype=bool)
    sides = [entry.side for entry in answers]
    known = mixed(hashed(side.model.id for side in sides), hashed(side.answer.text for side in sides))
    found: Mask = np.isin(table["answer_a"], known) & np.isin(table["answer_b"], known)
    return found


def _votes_by_rater(table: Table) -> dict[int, int]:
    """How many raters gave how many votes, by the number of votes."""
    import numpy as np

    votes = np.bincount(table["judge"]) if len(table) else np.zeros(1, dtype=int)
    numbers, raters = np.unique(votes[votes > 0], return_counts=True)
    return dict(zip(numbers.tolist(), raters.tolist(), strict=True))
