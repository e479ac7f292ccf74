"""This project's engine and its rivals, measured on the same model in the same run.

The figures of a model have a list `engines`: this project's first, then each rival's, under the same names.
"""

import statistics
import subprocess
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from arena.errors import BackendError, InputError
from backends.machine.memory import available_bytes
from bench import speed
from bench.engines import GgufModel, Source
from bench.probe import Figures, Progress, run
from bench.speed import Plan, Question
from bench.weights.random_gguf import random_gguf
from bench.weights.shapes import PAIR, SHAPES, Shape
from bench.weights.subject import Subject

PLAN = Plan()
READ_BYTES = 1 << 30
STARTS = 3
LLAMA, TRANSFORMERS = "llama.cpp", "transformers"
# Besides the weights: the libraries, the cache, and what the longest prompt needs.
_TRANSFORMERS_BYTES = 2_000_000_000

_JOB = tomllib.loads(Path(__file__).with_name("reference_job.toml").read_text(encoding="utf-8"))
REFERENCE = {model: tuple(Question(*numbers) for numbers in questions) for model, questions in _JOB.items()}
_MACHINES: dict[str, dict[str, list[float]]] = tomllib.loads(
    Path(__file__).with_name("machines.toml").read_text(encoding="utf-8")
)
_PROMPT = 128


def engine_on(subject: Subject, work: Path | None, progress: Progress) -> Figures:
    """Speed and memory. Files for rivals are in `work`; None measures no rival. Raises InputError or BackendError."""
    bound = run(speed.measure_read_bound, READ_BYTES, progress=progress)["bytes_per_second"]
    measure = partial(run, speed.measure_alone, PLAN, progress=progress)
    figures = beside_rivals(subject, measure, work, progress, (LLAMA, TRANSFORMERS))
    own = figures["engines"][0]
    share = bound and own["tokens_per_second"] * subject.read_bytes / bound
    own |= {"read_bound_bytes": bound, "read_bound_share": share}
    standing = standing_of(subject, figures["engines"])
    return {**figures, "standing": standing} if standing else figures


def users_on(subject: Subject, work: Path | None, progress: Progress) -> Figures:
    """Several conversations at once. Raises InputError or BackendError."""
    return beside_rivals(subject, partial(run, speed.measure_together, PLAN, progress=progress), work, progress)


def job_on(subjects: Sequence[Subject], work: Path | None, progress: Progress) -> Figures:
    """The reference job of all subjects, beside the reference run. Raises InputError or BackendError."""
    names = list(map(_reference_model, subjects))
    jobs = list(map(reference_job, names))  # refuses an unknown model before anything is measured
    measures = [partial(run, speed.measure_job, job, progress=progress) for job in jobs]
    models = [
        beside_rivals(subject, measure, work, progress) for subject, measure in zip(subjects, measures, strict=True)
    ]
    own = sum(entry["engines"][0]["seconds"] for entry in models)
    llama = [entry["engines"][1]["seconds"] for entry in models if len(entry["engines"]) > 1]
    reference = sum(question.reference_seconds for job in jobs for question in job)
    all_layers = all(subject.layers == SHAPES[name].layers for subject, name in zip(subjects, names, strict=True))
    return {
        "models": models,
        "seconds": own,
        "llama_seconds": sum(llama) if len(llama) == len(models) else None,
        "reference_seconds": reference,
        "times_as_fast_as_reference": reference / own if all_layers else None,
    }


def reference_job(model: str) -> tuple[Question, ...]:
    """The questions to a model. Raises InputError for a model that was not in the reference run."""
    if model not in REFERENCE:
        message = f"{model!r} is not in the reference run; use {' or '.join(REFERENCE)}."
        raise InputError("bench_model", message)
    return REFERENCE[model]


def _reference_model(subject: Subject) -> str:
    """The model whose reference job the subject does: the one of its family, or itself."""
    families = {SHAPES[model].model_type: model for model in PAIR}
    return families[subject.shape.model_type] if subject.shape else subject.id


def start_on(subject: Subject, work: Path | None, progress: Progress) -> Figures:
    """New processes, one after the other: only the first one may find its files not in memory. Raises as `job_on`."""

    def measure(source: Source) -> Figures:
        files = [source.file] if isinstance(source, GgufModel) else sorted(Path(subject.folder).glob("*.safetensors"))
        starts = []
        for number in range(STARTS):
            share = cached_share(files)
            progress(f"Start {number + 1} of {STARTS}: {source.name} ...")
            starts.append({**run(speed.measure_start, source, progress=progress), "cached_share": share})
        names = ("ready_seconds", "first_token_seconds")
        medians = {name: statistics.median(start[name] for start in starts) for name in names}
        return {"engine": starts[0]["engine"], **medians, "starts": starts}

    return beside_rivals(subject, measure, work, progress)


def both_on(subjects: Sequence[Subject], progress: Progress) -> Figures:
    """Two models in one process; their memory with full contexts is measured in a second one. Raises BackendError."""
    panes = run(speed.measure_panes, PLAN, subjects, progress=progress)
    full = run(speed.measure_full_contexts, PLAN, subjects, progress=progress)
    return {**panes, **{f"full_contexts_{name}": size for name, size in full.items()}}


def beside_rivals(
    subject: Subject,
    measure: Callable[[Source], Figures],
    work: Path | None,
    progress: Progress,
    rivals: Sequence[str] = (LLAMA,),
) -> Figures:
    """The figures of each engine, and why rivals are missing: one that fails does not end the others."""
    engines, missing = [measure(subject)], []
    for rival in rivals:
        if work is None:
            break
        try:
            engines.append(measure(_source(rival, subject.shape, work, progress)))
        except BackendError as error:
            missing.append({"rival": rival, "reason": str(error)})
    return {"model": asdict(subject), "engines": engines, "missing": missing}


def _source(rival: str, shape: Shape | None, work: Path, progress: Progress) -> Source:
    if shape is None:
        raise BackendError("bench_failed", "it is only measured on the shapes of the two families")
    if rival == LLAMA:
        return GgufModel(shape, random_gguf(shape, work, progress))
    needed, free = 2 * shape.parameters + _TRANSFORMERS_BYTES, available_bytes()
    if free is not None and needed > free:
        message = f"{shape.name} in bf16 on transformers needs {needed / 1e9:.1f} GB of memory"
        raise BackendError("bench_failed", f"{message}, and {free / 1e9:.1f} GB is free.")
    return shape


def cached_share(files: Sequence[Path]) -> float | None:
    """The share (0 to 1) of the files that is in the page cache; None without the system's `fincore`."""
    command = ["fincore", "--bytes", "--noheadings", "--output", "RES,SIZE", *map(str, files)]
    try:
        listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        return None
    numbers = [int(number) for line in listed for number in line.split()]
    # Cached pages are counted as a whole.
    return min(1.0, sum(numbers[::2]) / sum(numbers[1::2]))


def standing_of(subject: Subject, engines: Sequence[Figures]) -> list[Figures]:
    """The speed here and on each of the machines; nothing for a model that was not measured on them at this size."""
    machines = _MACHINES.get(subject.id, {})
    if not machines or subject.layers != SHAPES[subject.id.partition("@")[0]].layers:
        return []
    own, *rivals = ((engine["tokens_per_second"], _first_token(engine)) for engine in engines)
    # llama.cpp is the first rival, if it was measured.
    llama = rivals[0] if rivals and engines[1]["engine"].startswith("llama.cpp") else (None, None)
    return [_row("this machine", (*own, *llama)), *(_row(name, numbers) for name, numbers in machines.items())]


def standing_line(name: str, standing: Sequence[Figures]) -> str:
    """The same in one line."""
    return f"{name}: {'; '.join(map(_words, standing))}."


def _first_token(engine: Figures) -> float:
    return next(float(first["seconds"]) for first in engine["first_token"] if first["prompt_tokens"] == _PROMPT)


def _row(machine: str, numbers: Sequence[float | None]) -> Figures:
    speed, seconds, llama_speed, llama_seconds = numbers
    return {
        "machine": machine,
        "tokens_per_second": speed,
        "first_token_seconds": seconds,
        "times_llama": speed and llama_speed and speed / llama_speed,
        "first_token_share_of_llama": seconds and llama_seconds and seconds / llama_seconds,
    }


def _words(row: Figures) -> str:
    beside, share = row["times_llama"], row["first_token_share_of_llama"]
    speed = f"{row['machine']} {row['tokens_per_second']:.2f} tokens/s"
    first = f"first token of {_PROMPT} after {row['first_token_seconds']:.2f} s"
    if beside is None:
        return f"{speed}, {first}"
    return f"{speed} ({beside:.2f} times llama.cpp), {first} ({share:.2f} of it)"
