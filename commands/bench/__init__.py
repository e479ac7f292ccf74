"""The `bench` commands: those that measure an engine beside its rivals, the vote log, and a page under load."""

import inspect
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arena.errors import InputError
from commands.bench.output import Figures, compared, figure_lines, figure_text, report, say
from commands.options import AsJson

if TYPE_CHECKING:
    from bench.weights.subject import Subject

_MODEL = "A packed model, MODEL@int4 or a folder, instead of random weights."
_SHAPE = (
    "Random weights with this shape, or these with commas between: qwen-7b-chat, chatglm3-6b, both (the default), "
    "qwen3.5-0.8b, -2b, -4b, -9b, qwen3-8b, glm-edge-1.5b-chat, glm-4-9b-0414."
)
_WORK = "For random weights; by default `bench` in the models folder."


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The options of the commands that measure an engine."""

    a: Annotated[str | None, typer.Option("--a", metavar="MODEL", help=_MODEL)] = None
    b: Annotated[str | None, typer.Option("--b", metavar="MODEL", help="A second one.")] = None
    shape: Annotated[str | None, typer.Option("--shape", help=_SHAPE)] = None
    layers: Annotated[int | None, typer.Option(min=1, max=200, help="Fewer layers, for a quick run.")] = None
    precision: Annotated[str, typer.Option(help="Of random weights: int4 or int8.")] = "int4"
    rivals: Annotated[bool, typer.Option(help="Also measure llama.cpp and transformers.")] = True
    work: Annotated[Path | None, typer.Option(metavar="FOLDER", help=_WORK)] = None
    as_json: AsJson = False

    @property
    def folder(self) -> Path:
        """The folder for random weights."""
        from backends.models.downloads import models_dir

        return self.work or models_dir() / "bench"

    @property
    def rivals_folder(self) -> Path | None:
        """The folder for the rivals' weights; None if no rival is measured."""
        return self.folder if self.rivals else None

    def subjects(self) -> "tuple[Subject, ...]":
        """The models; random weights are written first if they do not exist. Raises InputError or BackendError."""
        from bench.weights.shapes import PAIR, shape_of
        from bench.weights.subject import packed_subject, random_subject

        names = [model for model in (self.a, self.b) if model]
        if names and (self.shape or self.layers):
            raise InputError("bench_choice", "--shape and --layers are for random weights; leave out --a and --b.")
        if names:
            return tuple(map(packed_subject, names))
        if self.precision not in ("int4", "int8"):
            raise InputError("bench_choice", f"--precision is int4 or int8, not {self.precision}.")
        models = list(PAIR) if self.shape in (None, "both") else str(self.shape).split(",")
        for model in models:
            shape_of(model)  # refuses an unknown one before the first is written
        return tuple(random_subject(model, self.layers, self.precision, self.folder, say) for model in models)


def engine_command(measured: Callable[[Choice], Figures], without: Collection[str] = ()) -> Callable[..., None]:
    """The typer command of a function: the options of `Choice` but for those in `without`."""

    def command(**options: Any) -> None:
        choice = Choice(**options)
        with report(measured.__name__, choice.as_json, engine_table) as figures:
            figures.update(measured(choice))

    parameters = [option for name, option in inspect.signature(Choice).parameters.items() if name not in without]
    command.__name__, command.__doc__ = measured.__name__, measured.__doc__
    command.__annotations__ = {option.name: option.annotation for option in parameters}
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return command


def engine(choice: Choice) -> Figures:
    """Measure one conversation. Speed, first tokens, turns and memory, beside the rivals.

    A model is random weights at a real shape unless --a names a packed one. At full size this takes a while, and the
    rivals need up to 17 GB of disk and memory.
    """
    from bench.compared import engine_on

    return {"models": [engine_on(subject, choice.rivals_folder, say) for subject in choice.subjects()]}


def users(choice: Choice) -> Figures:
    """Measure several conversations at once. The tokens per second of all 1, 2, 4 or 8, beside llama.cpp."""
    from bench.compared import users_on

    return {"models": [users_on(subject, choice.rivals_folder, say) for subject in choice.subjects()]}


def both(choice: Choice) -> Figures:
    """Measure both models in one process. Two answers at once and in turn, and memory with full contexts.

    There is no rival: none has two models in one process that share its threads.
    """
    from bench.compared import both_on

    if bool(choice.a) != bool(choice.b):
        raise InputError("bench_choice", "Two models are measured together: name both --a and --b, or none.")
    subjects = choice.subjects()
    return {"models": [{"model": asdict(subject)} for subject in subjects], **both_on(subjects, say)}


def job(choice: Choice) -> Figures:
    """Measure the reference job. Eight questions at once to one model, then to the other, beside llama.cpp.

    The reference run took 8,650 s for both models on a CPU notebook. Only the lengths of prompts and answers count.
    """
    from bench.compared import job_on

    return job_on(choice.subjects(), choice.rivals_folder, say)


def start(choice: Choice) -> Figures:
    """Measure starts of new processes. Seconds until a model is ready, and until the first token of a 64-token prompt.

    The page cache is not cleared; the table says how much of the files was in it.
    """
    from bench.compared import start_on

    return {"models": [start_on(subject, choice.rivals_folder, say) for subject in choice.subjects()]}


def engine_table(figures: Figures) -> list[str]:
    """This engine beside its rivals, then all figures of each, and where the machine stands."""
    from bench.compared import standing_line

    lines, last = [], []
    for entry in figures["models"]:
        model, engines = entry["model"], entry.get("engines", [])
        sizes = [figure_text("bytes", model[name]) for name in ("weight_bytes", "read_bytes")]
        weights = f"{model['weights']} weights, {sizes[0]}, {sizes[1]} read per token"
        lines.append(f"{model['name']}, {model['layers']} layers, {weights}")
        lines += compared(engines)
        lines += [f"  {rival['rival']} was not measured: {rival['reason']}" for rival in entry.get("missing", [])]
        for measured in engines:
            lines += [f"  {measured.pop('engine')}:", *figure_lines(measured, "    ")]
        if "standing" in entry:
            last.append(standing_line(model["name"], entry["standing"]))
    return [*lines, *figure_lines({name: value for name, value in figures.items() if name != "models"}), *last]


bench = typer.Typer(help="Measure speed, memory, votes and load.", no_args_is_help=True)
for measured in (engine, users, job, start):
    bench.command()(engine_command(measured))
bench.command()(engine_command(both, without={"shape", "rivals"}))


@bench.command()
def votes(
    threads: Annotated[int, typer.Option(min=1, max=1000, help="Threads that vote at once; one is measured too.")] = 24,
    duration: Annotated[float, typer.Option("--seconds", min=0.1, help="Seconds of voting.")] = 10.0,
    rows: Annotated[int, typer.Option(min=0, help="Votes in a large log; 0 leaves it out.")] = 1_000_000,
    as_json: AsJson = False,
) -> None:
    """Measure the vote log. Acknowledged votes per second, each on disk; a start and results with many votes.

    It is in a temporary folder; TMPDIR names a folder on another disk.
    """
    with report("votes", as_json) as figures:
        from bench.load.vote_log import measure_results, measure_start, measure_writing

        figures.update(writing=[], starting=None, results=None)
        for number in sorted({1, threads}):
            with TemporaryDirectory() as folder:
                figures["writing"].append(measure_writing(Path(folder), number, duration, say))
        if rows:
            with TemporaryDirectory() as folder:
                figures["starting"] = measure_start(Path(folder), rows, say)
                figures["results"] = measure_results(Path(folder), rows, say)


@bench.command()
def attack(
    runs: Annotated[int, typer.Option(min=1, max=10_000, help="Simulated classes for each truth.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Measure attacks on the verdict. How often invented, copied or careless raters flip it, beside 200 honest ones.

    Simulated through the real limits, logs and results, with honest raters who prefer the other model or neither.
    """
    with report("attack", as_json) as figures:
        from bench.attacks import measure_attacks

        figures.update(measure_attacks(runs, say))


@bench.command()
def load(
    readers: Annotated[int, typer.Option(min=0, max=10_000, help="Readers who open pages and look around.")] = 200,
    raters: Annotated[int, typer.Option(min=1, max=10_000, help="Raters who vote on recorded answers.")] = 40,
    duration: Annotated[float, typer.Option("--seconds", min=1, help="Seconds; 1800 shows a memory leak.")] = 180.0,
    as_json: AsJson = False,
) -> None:
    """Measure a public page. Over loopback: readers and raters at once.

    --readers 0 --raters 200 is a class: 20 votes per second in one room.
    """
    with report("load", as_json) as figures, TemporaryDirectory() as folder:
        from bench.load.crowd import Crowd, measure_crowd

        crowd = Crowd(readers=readers, raters=raters, seconds=duration)
        figures.update(measure_crowd(Path(folder), crowd, say))
