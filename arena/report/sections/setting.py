"""The environment: machines, facts about the models, how they ran, and what that cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial

from arena.model_card import ModelCard, Texts
from arena.report.blocks import Block, Bullets, Heading, Paragraph, Table
from arena.report.facts import ModelFacts, ReportFacts
from arena.report.sections.references import numbers_of
from arena.report.texts import duration, text
from arena.texts import listed
from arena.types import GenerationConfig

# Keys of a machine's facts that get a row of their own; the others are versions, except at_once.
_OWN = ("processor", "cores", "memory", "system")
_GIGA, _HUNDRED_MILLION, _MILLION = 1e9, 1e8, 1e6
_RowsOf = Callable[[str, ModelFacts], Iterator[tuple[str, str]]]


def setting(lang: str, facts: ReportFacts, machine: str = "") -> Iterator[Block]:
    """The whole section. `machine` is what the author says the answers were generated on."""
    yield Heading(2, text(lang, "environment"))
    yield Heading(3, text(lang, "machine"))
    yield from _machines(lang, facts.models)
    if machine:
        yield Paragraph(text(lang, "machine_stated", machine=machine))
    yield Heading(3, text(lang, "models"))
    facts_of = partial(_facts_of, facts.models)
    yield _transposed(lang, facts.models, facts_of, text(lang, "models_facts"))
    yield Heading(3, text(lang, "deployment"))
    yield Bullets(tuple(_deployed(lang, model) for model in facts.models))
    yield _transposed(lang, facts.models, _run_settings, text(lang, "run_settings"))
    yield Heading(3, text(lang, "costs"))
    yield _transposed(lang, facts.models, _costs, text(lang, "costs_table"))


def _machines(lang: str, models: Sequence[ModelFacts]) -> Iterator[Block]:
    """A table for each machine with the names of the models it ran, and the models whose machine is unknown."""
    machines: list[tuple[Mapping[str, object], list[str]]] = []
    for model in models:
        for machine in model.machines:
            hardware = {name: value for name, value in machine.items() if name != "at_once"}
            names = next((names for known, names in machines if known == hardware), None)
            if names is None:
                machines.append((hardware, [model.name]))
            elif model.name not in names:
                names.append(model.name)
    for machine, names in machines:
        yield _machine_table(lang, machine, text(lang, "machine_of", models=listed(lang, names)))
    unknown = [model.name for model in models if not model.machines]
    if len(unknown) == len(models):
        yield Paragraph(text(lang, "machine_unknown"))
    elif unknown:
        yield Paragraph(text(lang, "machine_unknown_of", models=listed(lang, unknown)))


def _machine_table(lang: str, machine: Mapping[str, object], caption: str) -> Table:
    rows = [(text(lang, name), _machine_value(lang, name, machine[name])) for name in _OWN if machine.get(name)]
    others = [f"{name} {value}" for name, value in machine.items() if name not in _OWN]
    if others:
        rows.append((text(lang, "versions"), ", ".join(others)))
    return Table((text(lang, "field"), text(lang, "value")), tuple(rows), caption)


def _machine_value(lang: str, name: str, value: object) -> str:
    return _gigabytes(lang, value) if name == "memory" and isinstance(value, (int, float)) else str(value)


def _transposed(lang: str, models: Sequence[ModelFacts], rows_of: _RowsOf, caption: str) -> Table:
    """One column per model."""
    columns = [dict(rows_of(lang, model)) for model in models]
    headers = (text(lang, "model"), *(model.name for model in models))
    return Table(headers, tuple((name, *(column[name] for column in columns)) for name in columns[0]), caption)


def _facts_of(models: Sequence[ModelFacts], lang: str, model: ModelFacts) -> Iterator[tuple[str, str]]:
    """Published facts about a model."""
    spec, known = model.spec, model.known
    card = known.card if known else None
    base = known.spec if known else spec
    unknown = text(lang, "unknown")
    licence = spec.licence or base.licence
    address = base.licence_url if licence == base.licence else spec.licence_url
    count = known.parameters if known else None
    yield text(lang, "developer"), _published(lang, card.developer) if card else unknown
    yield text(lang, "architecture"), _published(lang, card.architecture) if card else unknown
    yield text(lang, "parameters"), _parameters(lang, count) if count else unknown
    yield text(lang, "training_data"), _published(lang, card.training_data) if card else unknown
    yield text(lang, "languages"), _published(lang, card.languages) if card else unknown
    yield text(lang, "released"), _released(lang, card) if card else unknown
    yield text(lang, "context"), _tokens(lang, card.context_length if card else 0)
    yield text(lang, "licence"), " ".join(filter(None, (licence, address))) or unknown
    yield text(lang, "published"), (known.published if known else "") or unknown
    yield text(lang, "repository"), card.repository if card else unknown
    yield text(lang, "sources"), numbers_of(lang, models, model) or unknown


def _published(lang: str, texts: Texts | None) -> str:
    return texts[lang == "en"] if texts else text(lang, "not_published")


def _released(lang: str, card: ModelCard) -> str:
    return text(lang, "updated", released=card.released, updated=card.updated) if card.updated else card.released


def _tokens(lang: str, count: int) -> str:
    return text(lang, "tokens", count=f"{count:,}") if count else text(lang, "unknown")


def _run_settings(lang: str, model: ModelFacts) -> Iterator[tuple[str, str]]:
    """The settings recorded in the answers."""
    spec = model.spec
    unknown = text(lang, "unknown")
    yield text(lang, "id"), spec.id
    yield text(lang, "revision"), spec.revision or unknown
    yield text(lang, "precision"), spec.precision or unknown
    yield text(lang, "context"), _tokens(lang, spec.context_length)
    yield text(lang, "settings"), "; ".join(map(_settings, model.configs)) or unknown


def _settings(config: GenerationConfig) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in asdict(config).items() if value is not None)


def _parameters(lang: str, count: float) -> str:
    """A count of parameters with two or three digits."""
    if lang == "zh":
        amount = count / _HUNDRED_MILLION
        return text(lang, "billion", amount=f"{amount:.0f}" if amount >= 10 else f"{amount:.3g}")
    if count < _GIGA:
        return text(lang, "million", amount=f"{count / _MILLION:.0f}")
    return text(lang, "billion", amount=f"{count / _GIGA:.1f}")


def _deployed(lang: str, model: ModelFacts) -> str:
    spec = model.spec
    numbers = {"model": model.name, "answers": model.answers, "truncated": model.truncated}
    if spec.runtime in ("", "recorded"):
        return text(lang, "imported", **numbers)
    precision = spec.precision or text(lang, "unknown")
    return text(lang, "deployed", runtime=spec.runtime, precision=precision, failed=model.failed, **numbers)


def _costs(lang: str, model: ModelFacts) -> Iterator[tuple[str, str]]:
    unknown = text(lang, "unknown")
    speed, memory = model.tokens_per_second, model.memory
    yield text(lang, "answers"), str(model.answers)
    yield text(lang, "seconds"), duration(lang, model.seconds)
    yield text(lang, "tokens_all"), unknown if model.tokens is None else f"{model.tokens:,}"
    yield text(lang, "speed"), unknown if speed is None else text(lang, "per_second", speed=f"{speed:.1f}")
    at_once = sorted({str(machine["at_once"]) for machine in model.machines if "at_once" in machine})
    yield text(lang, "at_once"), ", ".join(at_once) or unknown
    yield text(lang, "peak"), unknown if memory is None else _gigabytes(lang, memory)


def _gigabytes(lang: str, size: float) -> str:
    return text(lang, "gigabytes", size=f"{size / _GIGA:.1f}")
