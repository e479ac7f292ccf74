"""`bench both`: both models in one process, as the page has them."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from arena.errors import InputError
from commands.bench.options import BOTH, AsJson, Choice, Layers, ModelA, ModelB, Precision, Work, measure, say
from commands.bench.table import Cells, aligned, gigabytes, seconds, title

if TYPE_CHECKING:
    from bench.own.both import BothFigures
    from bench.weights.subject import Subject


@dataclass(frozen=True)
class Report:
    """The two models and what was found of both together."""

    models: tuple[Subject, ...]
    both: BothFigures


def both(
    a: ModelA = None,
    b: ModelB = None,
    layers: Layers = None,
    precision: Precision = "int4",
    work: Work = None,
    as_json: AsJson = False,
) -> None:
    """Measure both models in one process: two panes at once and one after the other, and memory with full contexts.

    There is no rival: none of them has two models in one process that share its threads.
    """
    choice = Choice(a, b, None, layers, precision, work)
    measure(BOTH, as_json, lambda: _found(choice), _table)


def _found(choice: Choice) -> Report:
    from bench.own.both import BothPlan, measure_both

    if bool(choice.a) != bool(choice.b):
        raise InputError("bench_choice", "Two models are measured together: name both --a and --b, or none.")
    subjects = choice.subjects()
    return Report(subjects, measure_both(subjects, BothPlan(), say))


def _table(report: Report) -> list[str]:
    found = report.both
    rows: list[Cells] = [("", "at once", "one after the other", "at once / in turn")]
    for one, other in zip(found.together, found.in_turn, strict=True):
        for words, now, then in (
            ("first token", one.first_token_seconds, other.first_token_seconds),
            ("whole answer", one.seconds, other.seconds),
        ):
            rows.append((f"{one.model}, {words}", seconds(now), seconds(then), f"{now / then:.2f}"))
    times = found.together_seconds, found.in_turn_seconds
    rows.append(("both answers", *map(seconds, times), _ratio(found.ratios)))
    lines = ["", *map(title, report.models), *aligned(rows), f"  ready after {seconds(found.ready_seconds)}"]
    for words, peak in (("the two panes", found.panes_peak), ("both contexts full", found.peak)):
        sizes = f"{gigabytes(peak.resident_bytes)}, {gigabytes(peak.own_bytes)} of it backed by no file"
        lines.append(f"  peak memory, {words}: {sizes}")
    return lines


def _ratio(ratios: Sequence[float]) -> str:
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
