"""The votes on the answers that a report shows: counts, criteria and comments by prompt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from arena.answers import Recorded
from arena.report.facts import Comment, PromptVotes
from arena.results.selection import Mask, View, is_named
from arena.statistics import PairCount
from arena.types import CRITERIA, SideName, Vote, Winner
from arena.votes.store import Votes, VoteStore
from arena.votes.table import Table, hashed, mixed


class JudgedAnswers:
    """The votes on answers of two models.

    If `answers` are given, only votes on two of them count; `elsewhere` is the number of the other votes.
    """

    def __init__(self, ids: tuple[str, str], votes: Votes, store: VoteStore, answers: Sequence[Recorded] = ()) -> None:
        table = votes.table.where(votes.table["repeat_of"] == 0)
        table = table.where(_of_pair(table, ids))
        is_shown = _on_answers(table, answers)
        self.elsewhere = int((~is_shown).sum())
        self._ids = ids
        self._store = store
        self._view = View(table.where(is_shown))
        self.votes_by_rater = _votes_by_rater(table)

    def of_prompt(self, prompt: str, names: Mapping[str, str]) -> PromptVotes:
        """The votes on a prompt. `names` maps model ids to names."""
        table = self._view.table
        rows = is_named(table, "prompt", prompt)
        counts = self._view.counts(rows)
        right = table["any_right"][rows]
        return PromptVotes(
            counts[0].seen_from(self._ids[0]) if counts else PairCount(*self._ids),
            self._criteria(rows),
            int((right == 1).sum()),
            int((right == 0).sum()),
            tuple(self._comments(table.where(rows & table["commented"]), names)),
        )

    def _criteria(self, rows: Mask) -> dict[str, tuple[int, int, int]]:
        is_first_a = self._view.first_is_a == (self._ids[0] < self._ids[1])
        criteria = {}
        for name in CRITERIA:
            choices = self._view.table[f"criterion_{name}"]
            from_first = np.where(is_first_a, choices, 2 - choices)[rows & (choices >= 0)]
            if len(from_first):
                wins, ties, losses = np.bincount(from_first, minlength=3).tolist()
                criteria[name] = (wins, ties, losses)
        return criteria

    def _comments(self, rows: Table, names: Mapping[str, str]) -> Iterable[Comment]:
        for stored in self._store.stored(rows):
            vote = stored.vote
            winner = _winner(vote)
            yield Comment(vote.comment.strip(), names[vote.battle.a.model.id], names.get(winner, winner))

    def answers(self) -> tuple[Recorded, ...]:
        """The answers that were voted on, each once, without those to the raters' own prompts, which have no id."""
        table = self._view.table
        is_new = np.zeros(len(table), dtype=bool)
        for side_name in SideName:
            answer = mixed(table[f"answer_{side_name}"], table["prompt"].astype("u8"))
            is_new |= ~pd.Series(answer).duplicated().to_numpy()
        answers: dict[tuple[str, str, str], Recorded] = {}
        for stored in self._store.stored(table.where(is_new & ~is_named(table, "prompt", ""))):
            battle = stored.vote.battle
            for side in (battle.a, battle.b):
                key = battle.prompt_id, side.model.id, side.answer.text
                repeat = sum(prompt == key[0] and model == key[1] for prompt, model, _ in answers)
                asked = next((message.content for message in side.messages if message.role == "user"), battle.prompt)
                answers.setdefault(key, Recorded(battle.prompt_id, asked, side, repeat))
        return tuple(answers.values())


def _winner(vote: Vote) -> str:
    """The id of the preferred model, or the kind of tie."""
    match vote.winner:
        case Winner.MODEL_A:
            return vote.battle.a.model.id
        case Winner.MODEL_B:
            return vote.battle.b.model.id
    return vote.winner


def _of_pair(table: Table, ids: tuple[str, str]) -> Mask:
    names = table.names["model"]
    codes = [names.index(name) for name in ids if name in names]
    return np.asarray(np.isin(table["model_a"], codes) & np.isin(table["model_b"], codes))


def _on_answers(table: Table, answers: Sequence[Recorded]) -> Mask:
    """The votes on two of the answers; all votes if there are no answers."""
    if not answers:
        return np.ones(len(table), dtype=bool)
    sides = [entry.side for entry in answers]
    known = mixed(hashed(side.model.id for side in sides), hashed(side.answer.text for side in sides))
    return np.asarray(np.isin(table["answer_a"], known) & np.isin(table["answer_b"], known))


def _votes_by_rater(table: Table) -> dict[int, int]:
    """Maps a number of votes to how many raters cast that many."""
    votes = np.bincount(table["judge"]) if len(table) else np.zeros(1, dtype=int)
    numbers, raters = np.unique(votes[votes > 0], return_counts=True)
    return dict(zip(numbers.tolist(), raters.tolist(), strict=True))
