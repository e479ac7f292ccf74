"""`results`: prints the results of the votes as lines or as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands import errors_in_one_line
from commands.inputs import tell_damage
from commands.models import PROMPTS, DataDir, PromptSet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from arena.results.figures import Figures
    from arena.results.selection import Filters


def results(
    votes: Annotated[
        list[str] | None,
        typer.Argument(metavar="[VOTES.csv ...]", help="Vote files or patterns, instead of the data folder's."),
    ] = None,
    blind: Annotated[bool, typer.Option("--blind", help="Only blind votes.")] = False,
    complete: Annotated[bool, typer.Option("--complete", help="Only votes on two complete answers.")] = False,
    not_leaked: Annotated[
        bool, typer.Option("--not-leaked", help="Only votes on answers that did not reveal their model.")
    ] = False,
    not_suspicious: Annotated[
        bool, typer.Option("--not-suspicious", help="Only votes that do not look careless.")
    ] = False,
    room: Annotated[str | None, typer.Option(metavar="CODE", help="Only votes of one room.")] = None,
    answers: Annotated[
        Path | None,
        typer.Option("--answers", metavar="FILE", help="Recorded answers for peak memory, not the data folder's."),
    ] = None,
    prompts: PromptSet = PROMPTS,
    data_dir: DataDir = Path("data"),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of lines.")] = False,
) -> None:
    """Print the results: which model is preferred, how certain that is, from which votes, and possible bias.

    A vote file includes its further parts (votes-2.csv, ...). Rows that cannot be read are counted and listed.
    """
    from arena.results.selection import Filters

    filters = Filters(blind, complete, not_leaked, not_suspicious, room)
    with errors_in_one_line(as_json):
        figures = _figures(votes, filters, answers, prompts, data_dir)
    tell_damage(figures.left_out)
    if as_json:
        from arena.results.as_json import as_json as as_object

        typer.echo(json.dumps(as_object(figures), ensure_ascii=False))
        return
    from ui.results.view import lines

    for line in lines("en", figures):
        typer.echo(line)


def _figures(
    votes: Sequence[str] | None, filters: Filters, answers: Path | None, prompts: Path, data_dir: Path
) -> Figures:
    from arena.answers import read_recorded
    from arena.prompts import load_prompts
    from arena.report.gather import answers_of
    from arena.results.compute import Background, compute
    from arena.results.cost import peak_memory
    from arena.votes.store import store_of, store_of_files
    from commands.progress import votes_read

    categories = {prompt.id: prompt.category for prompt in load_prompts(prompts)}
    if not votes:
        answers = answers or answers_of(data_dir)
    memory = peak_memory(read_recorded(answers)) if answers else {}
    store = store_of_files(map(Path, votes)) if votes else store_of(data_dir)
    with votes_read() as progress:
        counted = store.refresh(progress)
    return compute(counted, filters, Background(categories, memory))
