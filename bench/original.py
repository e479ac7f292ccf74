"""The baseline: a checkpoint run by its own code in another Python. No code of the folder runs in this process."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from arena.errors import InputError
from arena.prompts import Prompt
from backends.machine.memory import cpu_count
from bench.probe import Figures, Progress, run_command
from bench.resources import check_memory

RUNNER = Path(__file__).with_name("original_runner.py")
MAKE_ENVIRONMENT = "python3.11 -m venv original && original/bin/pip install -r requirements-original.txt"
OVERHEAD_BYTES = 1_500_000_000
SEED = 1


def measure_original(
    folder: Path, python: Path | None, prompts: Sequence[Prompt], tokens: int, progress: Progress, *, trusted: bool
) -> Figures:
    """Answers of at most `tokens` tokens. Raises InputError for bad input, BackendError if the code fails.

    `tokens_per_second` of an answer does not count its first token; None for an answer of one token.
    """
    if not (folder / "config.json").is_file():
        raise InputError("folder_unfit", f"{folder} is not a checkpoint: it has no config.json.", path=str(folder))
    code = ", ".join(sorted(path.name for path in folder.glob("*.py")))
    if not code:
        message = f"{folder} has no code of its own (no .py file), so there is nothing to run."
        raise InputError("bench_no_code", message, path=str(folder))
    if not trusted:
        message = f"This would execute the code in {folder} ({code}). If you trust it, add --trust-code."
        raise InputError("bench_untrusted", message, path=str(folder))
    if python is None or not python.is_file():
        reason = "no --python is given" if python is None else f"{python} is not a file"
        message = f"The folder's code needs a Python of its own, and {reason}. Create one with: {MAKE_ENVIRONMENT}"
        raise InputError("bench_python", f"{message} ; then use --python original/bin/python")
    weights = [path for kind in ("*.safetensors", "*.bin") for path in folder.glob(kind)]
    check_memory(str(folder), sum(path.stat().st_size for path in weights) + OVERHEAD_BYTES)
    request = {
        "folder": str(folder.resolve()),
        "python": str(python),
        "prompts": [{"id": prompt.id, "text": prompt.text} for prompt in prompts],
        "tokens": tokens,
        "threads": cpu_count(),
        "seed": SEED,
    }
    # Isolated (-I): neither our modules nor the user's settings reach that Python.
    command = [str(python.absolute()), "-I", "-X", "utf8", str(RUNNER)]
    # transformers copies the code and finds the copy by name: one of another folder must not be used.
    with tempfile.TemporaryDirectory() as copies:
        figures = run_command(command, request, progress, {"HF_MODULES_CACHE": copies, "HF_HUB_OFFLINE": "1"})
    return {"folder": str(folder), "threads": request["threads"], **figures}
