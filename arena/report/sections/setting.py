"""What ran where: machine, models, deployment, costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial

from arena.model_card import ModelCard, Texts
from arena.report.blocks import Block, Bullets, Heading, Paragraph, Table
from arena.report.facts import ModelFacts, ReportFacts
from arena.report.sections.references import numbers_of
from arena.report.words import duration, say
from arena.results.words import listed
from arena.types import GenerationConfig

# Keys of a machine's facts that have a row of their own; the others are versions, but for how many answers at once.
_OWN = ("processor", "cores", "memory", "system")
_GIGA, _HUNDRED_MILLION, _MILLION = 1e9, 1e8, 1e6
_RowsOf = Callable[[str, ModelFacts], Iterator[tuple[str, str]]]


def setting(lang: str, facts: ReportFacts, machine: str = "") -> Iterator[Block]:
    """The environment, the table of the models' facts, how they ran, and what it cost.

    `machine` is what the author says the answers were made on.
    """
    yield Heading(2, say(lang, "environment"))
    yield Heading(3, say(lang, "machine"))
    yield from _machines(lang, facts.models)
    if machine:
        yield Paragraph(say(lang, "machine_stated", machine=machine))
    yield Heading(3, say(lang, "models"))
    facts_of = partial(_facts_of, facts.models)
    yield _transposed(lang, facts.models, facts_of, say(lang, "models_facts"))
    yield Heading(3, say(lang, "deployment"))
    yield Bullets(tuple(_deployed(lang, model) for model in facts.models))
    yield _transposed(lang, facts.models, _run_settings, say(lang, "run_settings"))
    yield Heading(3, say(lang, "costs"))
    yield _transposed(lang, facts.models, _costs, say(lang, "costs_table"))


def _machines(lang: str, models: Sequence[ModelFacts]) -> Iterator[Block]:
    """A table for each machine, under the names of the models it ran; who is in none is told."""
    found: list[tuple[Mapping[str, object], list[str]]] = []
    for model in models:
        for machine in model.machines:
            without = {name: value for name, value in machine.items() if name != "at_once"}
            names = next((names for known, names in found if known == without), None)
            if names is None:
                found.append((without, [model.name]))
            elif model.name not in names:
                names.append(model.name)
    for machine, names in found:
        yield _machine_table(lang, machine, say(lang, "machine_of", models=listed(lang, names)))
    unknown = [model.name for model in models if not model.machines]
    if len(unknown) == len(models):
        yield Paragraph(say(lang, "machine_unknown"))
    elif unknown:
        yield Paragraph(say(lang, "machine_unknown_of", models=listed(lang, unknown)))


def _machine_table(lang: str, machine: Mapping[str, object], caption: str) -> Table:
    rows = [(say(lang, name), _machine_value(lang, name, machine[name])) for name in _OWN if machine.get(name)]
    others = [f"{name} {value}" for name, value in machine.items() if name not in _OWN]
    if others:
        rows.append((say(lang, "versions"), ", ".join(others)))
    return Table((say(lang, "field"), say(lang, "value")), tuple(rows), caption)


def _machine_value(lang: str, name: str, value: object) -> str:
    return _gigabytes(lang, value) if name == "memory" and isinstance(value, (int, float)) else str(value)


def _transposed(lang: str, models: Sequence[ModelFacts], rows_of: _RowsOf, caption: str) -> Table:
    """A column a model: what is compared stands side by side."""
    columns = [dict(rows_of(lang, model)) for model in models]
    headers = (say(lang, "model"), *(model.name for model in models))
    return Table(headers, tuple((name, *(column[name] for column in columns)) for name in columns[0]), caption)


def _facts_of(models: Sequence[ModelFacts], lang: str, model: ModelFacts) -> Iterator[tuple[str, str]]:
    """What is published of a model."""
    spec, known = model.spec, model.known
    card = known.card if known else None
    base = known.spec if known else spec
    unknown = say(lang, "unknown")
    licence = spec.licence or base.licence
    address = base.licence_url if licence == base.licence else spec.licence_url
    count = known.parameters if known else None
    yield say(lang, "developer"), _published(lang, card.developer) if card else unknown
    yield say(lang, "architecture"), _published(lang, card.architecture) if card else unknown
    yield say(lang, "parameters"), _parameters(lang, count) if count else unknown
    yield say(lang, "training_data"), _published(lang, card.training_data) if card else unknown
    yield say(lang, "languages"), _published(lang, card.languages) if card else unknown
    yield say(lang, "released"), _released(lang, card) if card else unknown
    yield say(lang, "context"), _tokens(lang, card.context_length if card else 0)
    yield say(lang, "licence"), " ".join(filter(None, (licence, address))) or unknown
    yield say(lang, "published"), (known.published if known else "") or unknown
    yield say(lang, "repository"), card.repository if card else unknown
    yield say(lang, "sources"), numbers_of(lang, models, model) or unknown


def _published(lang: str, texts: Texts | None) -> str:
    return texts[lang == "en"] if texts else say(lang, "not_published")


def _released(lang: str, card: ModelCard) -> str:
    return say(lang, "updated", released=card.released, updated=card.updated) if card.updated else card.released


def _tokens(lang: str, count: int) -> str:
    return say(lang, "tokens", count=f"{count:,}") if count else say(lang, "unknown")


def _run_settings(lang: str, model: ModelFacts) -> Iterator[tuple[str, str]]:
    """How the answers were made, as they tell it."""
    spec = model.spec
    unknown = say(lang, "unknown")
    yield say(lang, "id"), spec.id
    yield say(lang, "revision"), spec.revision or unknown
    yield say(lang, "precision"), spec.precision or unknown
    yield say(lang, "context"), _tokens(lang, spec.context_length)
    yield say(lang, "settings"), "; ".join(map(_settings, model.configs)) or unknown


def _settings(config: GenerationConfig) -> str:
    """By the names that everybody knows them by."""
    return ", ".join(f"{name} {value:g}" for name, value in asdict(config).items() if value is not None)


def _parameters(lang: str, count: float) -> str:
    """With two or three digits: nobody publishes more."""
    if lang == "zh":
        amount = count / _HUNDRED_MILLION
        return say(lang, "billion", amount=f"{amount:.0f}" if amount >= 10 else f"{amount:.3g}")
    if count < _GIGA:
        return say(lang, "million", amount=f"{count / _MILLION:.0f}")
    return say(lang, "billion", amount=f"{count / _GIGA:.1f}")


def _deployed(lang: str, model: ModelFacts) -> str:
    spec = model.spec
    numbers = {"model": model.name, "answers": model.answers, "truncated": model.truncated}
    if spec.runtime in ("", "recorded"):
        return say(lang, "imported", **numbers)
    precision = spec.precision or say(lang, "unknown")
    return say(lang, "deployed", runtime=spec.runtime, precision=precision, failed=model.failed, **numbers)


def _costs(lang: str, model: ModelFacts) -> Iterator[tuple[str, str]]:
    unknown = say(lang, "unknown")
    speed, memory = model.tokens_per_second, model.memory
    yield say(lang, "answers"), str(model.answers)
    yield say(lang, "seconds"), duration(lang, model.seconds)
    yield say(lang, "tokens_all"), unknown if model.tokens is None else f"{model.tokens:,}"
    yield say(lang, "speed"), unknown if speed is None else say(lang, "per_second", speed=f"{speed:.1f}")
    yield (
        say(lang, "at_once"),
        ", ".join(sorted({str(one["at_once"]) for one in model.machines if "at_once" in one})) or unknown,
    )
    yield say(lang, "peak"), unknown if memory is None else _gigabytes(lang, memory)


def _gigabytes(lang: str, size: float) -> str:
    return say(lang, "gigabytes", size=f"{size / _GIGA:.1f}")
