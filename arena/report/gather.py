"""Makes the facts of a report out of answers, votes and the prompt set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby

from arena.answers import Recorded
from arena.checks import check_answer
from arena.errors import InputError
from arena.prompts import Prompt
from arena.report.facts import Asked, KnownModel, ModelFacts, PromptFacts, ReportFacts
from arena.report.sources import Sources
from arena.report.votes_facts import JudgedAnswers
from arena.results.figures import Figures, PairResult
from arena.types import ModelSpec


def gather(
    sources: Sources,
    prompts: Sequence[Prompt] = (),
    known: Sequence[KnownModel] = (),
    pair: tuple[str, str] | None = None,
) -> ReportFacts:
    """The facts of one pair of models: `pair`, or the one with the most votes, or the first two that answered.

    Without recorded answers those that were voted on stand in. Raises InputError if there are no two models.
    """
    figures = sources.figures
    ids = pair or _pair(sources.answers, figures)
    judged = JudgedAnswers(ids, sources.votes, sources.store, sources.answers)
    answers = sources.answers or judged.answers()
    models = tuple(dict.fromkeys(entry.side.model.id for entry in answers))
    if not models:  # all votes are on prompts of one's own
        raise _nothing()
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


def _pair(answers: Sequence[Recorded], figures: Figures) -> tuple[str, str]:
    models = list(dict.fromkeys(entry.side.model.id for entry in answers))
    # The folder may hold votes on other models too, such as the stand-ins.
    judged = [
        (one.count.first, one.count.second)
        for one in figures.pairs
        if not answers or {one.count.first, one.count.second} <= set(models)
    ]
    if not judged and len(models) < 2:
        raise _nothing()
    chosen = judged[0] if judged else models[:2]
    first, second = [name for name in models if name in chosen] or sorted(chosen)
    return first, second


def _nothing() -> InputError:
    return InputError(
        "report_nothing",
        "A report needs answers of two models to prompts of the set: run a batch first, or import answers.",
    )


def _result(figures: Figures, ids: tuple[str, str]) -> PairResult | None:
    return next((one for one in figures.pairs if {one.count.first, one.count.second} == set(ids)), None)


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
        next((model for model in known if _same(model.spec, spec)), None),
        answers=len(own),
        failed=sum(entry.failed for entry in own),
        truncated=sum(entry.side.answer.finish_reason == "length" for entry in own),
        timed=len(seconds),
        seconds=sum(seconds) if seconds else None,
        tokens=sum(tokens) if tokens else None,
        tokens_per_second=sum(speeds) / len(speeds) if speeds else None,
        memory=max(memory) if memory else None,
        machines=tuple(machine for at, machine in enumerate(machines) if machine not in machines[:at]),
        configs=tuple(dict.fromkeys(configs)),
    )


def _same(known: ModelSpec, spec: ModelSpec) -> bool:
    """Whether they are one model; answers made elsewhere have the name where ours have the id."""
    names = {spec.id.casefold(), spec.id.partition("@")[0].casefold(), spec.name.casefold()}
    return known.id.casefold() in names or known.name.casefold() in names


def _prompts(
    models: tuple[ModelFacts, ModelFacts], answers: Sequence[Recorded], judged: JudgedAnswers, known: Sequence[Prompt]
) -> Iterable[PromptFacts]:
    """In the order of the set; what is not in it comes after, in the order of the answers."""
    names = {model.spec.id: model.name for model in models}
    by_id = {prompt.id: prompt for prompt in known}
    of_pair = [entry for entry in answers if entry.side.model.id in names]
    answered = dict.fromkeys(entry.prompt_id for entry in of_pair)
    for prompt_id in dict.fromkeys([*(name for name in by_id if name in answered), *answered]):
        asked = [entry for entry in of_pair if entry.prompt_id == prompt_id]
        prompt = by_id.get(prompt_id) or Prompt(prompt_id, "", {"zh": prompt_id, "en": prompt_id}, asked[0].prompt)
        first, second = (_asked(name, asked, prompt) for name in names)
        yield PromptFacts(
            prompt_id,
            prompt.title,
            prompt.dimension,
            _turns(asked),
            (first, second),
            judged.of_prompt(prompt_id, names),
            reference=prompt.reference,
        )


def _turns(asked: Sequence[Recorded]) -> tuple[str, ...]:
    """What was really asked, which may differ from the set's text in a space."""
    longest = max(asked, key=lambda entry: entry.turn)
    told = tuple(message.content for message in longest.side.messages if message.role == "user")
    return told or (longest.prompt,)


def _asked(name: str, answers: Iterable[Recorded], prompt: Prompt) -> tuple[Asked, ...]:
    own = sorted((entry for entry in answers if entry.side.model.id == name), key=lambda one: (one.repeat, one.turn))
    made = []
    for _, group in groupby(own, key=lambda entry: entry.repeat):
        turns = tuple(group)
        text = "\n\n".join(entry.side.answer.text for entry in turns)
        is_whole = not turns[-1].failed
        checks = check_answer(prompt.reference, text) if prompt.reference and is_whole else ()
        made.append(Asked(turns, checks))
    return tuple(made)
