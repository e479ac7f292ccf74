"""The `batch` command: asks every model every prompt and writes the answers to a file."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from arena.answers import FILE_NAME, AnswerStore
from arena.backend import Backend
from arena.batch.plan import CellState, CellView, Plan, Progress
from arena.batch.run import Batch, Host
from arena.errors import BackendError, InputError
from arena.translations import time_text
from arena.types import ModelSpec
from backends import opened_alone
from backends.machine.facts import machine_facts
from backends.machine.memory import process_bytes
from commands import INTERRUPTED, errors_in_one_line, options, print_error
from commands.options import PROMPTS, AsJson, DataDir, ModelA, ModelB, Models, PromptSet
from commands.progress import StatusLine


def batch(
    a: ModelA = "",
    b: ModelB = "",
    models: Models = "",
    prompts: PromptSet = PROMPTS,
    repeats: Annotated[int, typer.Option("--repeats", metavar="N", help="Runs per prompt.")] = 1,
    seed: Annotated[int, typer.Option("--seed", metavar="S", help="Seed of the first run; each later run adds 1.")] = 0,
    at_once: Annotated[int, typer.Option("--at-once", min=1, max=32, help="Answers generated at the same time.")] = 1,
    max_new_tokens: Annotated[int | None, typer.Option(help="Token limit of an answer.")] = None,
    temperature: Annotated[float | None, typer.Option(help="Overrides each model's default.")] = None,
    think: Annotated[
        str | None,
        typer.Option(metavar="off|on|N", help="Thinking before an answer: off (default), on, or up to N tokens."),
    ] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Retry failed prompts.")] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="The answers file, by default answers.jsonl in the data folder."),
    ] = None,
    data_dir: DataDir = Path("data"),
    as_json: AsJson = False,
) -> None:
    """Run every prompt through every model.

    Runs one model at a time and saves each answer. Ctrl-C stops after the running answer, a second Ctrl-C drops it. The
    same command resumes where it stopped. Rate the answers with --answers FILE, or create the report.
    """
    path = out or data_dir / FILE_NAME
    settings = {"max_new_tokens": max_new_tokens, "temperature": temperature, "thinking": think}
    with errors_in_one_line(as_json, file=str(path)):
        specs = options.choose_models(*options.models_of(models, a, b))
        plan = Plan(specs, options.stored_prompts(prompts, data_dir), repeats, seed, settings)
        plan.cells()  # raises before the file is created
        with AnswerStore(path) as store:
            run = Batch(plan, store, host_of(opened_alone), at_once, retry)
            seconds = _run(run)
        _report(run.progress, str(path), seconds, as_json)


def host_of(
    opened: Callable[[ModelSpec], AbstractContextManager[Backend]], rest: Callable[[], float] = lambda: 0.0
) -> Host:
    """This machine for a batch; `opened` gives the backend of a model, `rest` the seconds between two answers."""
    return Host(opened, machine_facts(), lambda: process_bytes("VmRSS"), rest)


def _run(batch: Batch) -> float:
    """Runs the batch with progress on stderr; returns the seconds it took."""
    began = time.monotonic()
    printed = {view.cell.id for view in batch.progress.cells if view.state is not CellState.WAITING}
    with StatusLine() as line, _stopped_by_signals(batch, line):
        for progress in batch.run():
            for view in progress.cells:
                if view.state in (CellState.DONE, CellState.FAILED) and view.cell.id not in printed:
                    printed.add(view.cell.id)
                    line.say(_cell_line(view))
            line.show(_status(progress))
    return round(time.monotonic() - began, 1)


@contextmanager
def _stopped_by_signals(batch: Batch, line: StatusLine) -> Iterator[None]:
    """The first Ctrl-C ends the batch after the running answer; a second one or SIGTERM ends it at once."""
    is_paused = False

    def stop(number: int, frame: object) -> None:
        nonlocal is_paused
        if number == signal.SIGINT and not is_paused:
            is_paused = True
            line.say("Stopping after the running answer. Press Ctrl-C again to drop it.")
            batch.pause()
        else:
            batch.stop()

    before: dict[int, Any] = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _cell_line(view: CellView) -> str:
    """The result of a cell that has just ended."""
    parts = [view.cell.model.id, view.cell.prompt.id]
    if view.cell.repeat:
        parts.append(f"repeat {view.cell.repeat}")
    if view.error:
        return "  ".join((*parts, f"failed: {view.error.message}"))
    answer = view.answers[-1].side.answer
    if view.seconds is not None:
        parts.append(f"{view.seconds:.1f} s")
    if answer.usage.new_tokens is not None:
        parts.append(f"{answer.usage.new_tokens} tokens")
    if view.tokens_per_second is not None:
        parts.append(f"{view.tokens_per_second:.1f} tokens/s")
    return "  ".join(parts)


def _status(progress: Progress) -> str:
    """The cells done, the running model and cell, and the time left."""
    ended = progress.count(CellState.DONE) + progress.count(CellState.FAILED)
    parts = [f"{ended} of {len(progress.cells)}"]
    parts += [f"model {progress.turn} of {len(progress.models)}"] if progress.turn else []
    parts += [_growing(view) for view in progress.running()[:1]]
    if progress.seconds_left is not None:
        parts.append(f"{time_text(progress.seconds_left)} left")
    return "  ".join(parts)


def _growing(view: CellView) -> str:
    cell = f"{view.cell.model.id} {view.cell.prompt.id}"
    if view.growing is None:
        return cell
    usage = view.growing.usage
    return f"{cell}: {view.stage or f'{usage.new_tokens or 0} tokens'}, {usage.seconds or 0:.0f} s"


def _report(progress: Progress, file: str, seconds: float, as_json: bool) -> None:
    """Prints the outcome. The exit code is 2 if a cell failed, 130 if one still waits."""
    done, failed, waiting = map(progress.count, (CellState.DONE, CellState.FAILED, CellState.WAITING))
    cells = len(progress.cells)
    if as_json:
        counts = {"cells": cells, "done": done, "failed": failed, "waiting": waiting}
        typer.echo(json.dumps({"file": file, **counts, "seconds": seconds}))
    else:
        rest = (f", {failed} failed" if failed else "") + (f", {waiting} not yet answered" if waiting else "")
        typer.echo(f"{file}: {done} of {cells} answered{rest}, in {time_text(seconds)}")
    if blocked := progress.blocked:
        raise BackendError(blocked.code, blocked.message, **blocked.details)
    if failed:
        message = "Some prompts failed. Run the same command with --retry to retry them."
        print_error(InputError("batch_some_failed", message))
        raise typer.Exit(2)
    if waiting:
        typer.echo("Stopped. Run the same command again to resume.", err=True)
        raise typer.Exit(INTERRUPTED)
