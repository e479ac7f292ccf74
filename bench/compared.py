"""This engine and its rivals on the same models in the same run. Knows which measurements belong together, no more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from arena.errors import BackendError
from bench.figures import Plan, Progress
from bench.job import JobFigures, reference_job, reference_seconds, tasks
from bench.own.engine import measure_company, measure_own
from bench.own.figures import Companies, OwnFigures
from bench.own.job import own_job
from bench.rivals.measured import Missing, RivalJob, Rivals, gguf_of, measure_job, measure_many, measure_rivals
from bench.start import Start, start_llama, start_own
from bench.weights.shapes import SHAPES
from bench.weights.subject import Subject


@dataclass(frozen=True)
class Beside:
    """Whether rivals are measured, where their files lie, and the folder of a llama.cpp of the user's own."""

    rivals: bool
    work: Path
    llama_bin: Path | None = None


@dataclass(frozen=True)
class EngineOnModel:
    """All figures of one model."""

    model: Subject
    own: OwnFigures
    rivals: Rivals


@dataclass(frozen=True)
class UsersOnModel:
    """Many conversations at once."""

    model: Subject
    own: Companies
    rivals: Rivals


@dataclass(frozen=True)
class JobOnModel:
    """The reference job; `reference_seconds` is how long the reference run took for it, with all layers."""

    model: Subject
    all_layers: bool
    reference_seconds: int
    own: JobFigures
    rival: RivalJob


@dataclass(frozen=True)
class StartOnModel:
    """New processes; none of llama.cpp where it was not asked for or is in `missing`."""

    model: Subject
    own: tuple[Start, ...]
    llama: tuple[Start, ...]
    missing: tuple[Missing, ...]


def engine_on(model: Subject, plan: Plan, beside: Beside, progress: Progress) -> EngineOnModel:
    """Raises InputError or BackendError."""
    own = measure_own(model, plan, progress)
    if not beside.rivals:
        return EngineOnModel(model, own, Rivals())
    return EngineOnModel(model, own, measure_rivals(model.shape, plan, beside.work, beside.llama_bin, progress))


def users_on(model: Subject, plan: Plan, beside: Beside, progress: Progress) -> UsersOnModel:
    """Raises InputError or BackendError."""
    own = measure_company(model, plan, progress)
    if not beside.rivals:
        return UsersOnModel(model, own, Rivals())
    return UsersOnModel(model, own, measure_many(model.shape, plan, beside.work, beside.llama_bin, progress))


def asked_of(model: Subject) -> str:
    """The model of the reference run whose job this one does: that of its family. Raises InputError without one."""
    same = (shape.id for shape in SHAPES.values() if model.shape and shape.family == model.shape.family)
    found = next(same, model.id)
    reference_job(found)
    return found


def job_on(model: Subject, beside: Beside, progress: Progress) -> JobOnModel:
    """Raises InputError or BackendError."""
    asked = asked_of(model)
    job = tasks(asked)
    own = own_job(model, job, progress)
    rival = measure_job(model.shape, job, beside.work, progress) if beside.rivals else RivalJob()
    return JobOnModel(model, model.layers == SHAPES[asked].layers, reference_seconds(asked), own, rival)


def start_on(model: Subject, beside: Beside, progress: Progress) -> StartOnModel:
    """Raises InputError or BackendError."""
    llama: Sequence[Start] = ()
    own, missing = start_own(model, progress), []
    if beside.rivals and model.shape is None:
        missing.append(Missing("llama.cpp", "it is measured on the shapes of the two families alone"))
    elif beside.rivals and model.shape:
        try:
            file = gguf_of(model.shape, beside.work, progress)
            llama = start_llama(file, model.shape.vocabulary, progress)
        except BackendError as error:
            missing.append(Missing("llama.cpp", str(error)))
    return StartOnModel(model, own, tuple(llama), tuple(missing))
