"""This project's engine and its rivals, measured on the same model in the same run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from arena.errors import BackendError
from bench.engines import GgufModel, Source
from bench.llama_bench import measure_llama_bench
from bench.probe import Figures, Progress, run
from bench.reference_job import random_tasks, reference_seconds
from bench.resources import cached_share, check_memory
from bench.speed import (
    BothPlan,
    Plan,
    measure_alone,
    measure_full_contexts,
    measure_job,
    measure_panes,
    measure_read_bound,
    measure_start,
    measure_together,
    measure_turns,
)
from bench.weights.random_gguf import random_gguf
from bench.weights.shapes import SHAPES, Shape
from bench.weights.subject import Subject

# None if the rival was not asked for.
Measure = Callable[[Shape], Figures | None]
READ_BYTES = 1 << 30
STARTS = 3
# Besides the weights: the libraries, the cache, and what the longest prompt needs.
_TRANSFORMERS_BYTES = 2_000_000_000


@dataclass(frozen=True)
class RivalOptions:
    """Whether rivals are measured, the folder for their files, and the folder of a llama.cpp built by the user."""

    enabled: bool
    work: Path
    llama_bin: Path | None = None


def engine_on(subject: Subject, plan: Plan, rivals: RivalOptions, progress: Progress) -> Figures:
    """All figures of one model. Raises InputError or BackendError."""
    bound = run(measure_read_bound, READ_BYTES, progress=progress)["bytes_per_second"]
    alone = run(measure_alone, subject, plan, progress=progress)
    own = {
        "alone": alone,
        "turns": run(measure_turns, subject, progress=progress),
        "company": run(measure_together, subject, plan, progress=progress),
        "bound_bytes": bound,
        "bound_share": bound and alone["speed"]["median"] * subject.read_bytes / bound,
    }
    return {"model": asdict(subject), "own": own, "rivals": measure_rivals(subject.shape, plan, rivals, progress)}


def users_on(subject: Subject, plan: Plan, rivals: RivalOptions, progress: Progress) -> Figures:
    """Several conversations at once, beside both builds of llama.cpp. Raises InputError or BackendError."""
    own = run(measure_together, subject, plan, progress=progress)
    measured = measure_rivals(subject.shape, plan, rivals, progress, only_together=True)
    return {"model": asdict(subject), "own": own, "rivals": measured}


def job_on(subject: Subject, rivals: RivalOptions, progress: Progress) -> Figures:
    """The reference job, beside llama.cpp. Raises InputError or BackendError."""
    model = reference_model(subject)
    tasks = random_tasks(model)

    def wheel(shape: Shape) -> Figures:
        return run(measure_job, _gguf(shape, rivals, progress), tasks, progress=progress)

    own = run(measure_job, subject, tasks, progress=progress)
    measured = _each(subject.shape, rivals, {"llama.cpp": wheel})
    return {
        "model": asdict(subject),
        "all_layers": subject.layers == SHAPES[model].layers,
        "reference_seconds": reference_seconds(model),
        "own": own,
        "rival": {"job": next(iter(measured["figures"]), None), "missing": measured["missing"]},
    }


def start_on(subject: Subject, rivals: RivalOptions, progress: Progress) -> Figures:
    """New processes, one after the other, beside llama.cpp: only the first one may find its files not in memory."""

    def starts(source: Source, files: list[Path]) -> list[Figures]:
        figures = []
        for number in range(STARTS):
            share = cached_share(files)
            progress(f"Start {number + 1} of {STARTS}: {source.name} ...")
            figures.append({"cached_share": share, **run(measure_start, source, progress=progress)})
        return figures

    def wheel(shape: Shape) -> Figures:
        model = _gguf(shape, rivals, progress)
        return {"starts": starts(model, [model.file])}

    own = starts(subject, sorted(Path(subject.folder).glob("*.safetensors")))
    measured = _each(subject.shape, rivals, {"llama.cpp": wheel})
    llama = [start for figures in measured["figures"] for start in figures["starts"]]
    return {"model": asdict(subject), "own": own, "llama": llama, "missing": measured["missing"]}


def both_on(subjects: tuple[Subject, ...], plan: BothPlan, progress: Progress) -> Figures:
    """Two models in one process; their memory with full contexts is measured in a second one. Raises BackendError."""
    panes = run(measure_panes, subjects, plan, progress=progress)
    return {**panes, **run(measure_full_contexts, subjects, plan, progress=progress)}


def reference_model(subject: Subject) -> str:
    """The model whose reference job the subject does: the one of its family, or itself."""
    families = {shape.family: shape.id for shape in SHAPES.values()}
    return families[subject.shape.family] if subject.shape else subject.id


def measure_rivals(
    shape: Shape | None, plan: Plan, rivals: RivalOptions, progress: Progress, only_together: bool = False
) -> Figures:
    """llama.cpp from the wheel and as built by the user, and transformers, which has no conversations at once."""

    def wheel(shape: Shape) -> Figures:
        model = _gguf(shape, rivals, progress)
        alone = {} if only_together else run(measure_alone, model, plan, progress=progress)
        return rival_figures(model, alone, run(measure_together, model, plan, progress=progress))

    def built(shape: Shape) -> Figures | None:
        if rivals.llama_bin is None:
            progress("No llama.cpp built for this processor is measured: name its folder with --llama-bin FOLDER.")
            return None
        # It always measures a prompt; one length is enough if only conversations at once are wanted.
        lengths = plan.prompt_lengths[:1] if only_together else plan.prompt_lengths
        model = _gguf(shape, rivals, progress)
        return measure_llama_bench(rivals.llama_bin, model, replace(plan, prompt_lengths=lengths), progress)

    def transformers(shape: Shape) -> Figures:
        check_memory(f"{shape.name} in bf16 on transformers", 2 * shape.parameters + _TRANSFORMERS_BYTES)
        return rival_figures(shape, run(measure_alone, shape, plan, progress=progress), {})

    measures: dict[str, Measure] = {"llama.cpp": wheel, "llama-bench": built}
    return _each(shape, rivals, measures if only_together else {**measures, "transformers": transformers})


def rival_figures(model: GgufModel | Shape, alone: Figures, together: Figures) -> Figures:
    """One rival's figures, from `measure_alone` or `measure_together` or both. None is what was not measured."""
    shape = model.shape if isinstance(model, GgufModel) else model
    first = alone or together
    return {
        "rival": first["engine"],
        "model": shape.id,
        "layers": shape.layers,
        "threads": first["threads"],
        "weight_bytes": model.file.stat().st_size if isinstance(model, GgufModel) else 2 * shape.parameters,
        "tokens_per_second": alone["speed"]["median"] if alone else None,
        "first_token": alone.get("first_token", []),
        "together": together.get("together", []),
        "load_seconds": first["ready_seconds"],
        "peak_bytes": first["peak"]["resident_bytes"],
    }


def _gguf(shape: Shape, rivals: RivalOptions, progress: Progress) -> GgufModel:
    return GgufModel(shape, random_gguf(shape, rivals.work, progress))


def _each(shape: Shape | None, rivals: RivalOptions, measures: Mapping[str, Measure]) -> Figures:
    """The figures of each rival, and why others are missing: one that fails does not end the others."""
    figures: list[Figures] = []
    missing: list[Figures] = []
    for name, measure in measures.items() if rivals.enabled else ():
        try:
            if shape is None:
                raise BackendError("bench_failed", "it is only measured on the shapes of the two families")
            if measured := measure(shape):
                figures.append(measured)
        except BackendError as error:
            missing.append({"rival": name, "reason": str(error)})
    return {"figures": figures, "missing": missing}
