"""The environment: machines, facts about the models, how they ran, what that cost; and the references."""

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from arena.generation_config import GenerationConfig
from arena.model_card import ModelCard, Texts
from arena.report.blocks import Block, Bullets, Citation, Heading, Paragraph, References, Table
from arena.report.facts import ModelFacts, ReportFacts
from arena.report.texts import duration, gigabytes, text
from arena.translations import listed

# Keys of a machine's facts that get a row of their own; the others are versions, except at_once.
_OWN = ("processor", "cores", "memory", "system")
_BILLION, _HUNDRED_MILLION, _MILLION = 1e9, 1e8, 1e6
RowsOf = Callable[[str, ModelFacts], Iterator[tuple[str, str]]]


def setting(lang: str, facts: ReportFacts, machine: str = "") -> Iterator[Block]:
    """The whole section. `machine` is what the author says the answers were generated on."""
    yield Heading(2, text(lang, "environment"))
    yield Heading(3, text(lang, "machine"))
    yield from _machines(lang, facts.answering)
    if machine:
        yield Paragraph(text(lang, "machine_stated", machine=machine))
    yield Heading(3, text(lang, "models"))
    facts_of = partial(_facts_of, facts.models)
    yield _transposed(lang, facts.models, facts_of, text(lang, "models_facts"))
    yield Heading(3, text(lang, "deployment"))
    yield Bullets(tuple(_deployed(lang, model) for model in facts.models))
    yield _transposed(lang, facts.models, run_settings, text(lang, "run_settings"))
    yield Heading(3, text(lang, "costs"))
    yield _transposed(lang, facts.models, costs, text(lang, "costs_table"))


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
    own = {name: machine[name] for name in _OWN if machine.get(name)}
    memory = own.get("memory")
    if isinstance(memory, (int, float)):
        own["memory"] = gigabytes(memory)
    rows = [(text(lang, name), str(value)) for name, value in own.items()]
    others = [f"{name} {value}" for name, value in machine.items() if name not in _OWN]
    if others:
        rows.append((text(lang, "versions"), ", ".join(others)))
    return Table((text(lang, "field"), text(lang, "value")), tuple(rows), caption)


def _transposed(lang: str, models: Sequence[ModelFacts], rows_of: RowsOf, caption: str) -> Table:
    """One column per model; each row has a text as its header. An empty cell means that the value is not recorded."""
    columns = [dict(rows_of(lang, model)) for model in models]
    headers = (text(lang, "model"), *(model.name for model in models))
    rows = ((text(lang, key), *(column[key] or text(lang, "unknown") for column in columns)) for key in columns[0])
    return Table(headers, tuple(rows), caption)


def _facts_of(models: Sequence[ModelFacts], lang: str, model: ModelFacts) -> Iterator[tuple[str, str]]:
    """Published facts about a model."""
    spec, known = model.spec, model.known
    card = known.card if known else None
    base = known.spec if known else spec
    licence = spec.licence or base.licence
    address = base.licence_url if licence == base.licence else spec.licence_url
    yield "developer", card.developer[lang == "en"] if card else ""
    yield "architecture", card.architecture[lang == "en"] if card else ""
    yield "parameters", _parameters(lang, card.parameters) if card else ""
    yield "training_data", _published(lang, card.training_data) if card else ""
    yield "languages", _published(lang, card.languages) if card else ""
    yield "released", _released(lang, card) if card else ""
    yield "context", _tokens(lang, card.context_length if card else 0)
    yield "licence", " ".join(filter(None, (licence, address)))
    yield "published", known.published if known else ""
    yield "repository", card.repository if card else ""
    yield "sources", numbers_of(lang, models, model)


def _published(lang: str, texts: Texts | None) -> str:
    return texts[lang == "en"] if texts else text(lang, "not_published")


def _released(lang: str, card: ModelCard) -> str:
    return text(lang, "updated", released=card.released, updated=card.updated) if card.updated else card.released


def _tokens(lang: str, count: int) -> str:
    return text(lang, "tokens", count=f"{count:,}") if count else ""


def run_settings(lang: str, model: ModelFacts) -> Iterator[tuple[str, str]]:
    """The settings recorded in the answers."""
    spec = model.spec
    yield "id", spec.id
    yield "revision", ", ".join(model.revisions)
    yield "precision", spec.precision
    yield "context", _tokens(lang, spec.context_length)
    yield "settings", "; ".join(map(_settings, model.configs))
    yield "system_prompt", "; ".join(model.systems) or text(lang, "no_system")


def _settings(config: GenerationConfig) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in config.as_dict().items() if value is not None)


def _parameters(lang: str, count: float) -> str:
    """A count of parameters with two or three digits."""
    if lang == "zh":
        amount = count / _HUNDRED_MILLION
        return text(lang, "billion", amount=f"{amount:.0f}" if amount >= 10 else f"{amount:.3g}")
    if count < _BILLION:
        return text(lang, "million", amount=f"{count / _MILLION:.0f}")
    return text(lang, "billion", amount=f"{count / _BILLION:.1f}")


def _deployed(lang: str, model: ModelFacts) -> str:
    spec = model.spec
    numbers = {"model": model.name, "answers": model.answers, "truncated": model.truncated}
    if spec.runtime in ("", "recorded"):
        return text(lang, "imported", **numbers)
    precision = spec.precision or text(lang, "unknown")
    return text(lang, "deployed", runtime=spec.runtime, precision=precision, failed=model.failed, **numbers)


def costs(lang: str, model: ModelFacts) -> Iterator[tuple[str, str]]:
    """Time, speed and memory of its answers."""
    speed, memory = model.tokens_per_second, model.memory
    yield "answers", str(model.answers)
    yield "seconds", duration(lang, model.seconds)
    yield "tokens_all", "" if model.tokens is None else f"{model.tokens:,}"
    yield "speed", "" if speed is None else text(lang, "per_second", speed=f"{speed:.1f}")
    yield "at_once", ", ".join(sorted({str(machine["at_once"]) for machine in model.machines if "at_once" in machine}))
    yield "peak", "" if memory is None else gigabytes(memory)


# ---- the references: model cards and papers, the papers behind the statistics, and the tools used

_FILE = Path(__file__).with_name("works.toml")
_WORKS = {name: Citation(**work) for name, work in tomllib.loads(_FILE.read_text(encoding="utf-8")).items()}
_RUNTIMES = ("transformers", "llama.cpp")


def references(lang: str, facts: ReportFacts, has_figures: bool) -> Iterator[Block]:
    """The numbered list, each work once; nothing if there is nothing to cite."""
    works = dict.fromkeys([*_of_models(lang, facts.models), *_of_the_rest(facts, has_figures)])
    if works:
        yield Heading(2, text(lang, "references"))
        yield References(tuple(works))


def numbers_of(lang: str, models: Sequence[ModelFacts], model: ModelFacts) -> str:
    """The numbers of the entries about one model, as "[1], [2]", or "". Entries about models come first."""
    works = list(dict.fromkeys(_of_models(lang, models)))
    return ", ".join(f"[{works.index(work) + 1}]" for work in _of_models(lang, [model]))


def _of_models(lang: str, models: Sequence[ModelFacts]) -> Iterator[Citation]:
    for known in (model.known for model in models):
        if known:
            card = known.card
            developer = card.developer[lang == "en"]
            yield Citation(text(lang, "card_cited", developer=developer, model=known.spec.name), card.address)
            if card.paper:
                yield Citation(card.paper, card.paper_address)


def _of_the_rest(facts: ReportFacts, has_figures: bool) -> Iterator[Citation]:
    if facts.pair:
        yield _WORKS["betting"]
        if facts.figures.agreement and len(facts.figures.pairs) == 1:
            yield _WORKS["agreement"]
    for model in facts.answering:
        if model.spec.runtime in _RUNTIMES:
            yield _WORKS[model.spec.runtime]
    if any(check.kind == "language" for index in (0, 1) for check in facts.checks(index)):
        yield _WORKS["langid"]
    if has_figures:
        yield _WORKS["vega_lite"]
