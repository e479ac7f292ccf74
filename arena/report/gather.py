"""Reads the answers and votes of a report and collects its facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np
import pandas as pd

from arena.answers import answers_of, read_recorded
from arena.checks import check_answer
from arena.errors import InputError
from arena.prompts import Prompt
from arena.recorded import Recorded
from arena.report.facts import Comment, KnownModel, ModelFacts, PromptFacts, PromptVotes, ReportFacts, Run
from arena.results.compute import compute
from arena.results.exclusions import counted_rows
from arena.results.figures import Figures
from arena.results.selection import Filters, View
from arena.statistics import PairCount
from arena.types import CRITERIA, ModelSpec, SideName, Winner
from arena.votes.imported.sources import ImportedFiles
from arena.votes.reader import Progress
from arena.votes.store import VoteStore
from arena.votes.table import Mask, Table, mixed


@dataclass(frozen=True)
class Sources:
    """Recorded answers, the votes, and the results."""

    answers: tuple[Recorded, ...]
    store: VoteStore
    figures: Figures


def read_sources(
    data_dir: Path,
    answers: Path | None = None,
    votes: Iterable[Path] | None = None,
    progress: Progress = lambda done, total: None,
) -> Sources:
    """The given answers and votes, or else those of the data folder. Raises InputError if a file cannot be read."""
    store = VoteStore(data_dir if votes is None else ImportedFiles(votes))
    figures = compute(store.refresh(progress))
    answers = answers or answers_of(data_dir)
    return Sources(read_recorded(answers) if answers else (), store, figures)


def gather(
    sources: Sources,
    prompts: Sequence[Prompt] = (),
    known: Sequence[KnownModel] = (),
    pair: tuple[str, str] | None = None,
) -> ReportFacts:
    """The facts about two models in full: `pair`, or the best-ranked pair of those judged most, or the first two that
    answered; and about the others in short.

    `pair` are ids or labels. Without recorded answers the answers in the votes are used. Raises InputError if there are
    no two models.
    """
    figures = sources.figures
    ids, reason = (_ids(pair, sources), "chosen") if pair else _choose_pair(sources.answers, figures)
    judged = JudgedAnswers(ids, sources.store, sources.answers)
    answers = sources.answers or judged.answers()
    models = _models_of(answers)
    if not models:  # all votes are on the raters' own prompts
        raise _nothing_to_report()
    if missing := [name for name in ids if name not in models]:
        raise InputError("report_model", f"There are no answers by {missing[0]}.", model=missing[0])
    voted = [model.model for model in figures.models if model.model not in ids]
    others = [name for name in models if name not in ids] if sources.answers else voted
    first, second, *more = _named_apart([_model(name, answers, known) for name in (*ids, *others)])
    return ReportFacts(
        models=(first, second),
        prompts=tuple(_prompts([first, second, *more], answers, judged, prompts)),
        figures=figures,
        pair=next((pair.seen_from(ids[0]) for pair in figures.pairs if pair.count.models == set(ids)), None),
        votes_by_rater=judged.votes_by_rater,
        elsewhere=judged.elsewhere,
        others=tuple(more),
        reason=reason,
        left_out=() if others else tuple(voted),
    )


def _ids(pair: tuple[str, str], sources: Sources) -> tuple[str, str]:
    """The ids of two models that are named by their ids, or by labels that only one model has. Raises InputError."""
    if not all(pair):
        raise InputError("report_pair", "Name both models to compare in full, or neither.")
    ids = {entry.side.model.id for entry in sources.answers} | {model.model for model in sources.figures.models}
    labelled = ([each for each in ids if each.startswith(f"{name}=")] for name in pair)
    a, b = (same[0] if len(same) == 1 else name for same, name in zip(labelled, pair, strict=True))
    if a == b:
        raise InputError("same_model", f"Both models are {a}. Choose two different ones.", model=a)
    return a, b


def _choose_pair(answers: Sequence[Recorded], figures: Figures) -> tuple[tuple[str, str], str]:
    """Two models, and why these."""
    models = _models_of(answers)
    # The folder may also hold votes on other models, such as the demo models.
    judged = [pair.count for pair in figures.pairs if not answers or pair.count.models <= set(models)]
    if not judged and len(models) < 2:
        raise _nothing_to_report()
    ranks = [model.model for model in figures.models]
    # Votes are spread evenly over many pairs, so that the very most say nothing.
    often = [count.models for count in judged if 2 * count.votes >= judged[0].votes]
    chosen = min(often, key=lambda pair: sorted(map(ranks.index, pair)), default=models[:2])
    first, second = [name for name in models if name in chosen] or sorted(chosen)
    return (first, second), "votes" if judged else "order"


def _models_of(answers: Iterable[Recorded]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(entry.side.model.id for entry in answers))


def _nothing_to_report() -> InputError:
    message = "A report needs answers by two models to the prompts. Run a batch first, or import answers."
    return InputError("report_nothing", message)


def _model(name: str, answers: Iterable[Recorded], known: Sequence[KnownModel]) -> ModelFacts:
    own = tuple(entry for entry in answers if entry.side.model.id == name)
    spec = own[0].side.model if own else ModelSpec(name, name, family="", source="", runtime="", precision="")
    return ModelFacts(spec, next((model for model in known if _is_same_model(model.spec, spec)), None), own)


def _named_apart(models: Sequence[ModelFacts]) -> list[ModelFacts]:
    """The models with their ids instead of a name that two of them have."""
    names = [model.name for model in models]
    return [
        replace(model, spec=replace(model.spec, name=model.spec.id)) if names.count(model.name) > 1 else model
        for model in models
    ]


def _is_same_model(known: ModelSpec, spec: ModelSpec) -> bool:
    """Answers generated elsewhere may hold a model's name where ours hold its id."""
    names = {spec.id.casefold(), spec.plain_id.partition("@")[0].casefold(), spec.name.casefold()}
    return known.id.casefold() in names or known.name.casefold() in names


def _prompts(
    models: Sequence[ModelFacts], answers: Sequence[Recorded], judged: JudgedAnswers, known: Sequence[Prompt]
) -> Iterable[PromptFacts]:
    """The prompts of the first two models in the order of the prompt set, followed by others in that of the answers."""
    names = {model.spec.id: model.name for model in models if model.answers}
    by_id = {prompt.id: prompt for prompt in known}
    answered = dict.fromkeys(entry.prompt_id for entry in answers if entry.side.model.id in list(names)[:2])
    for prompt_id in dict.fromkeys([*(name for name in by_id if name in answered), *answered]):
        entries = [entry for entry in answers if entry.prompt_id == prompt_id]
        prompt = by_id.get(prompt_id) or Prompt(prompt_id, "", {"zh": prompt_id, "en": prompt_id}, entries[0].prompt)
        runs = tuple(_runs(name, entries, prompt) for name in names)
        yield PromptFacts(_as_sent(prompt, entries), runs, judged.of_prompt(prompt_id, names))


def _as_sent(prompt: Prompt, entries: Sequence[Recorded]) -> Prompt:
    """The prompt with the turns that were sent, which may differ from the set's text in a space."""
    longest = max(entries, key=lambda entry: entry.turn)
    text, *more = [message.content for message in longest.side.messages if message.role == "user"] or [longest.prompt]
    return replace(prompt, text=text, more=tuple(more))


def _runs(name: str, answers: Iterable[Recorded], prompt: Prompt) -> tuple[Run, ...]:
    own = (entry for entry in answers if entry.side.model.id == name)
    runs = []
    for _, group in groupby(sorted(own, key=lambda entry: (entry.repeat, entry.turn)), key=lambda entry: entry.repeat):
        turns = tuple(group)
        answer = "\n\n".join(entry.side.answer.text for entry in turns)
        checks = check_answer(prompt.reference, answer) if prompt.reference and not turns[-1].failed else ()
        runs.append(Run(turns, checks))
    return tuple(runs)


# ---- the votes on the answers


class JudgedAnswers:
    """The votes on answers of two models.

    Votes of excluded raters do not count. If `answers` are given, only votes on two of them count; `elsewhere` is the
    number of the other votes. `votes_by_rater` maps a number of votes to how many raters cast that many.
    """

    def __init__(self, ids: tuple[str, str], store: VoteStore, answers: Sequence[Recorded]) -> None:
        votes = store.refresh()
        table = votes.table.where(counted_rows(votes))
        table = table.where(Filters(models=ids).passed(table) & (table["repeat_of"] == 0))
        is_shown = table.is_on([entry.side for entry in answers]) | (not answers)
        self.elsewhere = int((~is_shown).sum())
        self._ids = ids
        self._store = store
        self._view = View(table.where(is_shown))
        votes_of = np.bincount(table["judge"])
        numbers, raters = np.unique(votes_of[votes_of > 0], return_counts=True)
        self.votes_by_rater: dict[int, int] = dict(zip(numbers.tolist(), raters.tolist(), strict=True))

    def of_prompt(self, prompt: str, names: Mapping[str, str]) -> PromptVotes:
        """The votes on a prompt. `names` maps model ids to names."""
        table = self._view.table
        rows = table.is_named("prompt", prompt)
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
        criteria = {}
        for name in CRITERIA:
            is_judged, points = self._view.criterion(name)
            if (rows & is_judged).any():
                losses, ties, wins = np.bincount((2 * points[rows & is_judged]).astype(int), minlength=3).tolist()
                criteria[name] = (wins, ties, losses) if self._ids[0] < self._ids[1] else (losses, ties, wins)
        return criteria

    def _comments(self, rows: Table, names: Mapping[str, str]) -> Iterable[Comment]:
        for stored in self._store.stored(rows):
            vote = stored.vote
            left, right = vote.battle.a.model.id, vote.battle.b.model.id
            winner = {Winner.MODEL_A: left, Winner.MODEL_B: right}.get(vote.winner, vote.winner)
            yield Comment(vote.comment.strip(), names[left], names.get(winner, winner))

    def answers(self) -> tuple[Recorded, ...]:
        """The answers that were voted on, each once, without those to the raters' own prompts, which have no id."""
        table = self._view.table
        is_new = np.zeros(len(table), dtype=bool)
        for side_name in SideName:
            answer = mixed(table[f"answer_{side_name}"], table["prompt"].astype("u8"))
            is_new |= ~pd.Series(answer).duplicated().to_numpy()
        answers: dict[tuple[str, str, str], Recorded] = {}
        for stored in self._store.stored(table.where(is_new & ~table.is_named("prompt", ""))):
            battle = stored.vote.battle
            for side in (battle.a, battle.b):
                key = battle.prompt_id, side.model.id, side.answer.text
                repeat = sum(prompt == key[0] and model == key[1] for prompt, model, _ in answers)
                asked = next((message.content for message in side.messages if message.role == "user"), battle.prompt)
                answers.setdefault(key, Recorded(battle.prompt_id, asked, side, repeat))
        return tuple(answers.values())
