"""What ran where: machine, models, deployment, costs. Knows no format."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict

from arena.report.blocks import Block, Bullets, Heading, Paragraph, Table
from arena.report.facts import ModelFacts, ReportFacts
from arena.report.words import duration, say
from arena.types import GenerationConfig

# Keys of a machine's facts that have a row of their own; the others are versions, but for how many answers at once.
_OWN = ("processor", "cores", "memory", "system")
_GIGA = 1e9
_RowsOf = Callable[[str, ModelFacts], Iterator[tuple[str, str]]]


def setting(lang: str, facts: ReportFacts) -> Iterator[Block]:
    """The environment, the table of the models' basic facts, how they ran, and what it cost."""
    yield Heading(2, say(lang, "environment"))
    yield Heading(3, say(lang, "machine"))
    yield from _machines(lang, facts.models)
    yield Heading(3, say(lang, "models"))
    yield _transposed(lang, "model", facts.models, _basics)
    yield Heading(3, say(lang, "deployment"))
    yield Bullets(tuple(_deployed(lang, model) for model in facts.models))
    yield Heading(3, say(lang, "costs"))
    yield _transposed(lang, "model", facts.models, _costs)


def _machines(lang: str, models: Sequence[ModelFacts]) -> Iterator[Block]:
    found: list[Mapping[str, object]] = []
    for machine in (machine for model in models for machine in model.machines):
        without = {name: value for name, value in machine.items() if name != "at_once"}
        if without not in found:
            found.append(without)
    if not found:
        yield Paragraph(say(lang, "machine_unknown"))
    for machine in found:
        rows = [(say(lang, name), _machine_value(lang, name, machine[name])) for name in _OWN if machine.get(name)]
        others = [f"{name} {value}" for name, value in machine.items() if name not in _OWN]
        if others:
            rows.append((say(lang, "versions"), ", ".join(others)))
        yield Table((say(lang, "field"), say(lang, "value")), tuple(rows))


def _machine_value(lang: str, name: str, value: object) -> str:
    return _gigabytes(lang, value) if name == "memory" and isinstance(value, (int, float)) else str(value)


def _transposed(lang: str, corner: str, models: Sequence[ModelFacts], rows_of: _RowsOf) -> Table:
    """A column a model: what is compared stands side by side."""
    columns = [dict(rows_of(lang, model)) for model in models]
    headers = (say(lang, corner), *(model.name for model in models))
    return Table(headers, tuple((name, *(column[name] for column in columns)) for name in columns[0]))


def _basics(lang: str, model: ModelFacts) -> Iterator[tuple[str, str]]:
    spec, known = model.spec, model.known
    base = known.spec if known else spec
    unknown = say(lang, "unknown")
    yield say(lang, "id"), spec.id
    yield say(lang, "published"), (known.published if known else "") or unknown
    count = known.parameters if known else None
    yield say(lang, "parameters"), _parameters(lang, count) if count else unknown
    length = spec.context_length or base.context_length
    yield say(lang, "context"), say(lang, "tokens", count=f"{length:,}") if length else unknown
    yield say(lang, "licence"), " ".join(filter(None, (spec.licence or base.licence, base.licence_url))) or unknown
    yield say(lang, "precision"), spec.precision or unknown
    yield say(lang, "revision"), spec.revision or unknown
    yield say(lang, "settings"), "; ".join(map(_settings, model.configs)) or unknown


def _settings(config: GenerationConfig) -> str:
    """By the names that everybody knows them by."""
    return ", ".join(f"{name} {value:g}" for name, value in asdict(config).items() if value is not None)


def _parameters(lang: str, count: float) -> str:
    return say(lang, "billion", hundred_millions=f"{count / 1e8:.0f}", billions=f"{count / _GIGA:.1f}")


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
