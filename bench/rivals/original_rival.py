"""The baseline: a checkpoint run by its own code in a Python of its own. Knows nothing of what that code does.

Nothing of the folder runs in this process, and nothing at all before the user has said that its code is trusted.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from arena.errors import BackendError, InputError
from arena.prompts import Prompt
from backends.machine.memory import available_bytes
from bench.child import run_command
from bench.figures import Progress
from bench.random_ids import cores

RUNNER = Path(__file__).with_name("original_runner.py")
MAKE_ENVIRONMENT = "python3.11 -m venv original && original/bin/pip install -r requirements-original.txt"
OVERHEAD_BYTES = 1_500_000_000
SEED = 1


@dataclass(frozen=True)
class OriginalAnswer:
    """One prompt's figures; `tokens_per_second` is of what follows the first token, None where nothing does."""

    prompt_id: str
    text: str
    prompt_tokens: int
    tokens: int
    first_token_seconds: float
    seconds: float
    tokens_per_second: float | None


@dataclass(frozen=True)
class OriginalFigures:
    """The run of a folder's own code."""

    folder: str
    dtype: str
    transformers: str
    torch: str
    threads: int
    load_seconds: float
    peak_bytes: int
    answers: tuple[OriginalAnswer, ...]


def measure_original(
    folder: Path, python: Path | None, prompts: Sequence[Prompt], tokens: int, progress: Progress, *, trusted: bool
) -> OriginalFigures:
    """Asks every prompt for at most so many tokens. Raises InputError for what is not given, BackendError after."""
    code = _code(folder)
    if not trusted:
        names = ", ".join(path.name for path in code)
        message = f"This would execute the code in {folder} ({names}). If you trust it, say so with --trust-code."
        raise InputError("bench_untrusted", message, path=str(folder))
    if python is None or not python.is_file():
        found = "no --python is given" if python is None else f"{python} is no file"
        message = f"The folder's code needs a Python of its own, and {found}. Make one with: {MAKE_ENVIRONMENT}"
        raise InputError("bench_python", f"{message} ; then give --python original/bin/python")
    _check_memory(folder)
    threads = cores()
    request = {
        "folder": str(folder.resolve()),
        "python": str(python),
        "prompts": [{"id": prompt.id, "text": prompt.text} for prompt in prompts],
        "tokens": tokens,
        "threads": threads,
        "seed": SEED,
    }
    # Its code is copied before it is run, by name: an older copy of another folder must not be taken for it.
    with tempfile.TemporaryDirectory() as copies:
        measured = run_command(
            # Isolated: neither our own modules nor the user's settings are in that Python's way.
            [str(python.absolute()), "-I", "-X", "utf8", str(RUNNER)],
            request,
            progress,
            {"HF_MODULES_CACHE": copies, "HF_HUB_OFFLINE": "1"},
        )
    answers = tuple(OriginalAnswer(**answer) for answer in measured.pop("answers"))
    return OriginalFigures(folder=str(folder), threads=threads, answers=answers, **measured)


def _code(folder: Path) -> list[Path]:
    """The folder's own code. Raises InputError if there is none, or no checkpoint at all."""
    if not (folder / "config.json").is_file():
        raise InputError("folder_unfit", f"{folder} is no checkpoint: it has no config.json.", path=str(folder))
    code = sorted(folder.glob("*.py"))
    if not code:
        message = f"{folder} holds no code of its own (no .py file), so that there is nothing original to run."
        raise InputError("bench_no_code", message, path=str(folder))
    return code


def _check_memory(folder: Path) -> None:
    weights = [path for kind in ("*.safetensors", "*.bin") for path in folder.glob(kind)]
    needed, free = sum(path.stat().st_size for path in weights) + OVERHEAD_BYTES, available_bytes()
    if free is not None and needed > free:
        figures = f"{needed / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB is free"
        raise BackendError("bench_failed", f"{folder} needs {figures}.")
