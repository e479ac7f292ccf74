"""`results`: prints what the votes show, as lines or as JSON."""

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
        typer.Argument(metavar="[VOTES.csv ...]", help="Files of votes, or patterns; else the data folder's."),
    ] = None,
    blind: Annotated[bool, typer.Option("--blind", help="Only blind votes.")] = False,
    complete: Annotated[
        bool, typer.Option("--complete", help="Only those on answers that ended by themselves.")
    ] = False,
    not_leaked: Annotated[
        bool, typer.Option("--not-leaked", help="Only those on answers that did not tell who wrote them.")
    ] = False,
    not_suspicious: Annotated[
        bool,
        typer.Option("--not-suspicious", help="Only those that do not look careless."),
    ] = False,
    room: Annotated[str | None, typer.Option(metavar="CODE", help="Only those of a room.")] = None,
    answers: Annotated[
        Path | None,
        typer.Option(
            "--answers", metavar="FILE", help="Recorded answers, for their peak memory; else the data folder's."
        ),
    ] = None,
    prompts: PromptSet = PROMPTS,
    data_dir: DataDir = Path("data"),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of lines.")] = False,
) -> None:
    """Say what votes show, and no more: who is preferred, how sure that is, by what, and what may have swayed raters.

    A file of votes brings its further parts along (votes-2.csv, ...). Rows that cannot be read are counted and named.
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
    from ui.results.lines import lines

    for line in lines("en", figures):
        typer.echo(line)


def _figures(
    votes: Sequence[str] | None, filters: Filters, answers: Path | None, prompts: Path, data_dir: Path
) -> Figures:
    from arena.answers import FILE_NAME, read_recorded
    from arena.prompts import load_prompts
    from arena.results.compute import Background, compute
    from arena.results.cost import peak_memory
    from arena.votes.store import store_of, store_of_files
    from commands.progress import votes_read

    categories = {prompt.id: prompt.category for prompt in load_prompts(prompts)}
    kept = data_dir / FILE_NAME
    if answers is None and not votes and kept.is_file() and kept.stat().st_size:
        answers = kept
    memory = peak_memory(read_recorded(answers)) if answers else {}
    store = store_of_files(map(Path, votes)) if votes else store_of(data_dir)
    with votes_read() as progress:
        read = store.refresh(progress)
    return compute(read, filters, Background(categories, memory))
