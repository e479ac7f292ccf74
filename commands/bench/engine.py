"""`bench engine`: everything about the engine on a model, beside its rivals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from commands.bench.options import (
    AsJson,
    Choice,
    Layers,
    LlamaBin,
    ModelA,
    ModelB,
    Precision,
    ShapeName,
    WithRivals,
    Work,
    measure,
    say,
)
from commands.bench.table import Figure, compared, gigabytes, legend, percent, seconds, speed, title, varies

if TYPE_CHECKING:
    from bench.compared import EngineOnModel
    from bench.figures import RivalFigures

CONVERSATIONS = (1, 2, 4, 8)


@dataclass(frozen=True)
class Report:
    """One entry a model."""

    models: tuple[EngineOnModel, ...]


def engine(
    a: ModelA = None,
    b: ModelB = None,
    shape: ShapeName = None,
    layers: Layers = None,
    precision: Precision = "int4",
    rivals: WithRivals = True,
    llama_bin: LlamaBin = None,
    work: Work = None,
    as_json: AsJson = False,
) -> None:
    """Measure speed, first tokens, turns, company and memory of this engine and its rivals, in one run.

    A model is random weights at a real shape unless --a names a packed one. At full size this takes a while, and up to
    17 GB on the disk and in memory for the rivals.
    """
    choice = Choice(a, b, shape, layers, precision, work, rivals, llama_bin)
    measure("engine", as_json, lambda: _found(choice), _table)


def _found(choice: Choice) -> Report:
    from bench.compared import engine_on
    from bench.figures import Plan

    beside, plan = choice.beside(), Plan(conversations=CONVERSATIONS)
    return Report(tuple(engine_on(model, plan, beside, say) for model in choice.subjects()))


def _table(report: Report) -> list[str]:
    lines: list[str] = []
    for entry in report.models:
        names = [figures.rival for figures in entry.rivals.figures]
        lines += ["", title(entry.model), *compared(names, _figures(entry)), *legend(names, entry.rivals.missing)]
        own = entry.own
        bound = "unknown here" if own.bound_bytes is None else f"{gigabytes(own.bound_bytes)}/s"
        lines.append(f"  kernels: {own.alone.kernels}; {own.alone.threads} threads; memory is read at {bound}")
    return lines


def _figures(entry: EngineOnModel) -> list[Figure]:
    own, rivals = entry.own, entry.rivals.figures
    nothing = (None,) * len(rivals)
    rows = [
        Figure("ready", own.alone.ready_seconds, tuple(one.load_seconds for one in rivals), seconds, ratio=False),
        Figure(
            "decoding",
            own.alone.speed.median,
            tuple(one.tokens_per_second for one in rivals),
            speed,
            varies(own.alone.speed),
        ),
        Figure("share of the read bound", own.bound_share, nothing, percent),
    ]
    for first in own.alone.first_token:
        label, theirs = f"first token, prompt of {first.prompt_tokens}", _first(rivals, first.prompt_tokens)
        rows.append(Figure(label, first.seconds, theirs, seconds))
    for number, turn in enumerate(own.turns.turns, 1):
        label = f"turn {number} of a talk, {turn.prompt_tokens} tokens, {turn.kept_tokens} kept"
        rows.append(Figure(label, turn.seconds, nothing, seconds))
    for some in own.company.together:
        theirs = many(rivals, some.conversations)
        rows.append(Figure(f"{some.conversations} at once", some.tokens_per_second, theirs, speed, varies(some.speed)))
    peaks = tuple(one.peak_bytes for one in rivals)
    rows.append(Figure("peak memory, one conversation", own.alone.peak.resident_bytes, peaks, gigabytes))
    rows.append(Figure("  of it backed by no file", own.alone.peak.own_bytes, nothing, gigabytes))
    rows.append(
        Figure(f"peak memory, {CONVERSATIONS[-1]} at once", own.company.peak.resident_bytes, nothing, gigabytes)
    )
    rows.append(Figure("  of it backed by no file", own.company.peak.own_bytes, nothing, gigabytes))
    return rows


def _first(rivals: tuple[RivalFigures, ...], length: int) -> tuple[float | None, ...]:
    found = ({first.prompt_tokens: first.seconds for first in one.first_token} for one in rivals)
    return tuple(by_length.get(length) for by_length in found)


def many(rivals: tuple[RivalFigures, ...], number: int) -> tuple[float | None, ...]:
    """What each has of so many conversations at once."""
    found = ({some.conversations: some.tokens_per_second for some in one.together} for one in rivals)
    return tuple(by_number.get(number) for by_number in found)
