"""`batch`: all prompts to both models, one model after the other, into a file of answers."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arena.errors import BackendError
from commands import errors_in_one_line
from commands.models import PROMPTS, DataDir, ModelA, ModelB, PromptSet, choose_models
from commands.progress import StatusLine, time_text

if TYPE_CHECKING:
    from arena.batch import Batch, CellView, Host, Progress

INTERRUPTED = 130


@dataclass(frozen=True)
class _Outcome:
    """How it ended: the file, how many cells are in which state, and the seconds that this run took."""

    file: str
    cells: int
    done: int
    failed: int
    waiting: int
    seconds: float


def batch(
    a: ModelA = "",
    b: ModelB = "",
    prompts: PromptSet = PROMPTS,
    repeats: Annotated[int, typer.Option("--repeats", metavar="N", help="Ask each prompt so many times.")] = 1,
    seed: Annotated[int, typer.Option("--seed", metavar="S", help="Of the first repeat; the next has the next.")] = 0,
    at_once: Annotated[
        int,
        typer.Option("--at-once", min=1, max=32, help="Answers made at the same time: sooner done, each one slower."),
    ] = 1,
    max_new_tokens: Annotated[int | None, typer.Option(help="The longest answer, in tokens.")] = None,
    temperature: Annotated[float | None, typer.Option(help="Instead of each model's own.")] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Ask again what failed before.")] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Where answers are kept; answers.jsonl in the data folder."),
    ] = None,
    data_dir: DataDir = Path("data"),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a line.")] = False,
) -> None:
    """Ask both models all prompts, one model in memory at a time, and keep each answer as it ends.

    Ctrl-C lets the running answer end, twice drops it; the same command goes on where it stopped, and asks nothing
    twice. Judge the answers with --answers FILE, or write the report.
    """
    from arena.answers import FILE_NAME

    path = out or data_dir / FILE_NAME
    settings = {"max_new_tokens": max_new_tokens, "temperature": temperature}
    with errors_in_one_line(as_json, file=str(path)):
        from arena.answers import AnswerStore
        from arena.batch import Batch, Plan
        from arena.prompts import load_prompts

        plan = Plan(choose_models(a, b), load_prompts(prompts), repeats, seed, settings)
        plan.cells()  # what cannot be is said before the file is made
        with AnswerStore(path) as store:
            run = Batch(plan, store, this_host(), at_once, retry)
            outcome = _run(run, str(path))
        _tell(outcome, run.progress, as_json)


def this_host() -> Host:
    """One model in memory at a time, on this machine."""
    from arena.batch import Host
    from backends.alone import opened_alone
    from backends.machine.facts import machine_facts
    from backends.machine.memory import process_bytes

    return Host(opened_alone, machine_facts(), lambda: process_bytes("VmRSS"))


def _run(batch: Batch, path: str) -> _Outcome:
    from arena.batch import CellState

    began, line, told = time.monotonic(), StatusLine(), set[object]()
    told |= {view.cell.id for view in batch.progress.cells if view.state is not CellState.WAITING}
    with _stopped_by_hand(batch, line):
        for progress in batch.run():
            for view in progress.cells:
                if view.state in (CellState.DONE, CellState.FAILED) and view.cell.id not in told:
                    told.add(view.cell.id)
                    line.say(_cell_line(view))
            line.show(_status(progress))
    line.finish()
    last = batch.progress
    counts = {state: last.count(state) for state in CellState}
    return _Outcome(
        path,
        len(last.cells),
        counts[CellState.DONE],
        counts[CellState.FAILED],
        counts[CellState.WAITING],
        round(time.monotonic() - began, 1),
    )


@contextmanager
def _stopped_by_hand(batch: Batch, line: StatusLine) -> Iterator[None]:
    """Ctrl-C once: no more after this answer. Twice, or a request to end: at once."""
    presses: list[int] = []

    def pressed(number: int, frame: object) -> None:
        presses.append(number)
        if number == signal.SIGINT and len(presses) == 1:
            line.say("Stopping after the running answer; Ctrl-C again drops it.")
            batch.pause()
        else:
            batch.stop()

    before: dict[int, Any] = {number: signal.signal(number, pressed) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _cell_line(view: CellView) -> str:
    """What became of a cell that has just ended."""
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
    """How far it is, what is being answered, and how long the rest will take."""
    from arena.batch import CellState

    ended = progress.count(CellState.DONE) + progress.count(CellState.FAILED)
    parts = [f"{ended} of {len(progress.cells)}"]
    parts += [_growing(view) for view in progress.running()[:1]]
    if progress.seconds_left is not None:
        parts.append(f"{time_text(progress.seconds_left)} left")
    return "  ".join(parts)


def _growing(view: CellView) -> str:
    words = f"{view.cell.model.id} {view.cell.prompt.id}"
    answer = view.growing
    if answer is None:
        return words
    doing = view.stage or f"{answer.usage.new_tokens or 0} tokens"
    return f"{words}: {doing}, {answer.usage.seconds or 0:.0f} s"


def _tell(outcome: _Outcome, progress: Progress, as_json: bool) -> None:
    """The last words, and the exit code: 2 if something failed, 130 if something still waits."""
    if as_json:
        typer.echo(json.dumps(vars(outcome)))
    else:
        states = (("failed", outcome.failed), ("still to be asked", outcome.waiting))
        rest = "".join(f", {count} {words}" for words, count in states if count)
        took = time_text(outcome.seconds)
        typer.echo(f"{outcome.file}: {outcome.done} of {outcome.cells} answered{rest}, in {took}")
    if blocked := progress.blocked:
        raise BackendError(blocked.code, blocked.message)
    if outcome.failed:
        typer.echo("Error: some failed; the same command with --retry asks them again.", err=True)
        raise typer.Exit(2)
    if outcome.waiting:
        typer.echo("Stopped. Run the same command again to go on from here.", err=True)
        raise typer.Exit(INTERRUPTED)
