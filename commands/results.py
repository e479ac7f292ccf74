"""`results`: prints the results of the votes as lines or as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arena.errors import InputError
from commands import errors_in_one_line, options
from commands.options import PROMPTS, AsJson, DataDir, PromptSet, Votes
from commands.progress import READING, StatusLine

if TYPE_CHECKING:
    from arena.results.figures import Figures
    from arena.results.selection import Filters


def results(
    votes: Votes = None,
    blind: Annotated[bool, typer.Option("--blind", help="Only blind votes.")] = False,
    complete: Annotated[bool, typer.Option("--complete", help="Only votes on two complete answers.")] = False,
    not_leaked: Annotated[
        bool, typer.Option("--not-leaked", help="Only votes on answers that did not reveal their model.")
    ] = False,
    not_suspicious: Annotated[
        bool, typer.Option("--not-suspicious", help="Only votes that do not look careless.")
    ] = False,
    room: Annotated[str | None, typer.Option(metavar="CODE", help="Only votes of one room.")] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="Only votes on this model; given twice or more, on pairs of these models."),
    ] = None,
    dimension: Annotated[str | None, typer.Option(help="Only votes on prompts of this dimension.")] = None,
    language: Annotated[
        str | None, typer.Option(help="Only votes on prompts in this language, such as Chinese.")
    ] = None,
    category: Annotated[str | None, typer.Option(help="Only votes on prompts of this category.")] = None,
    prompts: PromptSet = PROMPTS,
    data_dir: DataDir = Path("data"),
    as_json: AsJson = False,
) -> None:
    """Print what the votes show.

    Which model raters prefer, how certain that is, from which votes, and possible bias. A vote file includes its
    further parts (votes-2.csv, ...). Rows that cannot be read are counted and listed.
    """
    from arena.results.selection import Filters

    filters = Filters(
        blind=blind,
        complete=complete,
        not_leaked=not_leaked,
        not_suspicious=not_suspicious,
        room=room,
        models=tuple(model or ()),
        dimension=dimension,
        language=language,
        category=category,
    )
    with errors_in_one_line(as_json):
        figures = _figures(votes, filters, prompts, data_dir)
    options.warn_of_damage(figures.left_out)
    if as_json:
        from arena.results.figures import as_json as as_object

        typer.echo(json.dumps(as_object(figures), ensure_ascii=False))
        return
    from ui.results.view import lines

    for line in lines("en", figures):
        typer.echo(line)


def _figures(votes: Sequence[str] | None, filters: Filters, prompts: Path, data_dir: Path) -> Figures:
    from arena.answers import answers_of
    from arena.results.compute import compute

    facts = options.background(options.stored_prompts(prompts, data_dir), None if votes else answers_of(data_dir))
    with StatusLine(in_bytes=True) as line:
        counted = options.vote_store(votes, data_dir).refresh(partial(line.show, READING))
    if (room := filters.room) and room not in counted.table.names["room"]:
        raise InputError("room_without_votes", f"There is no room {room} in these votes.", room=room)
    figures = compute(counted, filters, facts)
    filters.check(figures.choices)
    return figures
