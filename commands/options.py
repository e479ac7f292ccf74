"""The options that several commands share, and what they name: models, prompts, votes, recorded answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arena.errors import InputError
from arena.events import NoEvents, read_events
from arena.prompts import PromptStore, load_prompts
from arena.text import read_text
from arena.types import ModelSpec
from backends.fetching.plan import TO_FETCH
from backends.models.catalog import CARDS, EMBEDDED, FETCHED, PUBLISHED
from backends.models.resolve import resolve
from backup.datasets import download_answers, in_dataset

if TYPE_CHECKING:
    from arena.report.facts import KnownModel
    from arena.results.compute import Background
    from arena.votes.store import ReadReport, VoteStore

LEFT, RIGHT = "smollm2-135m-t0.2", "smollm2-135m-t1.0"
DOWNLOADS = "fetched"  # in the data folder
PROMPTS = Path(__file__).parents[1] / "prompts.json"

ModelA = Annotated[
    str, typer.Option("--a", metavar="MODEL", envvar="ARENA_MODEL_A", help="The left model.", show_default=LEFT)
]
ModelB = Annotated[
    str, typer.Option("--b", metavar="MODEL", envvar="ARENA_MODEL_B", help="The right model.", show_default=RIGHT)
]
Models = Annotated[
    str,
    typer.Option(
        "--models",
        metavar="A,B,...",
        envvar="ARENA_MODELS",
        help="Two or more models, instead of --a and --b: names (a comma in a name is %2C), or a .txt file with one "
        "name per line.",
    ),
]
PromptSet = Annotated[
    Path,
    typer.Option(
        "--prompts",
        envvar="ARENA_PROMPTS",
        help="The prompt set: a .json, .jsonl or .csv file.",
        show_default="prompts.json",
    ),
]
Votes = Annotated[
    list[str] | None,
    typer.Argument(metavar="VOTES.csv", help="Vote files, folders or patterns, instead of the data folder."),
]
DataDir = Annotated[Path, typer.Option(envvar="ARENA_DATA_DIR", help="The folder for votes and answers.")]
Answers = Annotated[
    str,
    typer.Option(
        "--answers",
        metavar="ANSWERS",
        envvar="ARENA_ANSWERS",
        help="Recorded answers: a JSONL file, or a dataset with answers.jsonl, hf:OWNER/NAME or modelscope:OWNER/NAME "
        "(append #FILE for another file in it).",
    ),
]
Words = Annotated[
    Path | None,
    typer.Option(envvar="ARENA_WORDS", help="A file with one word per line; battles that contain one are hidden."),
]
DropOriginal = Annotated[
    bool, typer.Option("--drop-original", help="Delete the original weights once MODEL@int4 works.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of lines.")]


def models_of(models: str, a: str, b: str) -> tuple[str, ...]:
    """The names in --models, or those of --a and --b; "" is the left or right embedded model. Raises InputError.

    --models may name a .txt file with one name per line; empty lines and those that begin with # do not count.
    """
    names = tuple(filter(None, map(str.strip, models.split(","))))
    if len(names) == 1 and names[0].endswith(".txt"):

        def broken(path: Path, what: str) -> InputError:
            return InputError("models_broken", f"{path} {what}.", path=path, what=what)

        lines = map(str.strip, read_text(Path(names[0]), broken).splitlines())
        names = tuple(line for line in lines if line and not line.startswith("#"))
    if names and (a or b):
        raise InputError("models_twice", "Use either --models A,B,C or --a A --b B, not both.")
    if len(names) == 1:
        message = f"--models names {names[0]} alone; name at least two models, with a comma between."
        raise InputError("models_few", message, model=names[0])
    return names or (a or LEFT, b or RIGHT)


def choose_models(*names: str) -> tuple[ModelSpec, ...]:
    """The models with these names. Raises InputError if one is unknown, or two have the same id or name."""
    specs = tuple(map(resolve, names))
    for named in ([spec.id for spec in specs], [spec.name for spec in specs]):
        for name in named:
            if named.count(name) > 1:
                message = f"Two models are {name}. Choose different ones, or give each a label: LABEL=MODEL."
                raise InputError("same_model", message, model=name)
    return specs


def are_here(names: Sequence[str]) -> bool:
    """Whether all models can be opened without a download. Raises InputError if a download would not help."""
    try:
        choose_models(*names)
    except InputError as error:
        if error.code not in TO_FETCH:
            raise
        return False
    return True


def known_models() -> list[KnownModel]:
    """The catalogue's facts about each model, for the report."""
    from arena.report.facts import KnownModel

    models = []
    for name, spec in (FETCHED | EMBEDDED).items():
        repos = PUBLISHED[name].repos.values() if name in PUBLISHED else ()
        ids = " / ".join(dict.fromkeys(repo.id for repo in repos))
        models.append(KnownModel(spec, ids, CARDS[name]))
    return models


def answers_file(name: str, data_dir: Path) -> Path | None:
    """The file of answers, downloaded first if it is in a dataset; None without a name.

    If the download fails, an older copy is used with a warning. Raises InputError, and BackendError without a copy.
    """
    if not name:
        return None
    if not in_dataset(name):
        return Path(name)
    typer.echo(f"Downloading the answers {name} ...", err=True)
    path, problem = download_answers(name, data_dir / DOWNLOADS)
    if problem:
        typer.echo(f"Warning: {problem} Using the copy from last time.", err=True)
    return path


def warn_of_damage(report: ReadReport) -> None:
    """Prints one line on stderr if votes are counted although some of their text is damaged."""
    if not report.damaged:
        return
    first = report.damaged[0]
    typer.echo(
        f"Note: votes counted without their conversations or settings, which are damaged: {len(report.damaged)} "
        f"(the first: {first.part}, line {first.line}, {first.reason}). Spreadsheets cut long cells.",
        err=True,
    )


def vote_store(votes: Sequence[str] | None, data_dir: Path) -> VoteStore:
    """The votes of these files, by default those of the data folder. Raises InputError if there are no files."""
    from arena.votes.imported.sources import ImportedFiles, no_votes
    from arena.votes.store import VoteStore

    store = VoteStore(ImportedFiles(map(Path, votes)) if votes else data_dir)
    if not store.paths():
        raise no_votes(data_dir)
    return store


def stored_prompts(path: Path, data_dir: Path) -> PromptStore:
    """The prompts of the page with this file and this data folder. Raises InputError for a file with a mistake."""
    prompts = PromptStore(load_prompts(path), NoEvents(), named=path != PROMPTS)
    for event in read_events(data_dir):
        prompts.replay(event)
    return prompts


def background(prompts: PromptStore, *answers: Path | None) -> Background:
    """What results need beside the votes: the prompts' categories, and the peak memory from recorded answers."""
    from arena.answers import read_recorded
    from arena.results.compute import Background
    from arena.results.cost import peak_memory

    files = dict.fromkeys(filter(None, answers))
    memory = peak_memory(entry for file in files for entry in read_recorded(file))
    return Background(prompts.categories, memory)
