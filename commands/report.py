"""`report`: writes a report from answers and votes as Markdown, HTML and Word."""

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
        list[Path] | None, typer.Option("--votes", metavar="FILE", help="A votes.csv instead of the data folder's.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The output folder.")] = Path("report"),
    a: Annotated[str, typer.Option("--a", metavar="MODEL", help="The first model, if there are more than two.")] = "",
    b: Annotated[str, typer.Option("--b", metavar="MODEL", help="The second model.")] = "",
    prompts: PromptSet = PROMPTS,
    lang: Annotated[Literal["zh", "en"], typer.Option(help="The language of the report.")] = "zh",
    title: Annotated[str, typer.Option(help="A title instead of the models' names.")] = "",
    university: Annotated[str, typer.Option(help="For the cover, like the next seven options; all optional.")] = "",
    school: str = "",
    major: str = "",
    course: str = "",
    author: str = "",
    student_number: str = "",
    teacher: str = "",
    date: str = "",
    machine: Annotated[
        str, typer.Option(help="The machine that generated imported answers, printed as stated by the author.")
    ] = "",
    link: Annotated[
        list[str] | None, typer.Option("--link", metavar="URL", help="A link for the appendix; may be repeated.")
    ] = None,
    data_dir: DataDir = Path("data"),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of lines.")] = False,
) -> None:
    """Write report.md, report.html and report.docx into DIR: prompts, answers, checks, votes and results.

    Answers and votes come from the data folder unless named; votes are optional. The report contains only counts,
    published facts about the models, and quotes.
    """
    with errors_in_one_line(as_json, folder=str(out)):
        from arena.prompts import load_prompts
        from arena.report import Details, gather, make_document, plot_language, read_sources, write_report
        from commands.progress import votes_read

        if bool(a) != bool(b):
            raise InputError("report_pair", "Name both models with --a and --b, or neither.")
        with votes_read() as progress:
            sources = read_sources(data_dir, answers_file(answers, data_dir), votes, progress)
        details = Details(
            title=title,
            university=university,
            school=school,
            major=major,
            course=course,
            author=author,
            student_number=student_number,
            teacher=teacher,
            date=date,
            machine=machine,
            links=tuple(link or ()),
        )
        facts = gather(sources, load_prompts(prompts), known_models(), (a, b) if a else None)
        paths = [str(path) for path in write_report(make_document(lang, facts, details, plot_language(lang)), out)]
    tell_damage(facts.figures.left_out)
    if as_json:
        counts = {"prompts": len(facts.prompts), "votes": facts.overall.votes}
        typer.echo(json.dumps({"files": paths, "models": [model.spec.id for model in facts.models], **counts}))
    else:
        typer.echo("\n".join(paths))
