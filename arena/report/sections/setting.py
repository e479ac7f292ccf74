"""The environment: machines, facts about the models, how they ran, what that cost; and the references."""

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from arena.generation_config import GenerationConfig
from arena.report.blocks import Block, Bullets, Citation, Heading, Paragraph, References, Table
from arena.report.facts import ModelFacts, ReportFacts
from arena.report.texts import duration, gigabytes
from arena.translations import listed
from arena.types import Side

# Keys of a machine's facts that get a row of their own; the others are versions, except at_once.
_OWN = ("processor", "cores", "memory", "system")
_BILLION, _HUNDRED_MILLION, _MILLION = 1e9, 1e8, 1e6
Rows = Iterator[tuple[str, str]]
RowsOf = Callable[[ReportFacts, ModelFacts], Rows]


def setting(facts: ReportFacts, machine: str) -> Iterator[Block]:
    """The whole section. `machine` is what the author says the answers were generated on."""
    yield Heading(2, facts.text("environment"))
    yield Heading(3, facts.text("machine"))
    yield from _machines(facts)
    if machine:
        yield Paragraph(facts.text("machine_stated", machine=machine))
    yield Heading(3, facts.text("models"))
    yield model_table(facts, facts.models, _published_facts, "models_facts")
    yield Heading(3, facts.text("deployment"))
    yield Bullets(tuple(_deployed(facts, model) for model in facts.models))
    yield model_table(facts, facts.models, run_settings, "run_settings")
    yield Heading(3, facts.text("costs"))
    yield model_table(facts, facts.models, costs, "costs_table")


def _machines(facts: ReportFacts) -> Iterator[Block]:
    """A table for each machine with the names of the models it ran, and the models whose machine is unknown."""
    models = facts.answering
    machines: list[tuple[dict[str, object], dict[str, None]]] = []
    for model in models:
        for machine in model.machines:
            hardware = {name: value for name, value in machine.items() if name != "at_once"}
            names = next((names for known, names in machines if known == hardware), None)
            if names is None:
                machines.append((hardware, names := {}))
            names[model.name] = None
    for hardware, names in machines:
        yield _machine_table(facts, hardware, facts.text("machine_of", models=listed(facts.lang, names)))
    unknown = [model.name for model in models if not model.machines]
    if unknown:
        key = "machine_unknown" if len(unknown) == len(models) else "machine_unknown_of"
        yield Paragraph(facts.text(key, models=listed(facts.lang, unknown)))


def _machine_table(facts: ReportFacts, machine: Mapping[str, object], caption: str) -> Table:
    own = {name: machine[name] for name in _OWN if machine.get(name)}
    memory = own.get("memory")
    if isinstance(memory, (int, float)):
        own["memory"] = gigabytes(memory)
    rows = [(facts.text(name), str(value)) for name, value in own.items()]
    if others := [f"{name} {value}" for name, value in machine.items() if name not in _OWN]:
        rows.append((facts.text("versions"), ", ".join(others)))
    return Table((facts.text("field"), facts.text("value")), tuple(rows), caption)


def model_table(
    facts: ReportFacts, models: Sequence[ModelFacts], rows_of: RowsOf, caption: str, is_by_row: bool = False
) -> Table:
    """A column for each model, or a row. An empty cell means that the value is not recorded."""
    columns = [dict(rows_of(facts, model)) for model in models]
    table = [tuple(map(facts.text, ("model", *columns[0])))]
    for model, column in zip(models, columns, strict=True):
        table.append((model.name, *(value or facts.text("unknown") for value in column.values())))
    headers, *rows = table if is_by_row else zip(*table, strict=True)
    return Table(headers, tuple(rows), facts.text(caption))


def _published_facts(facts: ReportFacts, model: ModelFacts) -> Rows:
    spec, known = model.spec, model.known
    card = known.card if known else None
    base = known.spec if known else spec
    licence = spec.licence or base.licence
    address = base.licence_url if licence == base.licence else spec.licence_url
    language = facts.lang == "en"
    unknown = facts.text("not_published")
    yield "developer", card.developer[language] if card else ""
    yield "architecture", card.architecture[language] if card else ""
    yield "parameters", _parameters(facts, card.parameters) if card else ""
    yield "training_data", (card.training_data[language] if card.training_data else unknown) if card else ""
    yield "languages", (card.languages[language] if card.languages else unknown) if card else ""
    yield "released", (facts.text("updated", **vars(card)) if card.updated else card.released) if card else ""
    yield "context", _tokens(facts, card.context_length if card else 0)
    yield "licence", " ".join(filter(None, (licence, address)))
    yield "published", known.published if known else ""
    yield "repository", card.repository if card else ""
    yield "sources", _numbers_of(facts, model)


def _tokens(facts: ReportFacts, count: int) -> str:
    return facts.text("tokens", count=f"{count:,}") if count else ""


def run_settings(facts: ReportFacts, model: ModelFacts) -> Rows:
    """The settings recorded in the answers."""
    spec, sides = model.spec, [entry.side for entry in model.answers]
    yield "id", spec.id
    yield "revision", _different(", ", (side.model.revision for side in sides))
    yield "precision", spec.precision
    yield "context", _tokens(facts, spec.context_length)
    yield "settings", _different("; ", (_settings(side.config) for side in sides if side.config))
    yield "system_prompt", _different("; ", map(_system_prompt, sides)) or facts.text("no_system")


def _different(separator: str, values: Iterable[str]) -> str:
    """The values in one line, without empty ones and repetitions."""
    return separator.join(dict.fromkeys(filter(None, values)))


def _settings(config: GenerationConfig) -> str:
    """The settings without the seed, which differs by prompt."""
    settings = {**config.as_dict(), "seed": None}
    return ", ".join(f"{name} {value:g}" for name, value in settings.items() if value is not None)


def _system_prompt(side: Side) -> str:
    return "\n".join(message.content for message in side.messages if message.role == "system")


def _parameters(facts: ReportFacts, count: float) -> str:
    """A count of parameters with two or three digits."""
    if facts.lang == "zh":
        amount = count / _HUNDRED_MILLION
        return facts.text("billion", amount=f"{amount:.0f}" if amount >= 10 else f"{amount:.3g}")
    if count < _BILLION:
        return facts.text("million", amount=f"{count / _MILLION:.0f}")
    return facts.text("billion", amount=f"{count / _BILLION:.1f}")


def _deployed(facts: ReportFacts, model: ModelFacts) -> str:
    spec = model.spec
    counts = {
        "answers": len(model.answers),
        "truncated": sum(entry.side.answer.finish_reason == "length" for entry in model.answers),
        "failed": sum(entry.failed for entry in model.answers),
    }
    key = {"": "unknown_deployment", "recorded": "imported"}.get(spec.runtime, "deployed")
    precision = spec.precision or facts.text("unknown")
    return facts.text(key, model=model.name, runtime=spec.runtime, precision=precision, **counts)


def costs(facts: ReportFacts, model: ModelFacts) -> Rows:
    """Time, speed and memory of its answers."""
    tokens = [usage.new_tokens for usage in model.usages if usage.new_tokens is not None]
    speeds = [usage.tokens_per_second for usage in model.usages if usage.tokens_per_second is not None]
    memory = [entry.memory for entry in model.answers if entry.memory is not None]
    yield "answers", str(len(model.answers))
    yield "seconds", duration(facts.lang, sum(model.seconds) if model.seconds else None)
    yield "tokens_all", f"{sum(tokens):,}" if tokens else ""
    yield "speed", facts.text("per_second", speed=f"{sum(speeds) / len(speeds):.1f}") if speeds else ""
    yield "at_once", ", ".join(sorted({str(machine["at_once"]) for machine in model.machines if "at_once" in machine}))
    yield "peak", gigabytes(max(memory)) if memory else ""


# ---- the references: model cards and papers, the papers behind the statistics, and the tools used

_FILE = Path(__file__).with_name("works.toml")
_WORKS = {name: Citation(**work) for name, work in tomllib.loads(_FILE.read_text(encoding="utf-8")).items()}
_RUNTIMES = ("transformers", "llama.cpp")


def references(facts: ReportFacts, has_figures: bool) -> Iterator[Block]:
    """The numbered list, each work once; nothing if there is nothing to cite."""
    if works := dict.fromkeys([*_of_models(facts, facts.models), *_of_the_rest(facts, has_figures)]):
        yield Heading(2, facts.text("references"))
        yield References(tuple(works))


def _numbers_of(facts: ReportFacts, model: ModelFacts) -> str:
    """The numbers of the entries about one model, as "[1], [2]", or "". Entries about models come first."""
    works = list(dict.fromkeys(_of_models(facts, facts.models)))
    return ", ".join(f"[{works.index(work) + 1}]" for work in _of_models(facts, [model]))


def _of_models(facts: ReportFacts, models: Iterable[ModelFacts]) -> Iterator[Citation]:
    for known in filter(None, (model.known for model in models)):
        card = known.card
        cited = facts.text("card_cited", developer=card.developer[facts.lang == "en"], model=known.spec.name)
        yield Citation(cited, card.address)
        if card.paper:
            yield Citation(card.paper, card.paper_address)


def _of_the_rest(facts: ReportFacts, has_figures: bool) -> Iterator[Citation]:
    if facts.pair:
        yield _WORKS["betting"]
        if facts.figures.agreement and len(facts.figures.pairs) == 1:
            yield _WORKS["agreement"]
    yield from (_WORKS[runtime] for model in facts.answering if (runtime := model.spec.runtime) in _RUNTIMES)
    if any(check.kind == "language" for index in (0, 1) for check in facts.checks(index)):
        yield _WORKS["langid"]
    if has_figures:
        yield _WORKS["vega_lite"]
