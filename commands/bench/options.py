"""What the `bench` commands share: the options of those that measure an engine, and how figures are printed."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arena.errors import InputError
from commands import errors_in_one_line
from commands.bench.table import figure_lines

if TYPE_CHECKING:
    from bench.compared import RivalOptions
    from bench.weights.subject import Subject

Figures = dict[str, Any]
Table = Callable[[Figures], Sequence[str]]
# Above this load per core, an engine's threads are slowed down by other processes.
BUSY = 0.5
_MODEL = "A packed model, MODEL@int4 or a folder, instead of random weights."
_SHAPE = "Random weights with this shape: qwen-7b-chat, chatglm3-6b or both."
_WORK = "For random weights; by default `bench` in the models folder."
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")]


@dataclass(frozen=True)
class Choice:
    """The options of the commands that measure an engine."""

    a: Annotated[str | None, typer.Option("--a", metavar="MODEL", help=_MODEL)] = None
    b: Annotated[str | None, typer.Option("--b", metavar="MODEL", help="A second one.")] = None
    shape: Annotated[str | None, typer.Option("--shape", help=_SHAPE)] = None
    layers: Annotated[int | None, typer.Option(min=1, max=200, help="Fewer layers, for a quick run.")] = None
    precision: Annotated[str, typer.Option(help="Of random weights: int4 or int8.")] = "int4"
    rivals: Annotated[bool, typer.Option("--rivals/--no-rivals", help="Also measure llama.cpp and transformers.")] = (
        True
    )
    llama_bin: Annotated[Path | None, typer.Option(metavar="FOLDER", help="A llama.cpp built for this processor.")] = (
        None
    )
    work: Annotated[Path | None, typer.Option(metavar="FOLDER", help=_WORK)] = None

    @property
    def folder(self) -> Path:
        """The folder for random weights."""
        from backends.models.resolve import models_dir

        return self.work or models_dir() / "bench"

    def rival_options(self) -> RivalOptions:
        """Raises InputError for a bad --llama-bin, before anything is measured."""
        from bench.compared import RivalOptions
        from bench.llama_bench import bench_program

        if self.rivals and self.llama_bin is not None:
            bench_program(self.llama_bin)
        return RivalOptions(self.rivals, self.folder, self.llama_bin)

    def subjects(self) -> tuple[Subject, ...]:
        """The models; random weights are written first if they do not exist. Raises InputError or BackendError."""
        from bench.weights.shapes import SHAPES, shape_of
        from bench.weights.subject import packed_subject, random_subject

        names = [model for model in (self.a, self.b) if model]
        if names and (self.shape or self.layers):
            raise InputError("bench_choice", "--shape and --layers are for random weights; leave out --a and --b.")
        if names:
            return tuple(map(packed_subject, names))
        if self.precision not in ("int4", "int8"):
            raise InputError("bench_choice", f"--precision is int4 or int8, not {self.precision}.")
        models = list(SHAPES) if self.shape in (None, "both") else [shape_of(str(self.shape)).id]
        return tuple(random_subject(model, self.layers, self.precision, self.folder, say) for model in models)


def engine_command(
    measured: Callable[[Choice], Figures], table: Table, without: Collection[str] = ()
) -> Callable[..., None]:
    """The typer command of a function: the options of `Choice` but for those in `without`, and --json."""

    def command(as_json: bool, **options: Any) -> None:
        measure(measured.__name__, as_json, lambda: measured(Choice(**options)), table)

    parameters = [
        option.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for name, option in inspect.signature(Choice, eval_str=True).parameters.items()
        if name not in without
    ]
    json_option = inspect.Parameter("as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=AsJson)
    parameters.append(json_option)
    command.__name__, command.__doc__ = measured.__name__, measured.__doc__
    command.__annotations__ = {option.name: option.annotation for option in parameters}
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return command


def say(words: str) -> None:
    """Prints progress to stderr."""
    typer.echo(words, err=True)


def measure(command: str, as_json: bool, measured: Callable[[], Figures], table: Table) -> None:
    """Measures, and prints the machine and the table of the figures, or all as one JSON object."""
    with errors_in_one_line(as_json, command=command):
        from backends.machine.facts import load_average, surroundings

        machine = surroundings()
        figures = measured()
        load = load_average()
    if as_json:
        report = {"command": command, "machine": asdict(machine), "load_at_end": load, **figures}
        typer.echo(json.dumps(report, ensure_ascii=False))
        return
    lines = figure_lines({"machine": asdict(machine), "load_at_end": load}, indent="")
    if machine.load and machine.load[0] > machine.cores * BUSY:
        lines.append("The machine was busy before the run: do not compare these figures with other runs or rivals.")
    typer.echo("\n".join([*lines, "", *table(figures)]))
