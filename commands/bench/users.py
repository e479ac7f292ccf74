"""`bench users`: many conversations at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from commands.bench.engine import CONVERSATIONS, many
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
from commands.bench.table import Figure, compared, gigabytes, legend, speed, title, varies

if TYPE_CHECKING:
    from bench.compared import UsersOnModel


@dataclass(frozen=True)
class Report:
    """One entry a model."""

    models: tuple[UsersOnModel, ...]


def users(
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
    """Measure 1, 2, 4 and 8 conversations at once: the tokens a second of all, beside llama.cpp."""
    choice = Choice(a, b, shape, layers, precision, work, rivals, llama_bin)
    measure("users", as_json, lambda: _found(choice), _table)


def _found(choice: Choice) -> Report:
    from bench.compared import users_on
    from bench.figures import Plan

    beside, plan = choice.beside(), Plan(conversations=CONVERSATIONS)
    return Report(tuple(users_on(model, plan, beside, say) for model in choice.subjects()))


def _table(report: Report) -> list[str]:
    lines: list[str] = []
    for entry in report.models:
        rivals = entry.rivals.figures
        names = [figures.rival for figures in rivals]
        rows = []
        for some in entry.own.together:
            theirs, label = many(rivals, some.conversations), f"{some.conversations} at once"
            rows.append(Figure(label, some.tokens_per_second, theirs, speed, varies(some.speed)))
        peaks = tuple(one.peak_bytes for one in rivals)
        rows.append(Figure("peak memory", entry.own.peak.resident_bytes, peaks, gigabytes))
        rows.append(Figure("  of it backed by no file", entry.own.peak.own_bytes, (None,) * len(rivals), gigabytes))
        lines += ["", title(entry.model), *compared(names, rows), *legend(names, entry.rivals.missing)]
    return lines
