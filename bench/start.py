"""How long a new process takes until a model can be used, and until it has answered. Knows ids, no text."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.child import run_module, serve
from bench.figures import Progress
from bench.page_cache import cached_share
from bench.random_ids import random_ids
from bench.weights.subject import Subject

PROMPT, REPEATS = 64, 3


@dataclass(frozen=True)
class Start:
    """Seconds from the start of the process until it is ready and until the first token of a prompt.

    `cached_share` is how much of the files was in memory before; None where the system does not say.
    """

    cached_share: float | None
    ready_seconds: float
    first_token_seconds: float


@dataclass(frozen=True)
class Starts:
    """Several new processes, one after the other: only the first may find the files on the disk."""

    engine: str
    starts: tuple[Start, ...]


def start_own(subject: Subject, progress: Progress) -> tuple[Start, ...]:
    """This engine on the subject. Raises BackendError."""
    request = {"folder": subject.folder, "context_length": subject.context_length}
    files = sorted(Path(subject.folder).glob("*.safetensors"))
    return _repeated(request, files, f"{subject.name} is started", progress)


def start_llama(file: Path, vocabulary: int, progress: Progress) -> tuple[Start, ...]:
    """llama.cpp's wheel on a GGUF file. Raises BackendError."""
    request = {"file": str(file.resolve()), "vocabulary": vocabulary}
    return _repeated(request, [file], f"llama.cpp is started with {file.name}", progress)


def _repeated(request: Mapping[str, Any], files: Sequence[Path], words: str, progress: Progress) -> tuple[Start, ...]:
    starts = []
    for number in range(REPEATS):
        share = cached_share(files)
        progress(f"{words}, {number + 1} of {REPEATS} ...")
        found = run_module(__name__, {**request, "asked": time.monotonic()}, progress)
        starts.append(Start(share, found["ready_seconds"], found["first_token_seconds"]))
    return tuple(starts)


def _measure(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """In the process of its own."""
    say_first = _llama(request) if "file" in request else _own(request)
    ready = time.monotonic() - request["asked"]
    say_first()
    return {"ready_seconds": ready, "first_token_seconds": time.monotonic() - request["asked"]}


def _own(request: Mapping[str, Any]) -> Callable[[], object]:
    from bench.own.opened import OwnEngine, new_scheduler

    engine = OwnEngine(Path(request["folder"]), new_scheduler(), request["context_length"])
    return lambda: engine.answer(random_ids(PROMPT, 1, engine.vocabulary), 1)


def _llama(request: Mapping[str, Any]) -> Callable[[], object]:
    from bench.rivals.llama_wheel import LlamaWheel

    llama = LlamaWheel(Path(request["file"]), 1, PROMPT + 1)
    return lambda: llama.times(random_ids(PROMPT, 1, request["vocabulary"]), 1)


if __name__ == "__main__":
    serve(_measure)
