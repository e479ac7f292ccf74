"""The reference job done by this project's engine: all questions to a model at once, as `batch` would give them.

Knows how long prompts and answers are, not what they say.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from bench.child import run_module, serve
from bench.figures import Progress
from bench.job import JobAnswer, JobFigures, Task
from bench.memory_watch import MemoryWatch
from bench.own.figures import OWN
from bench.own.opened import OwnEngine, at_once, new_scheduler
from bench.random_ids import cores
from bench.weights.subject import Subject


def own_job(subject: Subject, job: Sequence[Task], progress: Progress) -> JobFigures:
    """The job on the subject; its seconds are from the first question to the last answer. Raises BackendError."""
    request = {
        "id": subject.id,
        "name": subject.name,
        "folder": subject.folder,
        "layers": subject.layers,
        "context_length": subject.context_length,
        "job": [asdict(task) for task in job],
        "asked": time.monotonic(),
    }
    found = run_module(__name__, request, progress)
    return JobFigures(**{**found, "answers": tuple(JobAnswer(**answer) for answer in found["answers"])})


def _measure(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """In the process of its own."""
    watch, job = MemoryWatch(), [Task(**task) for task in request["job"]]
    progress(f"{request['name']} is opened ...")
    engine = OwnEngine(Path(request["folder"]), new_scheduler(), request["context_length"])
    loaded = time.monotonic() - request["asked"]
    engine.warm_up()
    progress(f"{request['name']} is asked all {len(job)} questions at once ...")
    began = time.perf_counter()
    # Random ids of the job are of both models' text; a small vocabulary has fewer.
    calls = [partial(engine.answer, [id % engine.vocabulary for id in task.ids], task.answer_tokens) for task in job]
    found = at_once(calls)
    seconds = time.perf_counter() - began
    answers = [
        JobAnswer(task.prompt_id, len(task.ids), task.answer_tokens, one.first_seconds, one.seconds)
        for task, one in zip(job, found, strict=True)
    ]
    peak = watch.end().resident_bytes
    name, layers = request["id"], request["layers"]
    return asdict(JobFigures(OWN, name, layers, cores(), loaded, seconds, peak, tuple(answers)))


if __name__ == "__main__":
    serve(_measure)
