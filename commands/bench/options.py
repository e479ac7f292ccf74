"""What the commands that measure the engine have in common: their options, what is chosen, and how it is said."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arena.errors import InputError
from commands import errors_in_one_line

if TYPE_CHECKING:
    from backends.machine.facts import Surroundings
    from bench.compared import Beside
    from bench.weights.subject import Subject

BOTH = "both"
# Above such a load a core, threads of an engine that wait for each other are held up by whatever else runs.
BUSY = 0.5
_MODEL = "A packed model, MODEL@int4 or a folder, instead of random weights."
ModelA = Annotated[str | None, typer.Option("--a", metavar="MODEL", help=_MODEL)]
ModelB = Annotated[str | None, typer.Option("--b", metavar="MODEL", help="A second one.")]
ShapeName = Annotated[
    str | None,
    typer.Option("--shape", help="Random weights of this shape: qwen-7b-chat, chatglm3-6b or both."),
]
Layers = Annotated[int | None, typer.Option("--layers", min=1, max=200, help="Fewer layers, for a quick run.")]
Precision = Annotated[str, typer.Option("--precision", help="Of random weights: int4 or int8.")]
WithRivals = Annotated[bool, typer.Option("--rivals/--no-rivals", help="Also llama.cpp and transformers.")]
LlamaBin = Annotated[
    Path | None, typer.Option("--llama-bin", metavar="FOLDER", help="A llama.cpp built for this very processor.")
]
Work = Annotated[
    Path | None,
    typer.Option("--work", metavar="FOLDER", help="Where random weights are kept; bench in the models folder if none."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")]


@dataclass(frozen=True)
class Choice:
    """What a person has chosen on the command line."""

    a: str | None
    b: str | None
    shape: str | None
    layers: int | None
    precision: str
    work: Path | None
    rivals: bool = False
    llama_bin: Path | None = None

    @property
    def folder(self) -> Path:
        """Where random weights are kept."""
        from backends.models.resolve import models_dir

        return self.work or models_dir() / "bench"

    def beside(self) -> Beside:
        """What is measured beside the engine. Raises InputError, before anything is."""
        from bench.compared import Beside
        from bench.rivals.llama_bin import bench_program

        if self.rivals and self.llama_bin is not None:
            bench_program(self.llama_bin)
        return Beside(self.rivals, self.folder, self.llama_bin)

    def subjects(self) -> tuple[Subject, ...]:
        """The models; random weights are written first if need be. Raises InputError or BackendError."""
        from bench.weights.shapes import SHAPES, shape_of
        from bench.weights.subject import packed_subject, random_subject

        named = [model for model in (self.a, self.b) if model]
        if named and (self.shape or self.layers):
            raise InputError("bench_choice", "--shape and --layers are for random weights; leave out --a and --b.")
        if named:
            return tuple(map(packed_subject, named))
        if self.precision not in ("int4", "int8"):
            raise InputError("bench_choice", f"--precision is int4 or int8, not {self.precision}.")
        models = list(SHAPES) if self.shape in (None, BOTH) else [shape_of(str(self.shape)).id]
        return tuple(random_subject(model, self.layers, self.precision, self.folder, say) for model in models)


def say(words: str) -> None:
    """What is being measured, on stderr."""
    typer.echo(words, err=True)


def measure(command: str, as_json: bool, found_by: Callable[[], Any], table: Callable[[Any], Sequence[str]]) -> None:
    """Measure (`found_by` gives a dataclass), and print its table below the machine, or all as one object."""
    with errors_in_one_line(as_json, command=command):
        from backends.machine.facts import load_average, surroundings

        machine = surroundings()
        found = found_by()
        load = load_average()
    if as_json:
        report: dict[str, Any] = {"command": command, "machine": asdict(machine), "load_at_end": load}
        typer.echo(json.dumps({**report, **asdict(found)}, ensure_ascii=False))
    else:
        typer.echo("\n".join([*_machine(machine, load), *table(found)]))


def _machine(machine: Surroundings, load: Sequence[float]) -> list[str]:
    libraries = ", ".join(f"{name} {number or 'not there'}" for name, number in machine.libraries.items())
    loads = [f"{values[0]:.2f}" if values else "unknown" for values in (machine.load, load)]
    sets = " ".join(machine.instruction_sets) or "no special instructions"
    lines = [
        f"{machine.processor}, {machine.cores} cores ({sets})",
        f"{machine.date}, {libraries}, load {loads[0]} at the start and {loads[1]} at the end",
    ]
    if machine.load and machine.load[0] > machine.cores * BUSY:
        lines.append("The machine was busy before anything was measured: do not compare with other runs, nor rivals.")
    return lines
