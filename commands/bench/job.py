"""`bench job`: the eight questions of the reference run, to both models."""

from __future__ import annotations

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
from commands.bench.table import aligned, legend, seconds, title

if TYPE_CHECKING:
    from bench.compared import JobOnModel


@dataclass(frozen=True)
class Report:
    """One entry a model, and the seconds of all; None for llama.cpp if it has not done all of it."""

    models: tuple[JobOnModel, ...]
    seconds: float
    llama_seconds: float | None
    reference_seconds: int


def job(
    a: ModelA = None,
    b: ModelB = None,
    shape: ShapeName = None,
    layers: Layers = None,
    precision: Precision = "int4",
    rivals: WithRivals = True,
    work: Work = None,
    as_json: AsJson = False,
) -> None:
    """Measure the reference job: eight questions at once to a model, then the other; beside llama.cpp's time.

    The reference run took 8,650 s for both models on a CPU notebook. Only the lengths of prompts and answers count.
    """
    choice = Choice(a, b, shape, layers, precision, work, rivals)
    measure("job", as_json, lambda: _found(choice), _table)


def _found(choice: Choice) -> Report:
    from bench.compared import asked_of, job_on

    beside, subjects = choice.beside(), choice.subjects()
    for model in subjects:
        asked_of(model)  # refused before any is measured
    found = tuple(job_on(model, beside, say) for model in subjects)
    theirs = [entry.rival.job.seconds for entry in found if entry.rival.job]
    return Report(
        found,
        sum(entry.own.seconds for entry in found),
        sum(theirs) if len(theirs) == len(found) else None,
        sum(entry.reference_seconds for entry in found),
    )


def _table(report: Report) -> list[str]:
    lines: list[str] = []
    for entry in report.models:
        rival = entry.rival.job
        rows = [("", "prompt", "answer", "first token", "whole answer", *(("llama.cpp",) if rival else ()))]
        for number, one in enumerate(entry.own.answers):
            times = [seconds(one.first_token_seconds), seconds(one.seconds)]
            if rival:
                times.append(seconds(rival.answers[number].seconds))
            rows.append((one.prompt_id, str(one.prompt_tokens), str(one.answer_tokens), *times))
        lines += ["", title(entry.model), *aligned(rows)]
        lines.append(f"  all eight at once: {_beside(entry)}")
        lines += legend([rival.rival] if rival else [], entry.rival.missing)
    theirs = report.llama_seconds
    whole = f"{seconds(report.seconds)}; the reference run took {report.reference_seconds:,} s"
    if all(entry.all_layers for entry in report.models):
        whole += f" ({report.seconds / report.reference_seconds:.3f} of it)"
    if theirs:
        whole += f"; llama.cpp {seconds(theirs)} ({report.seconds / theirs:.2f} of it)"
    return [*lines, "", f"The whole job: {whole}"]


def _beside(entry: JobOnModel) -> str:
    own, rival = entry.own, entry.rival.job
    words = f"{seconds(own.seconds)}, after {seconds(own.load_seconds)} to be ready"
    if rival is None:
        return words
    ratio = f"{own.seconds / rival.seconds:.2f} of it"
    return f"{words}; llama.cpp one by one: {seconds(rival.seconds)} ({ratio})"
