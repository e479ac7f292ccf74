"""Measures a llama.cpp that the user has built for this very processor, by its own llama-bench.

Knows no server and no tokens: llama-bench makes its own, and a prompt's time is what it takes to read it. Speed with
many conversations is measured where llama-batched-bench lies beside it.
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
from bench.child import how_it_ended
from bench.figures import SHORT_PROMPT, FirstToken, Plan, Progress, RivalFigures, Together
from bench.random_ids import cores
from bench.weights.shapes import Shape

BENCH, BATCHED = "llama-bench", "llama-batched-bench"
# After one that is not counted, which llama-bench makes itself.
REPEATS = 2


def measure_llama_bin(
    folder: Path | None, shape: Shape, file: Path, plan: Plan, progress: Progress
) -> RivalFigures | None:
    """Measures the file; None, and a line that says so, without a folder. Raises InputError, BackendError."""
    if folder is None:
        progress("No llama.cpp built for this processor is measured: name its folder with --llama-bin FOLDER.")
        return None
    program = bench_program(folder)
    progress(f"{program} reads prompts and writes {plan.decode_tokens} tokens, {REPEATS} times each ...")
    lengths = ",".join(map(str, plan.prompt_lengths))
    arguments = ["-p", lengths, "-n", str(plan.decode_tokens), "-r", str(REPEATS), "-o", "json"]
    text, peak = _run([program, "-m", str(file), "-t", str(cores()), "-ngl", "0", *arguments])
    figures = _figures(program, text, shape, plan, file.stat().st_size, peak)
    batched = _program(folder, BATCHED)
    if batched is None or not plan.conversations:
        return figures
    return RivalFigures(**{**vars(figures), "together": _together(batched, file, plan, progress)})


def bench_program(folder: Path) -> str:
    """The program in the folder. Raises InputError if there is none that can be run."""
    program = _program(folder, BENCH)
    if program is None:
        raise InputError("bench_program", f"{folder} holds no {BENCH} that can be run.", path=str(folder))
    return program


def _program(folder: Path, name: str) -> str | None:
    path = folder.resolve() / name
    return str(path) if path.is_file() and os.access(path, os.X_OK) else None


def _run(command: Sequence[str]) -> tuple[str, int]:
    """What the program prints, and the most memory it took."""
    with tempfile.TemporaryFile("w+", errors="replace") as noise:
        try:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=noise, text=True, errors="replace")
        except OSError as error:
            raise BackendError("bench_failed", f"{command[0]} cannot be started: {error.strerror}.") from error
        with process:
            try:
                assert process.stdout
                text = process.stdout.read()
                # Not process.wait(): only this tells how much memory this one process took.
                _, status, used = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
            finally:
                process.kill()  # nothing, where it has ended
        if process.returncode:
            noise.seek(0)
            last = (noise.read().strip().splitlines() or ["it said nothing"])[-1]
            raise BackendError("bench_failed", f"{command[0]} {how_it_ended(process.returncode)}: {last}")
        return text, used.ru_maxrss * 1024


def _figures(program: str, text: str, shape: Shape, plan: Plan, size: int, peak: int) -> RivalFigures:
    try:
        rows = json.loads(text)
        prompts = {row["n_prompt"]: statistics.median(row["samples_ns"]) / 1e9 for row in rows if not row["n_gen"]}
        (writing,) = (row for row in rows if row["n_gen"] and not row["n_prompt"])
        return RivalFigures(
            rival=f"llama.cpp Q4_0 ({BENCH}, build {writing['build_number']}, {writing['build_commit']})",
            model=shape.id,
            layers=shape.layers,
            threads=writing["n_threads"],
            weight_bytes=size,
            tokens_per_second=statistics.median(writing["samples_ts"]),
            first_token=tuple(FirstToken(length, prompts[length]) for length in plan.prompt_lengths),
            peak_bytes=peak,
        )
    except (ValueError, KeyError, TypeError) as error:
        raise _not_understood(program, error) from error


def _together(program: str, file: Path, plan: Plan, progress: Progress) -> tuple[Together, ...]:
    progress(f"{program} answers {' and '.join(map(str, plan.conversations))} at once ...")
    positions = max(plan.conversations) * (SHORT_PROMPT + plan.decode_tokens)
    counts = ",".join(map(str, plan.conversations))
    shape = ["-npp", str(SHORT_PROMPT), "-ntg", str(plan.decode_tokens), "-npl", counts, "-c", str(positions)]
    threads = ["-t", str(cores()), "-ngl", "0", "--output-format", "jsonl"]
    text, _ = _run([program, "-m", str(file), *shape, *threads])
    try:
        rows = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        return tuple(Together(row["pl"], row["speed_tg"]) for row in rows)
    except (ValueError, KeyError) as error:
        raise _not_understood(program, error) from error


def _not_understood(program: str, error: Exception) -> BackendError:
    return BackendError("bench_failed", f"What {program} prints is not understood: {error!r}")
