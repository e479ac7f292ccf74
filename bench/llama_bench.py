"""Measures a llama.cpp that the user has built for this processor, with its own llama-bench.

llama-bench makes its own tokens; the time to its first token is the time it takes to read the prompt. Several
conversations at once are measured if llama-batched-bench is in the same folder.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from arena.errors import BackendError, InputError
from backends.machine.memory import cpu_count
from bench.engines import GgufModel
from bench.probe import Figures, Progress, describe_exit
from bench.speed import SHORT_PROMPT, Plan

BENCH, BATCHED = "llama-bench", "llama-batched-bench"
# After a first run that does not count, which llama-bench makes itself.
REPEATS = 2


def measure_llama_bench(folder: Path, model: GgufModel, plan: Plan, progress: Progress) -> Figures:
    """The figures of the file, named as those of every rival. Raises InputError or BackendError."""
    program = bench_program(folder)
    progress(f"{program} reads prompts and writes {plan.decode_tokens} tokens, {REPEATS} times each ...")
    lengths = ",".join(map(str, plan.prompt_lengths))
    options = ["-p", lengths, "-n", str(plan.decode_tokens), "-r", str(REPEATS), "-o", "json"]
    text, peak = _output(program, model, options)
    try:
        rows = json.loads(text)
        prompts = {row["n_prompt"]: statistics.median(row["samples_ns"]) / 1e9 for row in rows if not row["n_gen"]}
        (decoding,) = (row for row in rows if row["n_gen"] and not row["n_prompt"])
        figures: Figures = {
            "rival": f"llama.cpp Q4_0 ({BENCH}, build {decoding['build_number']}, {decoding['build_commit']})",
            "model": model.shape.id,
            "layers": model.shape.layers,
            "threads": decoding["n_threads"],
            "weight_bytes": model.file.stat().st_size,
            "tokens_per_second": statistics.median(decoding["samples_ts"]),
            "first_token": [{"prompt_tokens": length, "seconds": prompts[length]} for length in plan.prompt_lengths],
            "together": [],
            "load_seconds": None,
            "peak_bytes": peak,
        }
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable(program, error) from error
    batched = _program(folder, BATCHED)
    return {**figures, "together": _together(batched, model, plan, progress)} if batched else figures


def bench_program(folder: Path) -> str:
    """The path of llama-bench. Raises InputError if the folder has none that can be executed."""
    program = _program(folder, BENCH)
    if program is None:
        raise InputError("bench_program", f"{folder} has no {BENCH} that can be executed.", path=str(folder))
    return program


def _program(folder: Path, name: str) -> str | None:
    path = folder.resolve() / name
    return str(path) if path.is_file() and os.access(path, os.X_OK) else None


def _together(program: str, model: GgufModel, plan: Plan, progress: Progress) -> list[Figures]:
    progress(f"{program} answers {' and '.join(map(str, plan.conversations))} conversations at once ...")
    positions = max(plan.conversations) * (SHORT_PROMPT + plan.decode_tokens)
    counts = ",".join(map(str, plan.conversations))
    options = ["-npp", str(SHORT_PROMPT), "-ntg", str(plan.decode_tokens), "-npl", counts, "-c", str(positions)]
    text, _ = _output(program, model, [*options, "--output-format", "jsonl"])
    try:
        rows = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        return [{"conversations": row["pl"], "tokens_per_second": row["speed_tg"]} for row in rows]
    except (ValueError, KeyError) as error:
        raise _unreadable(program, error) from error


def _output(program: str, model: GgufModel, options: Sequence[str]) -> tuple[str, int]:
    """What the program prints, and its peak memory in bytes."""
    command = [program, "-m", str(model.file), "-t", str(cpu_count()), "-ngl", "0", *options]
    with tempfile.TemporaryFile("w+", errors="replace") as stderr:
        try:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True, errors="replace")
        except OSError as error:
            raise BackendError("bench_failed", f"{program} cannot be started: {error.strerror}.") from error
        with process:
            try:
                assert process.stdout
                text = process.stdout.read()
                # Only wait4 tells how much memory this one process took.
                _, status, usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
            finally:
                process.kill()  # does nothing if it has ended
        if process.returncode:
            stderr.seek(0)
            last = (stderr.read().strip().splitlines() or ["no error message"])[-1]
            raise BackendError("bench_failed", f"{program} {describe_exit(process.returncode)}: {last}")
        return text, usage.ru_maxrss * 1024


def _unreadable(program: str, error: Exception) -> BackendError:
    return BackendError("bench_failed", f"The output of {program} cannot be understood: {error!r}")
