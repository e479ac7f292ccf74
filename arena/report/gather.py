"""Makes the facts of a report out of answers, votes and the prompt set. Knows no words and no format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from arena.answers import Recorded
from arena.checks import check_answer
from arena.errors import InputError
from arena.prompts import Prompt
from arena.report.facts import Asked, Comment, KnownModel, ModelFacts, PromptFacts, ReportFacts
from arena.report.sources import Sources
from arena.statistics import PairCount, count_votes
from arena.types import ModelSpec, Side, Vote, Winner


def gather(
    sources: Sources,
    prompts: Sequence[Prompt] = (),
    known: Sequence[KnownModel] = (),
    pair: tuple[str, str] | None = None,
) -> ReportFacts:
    """The facts of one pair of models: `pair`, or the one with the most votes, or the first two that answered.

    Without recorded answers those that were voted on stand in. Raises InputError if there are no two models.
    """
    answers = sources.answers or _voted_on(sources.votes)
    ids = pair or _pair(answers, sources.votes)
    models = tuple(dict.fromkeys(entry.side.model.id for entry in answers))
    if missing := [name for name in ids if name not in models]:
        raise InputError("report_model", f"There are no answers of {missing[0]}.", model=missing[0])
    of_pair = [vote for vote in sources.votes if _models(vote) == set(ids)]
    votes = _on_these(of_pair, sources.answers)
    counted = [vote for vote in votes if not vote.repeat_of]
    counts = count_votes(votes)
    first, second = (_model(name, answers, known) for name in ids)
    return ReportFacts(
        models=(first, second),
        prompts=tuple(_prompts((first, second), answers, counted, prompts)),
        by_dimension=_by_dimension(ids, counted),
        overall=_count(ids, counted),
        clean=_count(ids, [vote for vote in counted if not vote.leaked]),
        leaked=counts.leaked,
        raters=len({vote.judge for vote in counted if vote.judge}),
        elsewhere=len(of_pair) - len(votes),
        others=tuple(name for name in models if name not in ids),
        unreadable=sources.unreadable,
        duplicates=sources.duplicates,
        withdrawn=sources.withdrawn,
        **_consistency(votes),
    )


def _pair(answers: Sequence[Recorded], votes: Iterable[Vote]) -> tuple[str, str]:
    models = list(dict.fromkeys(entry.side.model.id for entry in answers))
    if len(models) < 2:
        raise InputError("report_nothing", "A report needs answers of two models.")
    # The folder may hold votes on other models too, such as the stand-ins.
    judged = Counter(pair for pair in map(_models, votes) if pair <= set(models))
    chosen = judged.most_common(1)[0][0] if judged else frozenset(models[:2])
    first, second = (name for name in models if name in chosen)
    return first, second


def _voted_on(votes: Iterable[Vote]) -> tuple[Recorded, ...]:
    """The answers that stand in the votes, each once; prompts of one's own have no id and are left out."""
    found: dict[tuple[str, str, str], Recorded] = {}
    repeats: Counter[tuple[str, str]] = Counter()
    for vote in votes:
        for side in _sides(vote) if vote.battle.prompt_id else ():
            key = vote.battle.prompt_id, side.model.id, side.answer.text
            if key not in found:
                repeat = repeats[key[:2]]
                repeats[key[:2]] += 1
                asked = next((told.content for told in side.messages if told.role == "user"), vote.battle.prompt)
                found[key] = Recorded(vote.battle.prompt_id, asked, side, repeat)
    return tuple(found.values())


def _on_these(votes: Iterable[Vote], answers: Sequence[Recorded]) -> list[Vote]:
    """The votes that were given on these very answers; all of them where no answers were recorded."""
    known = {(entry.side.model.id, entry.side.answer.text) for entry in answers}
    return [
        vote
        for vote in votes
        if not answers or all((side.model.id, side.answer.text) in known for side in _sides(vote))
    ]


def _models(vote: Vote) -> frozenset[str]:
    return frozenset(side.model.id for side in _sides(vote))


def _sides(vote: Vote) -> tuple[Side, Side]:
    return vote.battle.a, vote.battle.b


def _count(ids: tuple[str, str], votes: Iterable[Vote]) -> PairCount:
    pairs = count_votes(votes).pairs
    return pairs[0].seen_from(ids[0]) if pairs else PairCount(*ids)


def _by_dimension(ids: tuple[str, str], votes: Sequence[Vote]) -> Mapping[str, PairCount]:
    names = dict.fromkeys(vote.battle.dimension for vote in votes)
    return {name: _count(ids, [vote for vote in votes if vote.battle.dimension == name]) for name in names}


def _consistency(votes: Iterable[Vote]) -> dict[str, int]:
    """How many repeats there are whose first judgement is known, and how many say the same of the models."""
    said = {(vote.judge, vote.battle.id): _winner(vote) for vote in votes}
    again = [(vote, said.get((vote.judge, vote.repeat_of))) for vote in votes if vote.repeat_of]
    pairs = [(_winner(vote), first) for vote, first in again if first is not None]
    return {"repeated": len(pairs), "consistent": sum(one == first for one, first in pairs)}


def _winner(vote: Vote) -> str | Winner:
    """The id of the model preferred, or the kind of tie."""
    match vote.winner:
        case Winner.MODEL_A:
            return vote.battle.a.model.id
        case Winner.MODEL_B:
            return vote.battle.b.model.id
    return vote.winner


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
    models: tuple[ModelFacts, ModelFacts], answers: Sequence[Recorded], votes: Sequence[Vote], known: Sequence[Prompt]
) -> Iterable[PromptFacts]:
    """In the order of the set; what is not in it comes after, in the order of the answers."""
    ids = models[0].spec.id, models[1].spec.id
    by_id = {prompt.id: prompt for prompt in known}
    of_pair = [entry for entry in answers if entry.side.model.id in ids]
    answered = dict.fromkeys(entry.prompt_id for entry in of_pair)
    for prompt_id in dict.fromkeys([*(name for name in by_id if name in answered), *answered]):
        asked = [entry for entry in of_pair if entry.prompt_id == prompt_id]
        prompt = by_id.get(prompt_id) or Prompt(prompt_id, "", {"zh": prompt_id, "en": prompt_id}, asked[0].prompt)
        judged = [vote for vote in votes if vote.battle.prompt_id == prompt_id]
        first, second = (_asked(name, asked, prompt) for name in ids)
        yield _judged(
            PromptFacts(
                prompt_id,
                prompt.title,
                prompt.dimension,
                _turns(asked),
                (first, second),
                _count(ids, judged),
                reference=prompt.reference,
            ),
            models,
            judged,
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


def _judged(facts: PromptFacts, models: tuple[ModelFacts, ModelFacts], votes: Sequence[Vote]) -> PromptFacts:
    """The same with what raters said besides the overall choice."""
    names = {model.spec.id: model.name for model in models}
    criteria: dict[str, list[int]] = {}
    for vote in votes:
        order = ("a", "tie", "b") if vote.battle.a.model.id == models[0].spec.id else ("b", "tie", "a")
        for name, verdict in vote.criteria.items():
            if verdict in order:
                criteria.setdefault(name, [0, 0, 0])[order.index(verdict)] += 1
    return replace(
        facts,
        criteria={name: (counts[0], counts[1], counts[2]) for name, counts in criteria.items()},
        any_right=sum(vote.any_right is True for vote in votes),
        none_right=sum(vote.any_right is False for vote in votes),
        comments=tuple(_comment(vote, names) for vote in votes if vote.comment.strip()),
    )


def _comment(vote: Vote, names: Mapping[str, str]) -> Comment:
    winner = _winner(vote)
    return Comment(vote.comment.strip(), names[vote.battle.a.model.id], names.get(winner, winner))
