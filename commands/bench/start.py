"""`bench start`: how long a new process takes until it can answer."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from commands.bench.options import (
    AsJson,
    Choice,
    Layers,
    ModelA,
    ModelB,
    Precision,
    ShapeName,
    WithRivals,
    Work,
    measure,
    say,
)
from commands.bench.table import Figure, compared, legend, seconds, title

if TYPE_CHECKING:
    from bench.compared import StartOnModel
    from bench.start import Start


@dataclass(frozen=True)
class Report:
    """One entry a model."""

    models: tuple[StartOnModel, ...]


def start(
    a: ModelA = None,
    b: ModelB = None,
    shape: ShapeName = None,
    layers: Layers = None,
    precision: Precision = "int4",
    rivals: WithRivals = True,
    work: Work = None,
    as_json: AsJson = False,
) -> None:
    """Measure new processes: seconds until a model is ready and until the first token of a 64-token prompt.

    Whether its files were in memory already is said and not changed.
    """
    choice = Choice(a, b, shape, layers, precision, work, rivals)
    measure("start", as_json, lambda: _found(choice), _table)


def _found(choice: Choice) -> Report:
    from bench.compared import start_on

    beside = choice.beside()
    return Report(tuple(start_on(model, beside, say) for model in choice.subjects()))


def _table(report: Report) -> list[str]:
    from bench.page_cache import word_for

    lines: list[str] = []
    for entry in report.models:
        names = ["llama.cpp"] if entry.llama else []
        rows = [
            _figure("ready", [one.ready_seconds for one in entry.own], [one.ready_seconds for one in entry.llama]),
            _figure("first token", *(_first_tokens(starts) for starts in (entry.own, entry.llama))),
        ]
        lines += ["", title(entry.model), *compared(names, rows), *legend(names, entry.missing)]
        caches = ", ".join(word_for(one.cached_share) for one in entry.own)
        lines.append(f"  page cache before each of {len(entry.own)} starts: {caches}; medians")
    return lines


def _first_tokens(starts: Sequence[Start]) -> list[float]:
    return [one.first_token_seconds for one in starts]


def _figure(label: str, own: Sequence[float], theirs: Sequence[float]) -> Figure:
    rivals = (statistics.median(theirs),) if theirs else ()
    return Figure(label, statistics.median(own), rivals, seconds, f"{max(own):.2f} to {min(own):.2f}")
