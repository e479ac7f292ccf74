"""`report`: answers and votes as Markdown, HTML and Word."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from arena.errors import InputError
from commands import errors_in_one_line
from commands.inputs import Answers, answers_file, tell_damage
from commands.models import PROMPTS, DataDir, PromptSet, known_models


def report(
    answers: Answers = "",
    votes: Annotated[
        list[Path] | None, typer.Option("--votes", metavar="FILE", help="A votes.csv; else the data folder's.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the report is written.")] = Path("report"),
    a: Annotated[
        str, typer.Option("--a", metavar="MODEL", help="The first model, where there are more than two.")
    ] = "",
    b: Annotated[str, typer.Option("--b", metavar="MODEL", help="The second.")] = "",
    prompts: PromptSet = PROMPTS,
    lang: Annotated[Literal["zh", "en"], typer.Option(help="The report's language.")] = "zh",
    title: Annotated[str, typer.Option(help="Instead of the models' names.")] = "",
    university: Annotated[str, typer.Option(help="Stands on the cover, as the next seven do; none is needed.")] = "",
    school: str = "",
    major: str = "",
    course: str = "",
    author: str = "",
    student_number: str = "",
    teacher: str = "",
    date: str = "",
    machine: Annotated[
        str, typer.Option(help="What imported answers were made on; printed as stated by the author.")
    ] = "",
    link: Annotated[
        list[str] | None, typer.Option("--link", metavar="URL", help="For the appendix; may be repeated.")
    ] = None,
    data_dir: DataDir = Path("data"),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of lines.")] = False,
) -> None:
    """Write report.md, report.html and report.docx into DIR: prompts, answers, checks, votes, and what they show.

    Answers are those of the data folder if none are named. It runs without votes as well. Every sentence is a count, a
    published fact about a model, or a quote.
    """
    with errors_in_one_line(as_json, folder=str(out)):
        from arena.prompts import load_prompts
        from arena.report import Details, gather, make_document, plot_language, sources_in, write_report
        from commands.progress import votes_read

        if bool(a) != bool(b):
            raise InputError("report_pair", "Name both models with --a and --b, or neither.")
        with votes_read() as progress:
            sources = sources_in(data_dir, answers_file(answers, data_dir), votes, progress)
        details = Details(
            title, university, school, major, course, author, student_number, teacher, date, machine, tuple(link or ())
        )
        facts = gather(sources, load_prompts(prompts), known_models(), (a, b) if a else None)
        paths = write_report(make_document(lang, facts, details, plot_language(lang)), out)
    tell_damage(facts.figures.left_out)
    if as_json:
        told = {"models": [model.spec.id for model in facts.models], "prompts": len(facts.prompts)}
        typer.echo(json.dumps({"files": [str(path) for path in paths], **told, "votes": facts.overall.votes}))
        return
    for path in paths:
        typer.echo(str(path))
