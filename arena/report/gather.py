"""Reads the answers and votes of a report and collects its facts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from arena.answers import FILE_NAME, Recorded, read_recorded
from arena.checks import check_answer
from arena.errors import InputError
from arena.prompts import Prompt
from arena.report.facts import KnownModel, ModelFacts, PromptFacts, ReportFacts, Run
from arena.report.judged_answers import JudgedAnswers
from arena.results.compute import compute
from arena.results.figures import Figures, PairResult
from arena.types import ModelSpec
from arena.votes.reader import Progress
from arena.votes.store import Votes, VoteStore, store_of, store_of_files


@dataclass(frozen=True)
class Sources:
    """Recorded answers, the votes that count, the store that holds the votes' texts, and the results."""

    answers: tuple[Recorded, ...]
    store: VoteStore
    votes: Votes
    figures: Figures


def read_sources(
    data_dir: Path,
    answers: Path | None = None,
    votes: Iterable[Path] | None = None,
    progress: Progress = lambda done, total: None,
) -> Sources:
    """The given answers and votes, or else those of the data folder. Raises InputError if a file cannot be read."""
    store = store_of(data_dir) if votes is None else store_of_files(votes)
    counted = store.refresh(progress)
    answers = answers or answers_of(data_dir)
    return Sources(read_recorded(answers) if answers else (), store, counted, compute(counted))


def answers_of(data_dir: Path) -> Path | None:
    """The data folder's file of recorded answers, if it has any."""
    path = data_dir / FILE_NAME
    return path if path.is_file() and path.stat().st_size else None


def gather(
    sources: Sources,
    prompts: Sequence[Prompt] = (),
    known: Sequence[KnownModel] = (),
    pair: tuple[str, str] | None = None,
) -> ReportFacts:
    """The facts about two models: `pair`, or the pair with the most votes, or the first two that answered.

    Without recorded answers the answers in the votes are used. Raises InputError if there are no two models.
    """
    figures = sources.figures
    ids = pair or _choose_pair(sources.answers, figures)
    judged = JudgedAnswers(ids, sources.votes, sources.store, sources.answers)
    answers = sources.answers or judged.answers()
    models = tuple(dict.fromkeys(entry.side.model.id for entry in answers))
    if not models:  # all votes are on the raters' own prompts
        raise _nothing_to_report()
    if missing := [name for name in ids if name not in models]:
        raise InputError("report_model", f"There are no answers of {missing[0]}.", model=missing[0])
    first, second = (_model(name, answers, known) for name in ids)
    others = dict.fromkeys([*models, *(model.model for model in figures.models)])
    return ReportFacts(
        models=(first, second),
        prompts=tuple(_prompts((first, second), answers, judged, prompts)),
        figures=figures,
        pair=_result(figures, ids),
        votes_by_rater=judged.votes_by_rater,
        elsewhere=judged.elsewhere,
        others=tuple(name for name in others if name not in ids),
    )


def _choose_pair(answers: Sequence[Recorded], figures: Figures) -> tuple[str, str]:
    models = list(dict.fromkeys(entry.side.model.id for entry in answers))
    # The folder may also hold votes on other models, such as the demo models.
    judged = [
        (pair.count.first, pair.count.second)
        for pair in figures.pairs
        if not answers or {pair.count.first, pair.count.second} <= set(models)
    ]
    if not judged and len(models) < 2:
        raise _nothing_to_report()
    chosen = judged[0] if judged else models[:2]
    first, second = [name for name in models if name in chosen] or sorted(chosen)
    return first, second


def _nothing_to_report() -> InputError:
    return InputError(
        "report_nothing",
        "A report needs answers of two models to prompts of the set: run a batch first, or import answers.",
    )


def _result(figures: Figures, ids: tuple[str, str]) -> PairResult | None:
    return next((pair for pair in figures.pairs if {pair.count.first, pair.count.second} == set(ids)), None)


def _model(name: str, answers: Iterable[Recorded], known: Sequence[KnownModel]) -> ModelFacts:
    own = [entry for entry in answers if entry.side.model.id == name]
    spec = own[0].side.model
    usages = [entry.side.answer.usage for entry in own if not entry.failed]
    seconds = [usage.seconds for usage in usages if usage.seconds is not None]
    tokens = [usage.new_tokens for usage in usages if usage.new_tokens is not None]
    speeds = [usage.tokens_per_second for usage in usages if usage.tokens_per_second is not None]
    memory = [entry.memory for entry in own if entry.memory is not None]
    configs = [replace(config, seed=None) for config in (entry.side.config for entry in own) if config]
    machines = [entry.machine for entry in own if entry.machine]
    return ModelFacts(
        spec,
        next((model for model in known if _is_same_model(model.spec, spec)), None),
        answers=len(own),
        failed=sum(entry.failed for entry in own),
        truncated=sum(entry.side.answer.finish_reason == "length" for entry in own),
        timed=len(seconds),
        seconds=sum(seconds) if seconds else None,
        tokens=sum(tokens) if tokens else None,
        tokens_per_second=sum(speeds) / len(speeds) if speeds else None,
        memory=max(memory) if memory else None,
        machines=tuple(machine for index, machine in enumerate(machines) if machine not in machines[:index]),
        configs=tuple(dict.fromkeys(configs)),
    )


def _is_same_model(known: ModelSpec, spec: ModelSpec) -> bool:
    """Answers generated elsewhere may hold a model's name where ours hold its id."""
    names = {spec.id.casefold(), spec.id.partition("@")[0].casefold(), spec.name.casefold()}
    return known.id.casefold() in names or known.name.casefold() in names


def _prompts(
    models: tuple[ModelFacts, ModelFacts], answers: Sequence[Recorded], judged: JudgedAnswers, known: Sequence[Prompt]
) -> Iterable[PromptFacts]:
    """In the order of the prompt set, followed by other prompts in the order of the answers."""
    names = {model.spec.id: model.name for model in models}
    by_id = {prompt.id: prompt for prompt in known}
    of_pair = [entry for entry in answers if entry.side.model.id in names]
    answered = dict.fromkeys(entry.prompt_id for entry in of_pair)
    for prompt_id in dict.fromkeys([*(name for name in by_id if name in answered), *answered]):
        entries = [entry for entry in of_pair if entry.prompt_id == prompt_id]
        prompt = by_id.get(prompt_id) or Prompt(prompt_id, "", {"zh": prompt_id, "en": prompt_id}, entries[0].prompt)
        first, second = (_runs(name, entries, prompt) for name in names)
        yield PromptFacts(
            prompt_id,
            prompt.title,
            prompt.dimension,
            _turns(entries),
            (first, second),
            judged.of_prompt(prompt_id, names),
            reference=prompt.reference,
        )


def _turns(entries: Sequence[Recorded]) -> tuple[str, ...]:
    """The prompts as they were sent, which may differ from the set's text in a space."""
    longest = max(entries, key=lambda entry: entry.turn)
    sent = tuple(message.content for message in longest.side.messages if message.role == "user")
    return sent or (longest.prompt,)


def _runs(name: str, answers: Iterable[Recorded], prompt: Prompt) -> tuple[Run, ...]:
    own = (entry for entry in answers if entry.side.model.id == name)
    runs = []
    for _, group in groupby(sorted(own, key=lambda entry: (entry.repeat, entry.turn)), key=lambda entry: entry.repeat):
        turns = tuple(group)
        answer = "\n\n".join(entry.side.answer.text for entry in turns)
        is_complete = not turns[-1].failed
        checks = check_answer(prompt.reference, answer) if prompt.reference and is_complete else ()
        runs.append(Run(turns, checks))
    return tuple(runs)
