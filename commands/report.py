"""`report`: writes a report from answers and votes as Markdown, HTML and Word."""

import json
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from commands import errors_in_one_line, options
from commands.options import PROMPTS, Answers, AsJson, DataDir, PromptSet
from commands.progress import READING, StatusLine


def report(
    answers: Answers = "",
    votes: Annotated[
        list[Path] | None,
        typer.Option("--votes", metavar="FILE", help="A vote file instead of the data folder's; may be repeated."),
    ] = None,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The output folder.")] = Path("report"),
    a: Annotated[
        str, typer.Option("--a", metavar="MODEL", help="A model to compare in full.", show_default="a leading pair")
    ] = "",
    b: Annotated[str, typer.Option("--b", metavar="MODEL", help="The other one; more models are in tables.")] = "",
    prompts: PromptSet = PROMPTS,
    lang: Annotated[Literal["zh", "en"], typer.Option(help="The language of the report.")] = "zh",
    title: Annotated[str, typer.Option(help="A title instead of the models' names.")] = "",
    university: Annotated[str, typer.Option(help="For the cover, like the next seven options.")] = "",
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
    as_json: AsJson = False,
) -> None:
    """Write a report as Markdown, HTML and Word.

    Writes report.md, report.html and report.docx into DIR: prompts, answers, checks, votes and results. They come from
    the data folder unless named; votes are optional. The report contains only counts, published facts and quotes.
    """
    with errors_in_one_line(as_json, folder=str(out)):
        from arena.report.facts import Details
        from arena.report.formats import write_report
        from arena.report.gather import gather, read_sources
        from arena.report.reports import plot_language
        from arena.report.sections import make_document

        file = options.answers_file(answers, data_dir)
        with StatusLine(in_bytes=True) as line:
            sources = read_sources(data_dir, file, votes, partial(line.show, READING))
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
        known = options.stored_prompts(prompts, data_dir).known
        facts = gather(sources, known, options.known_models(), (a, b) if a or b else None)
        paths = [str(path) for path in write_report(make_document(lang, facts, details, plot_language(lang)), out)]
    options.warn_of_damage(facts.figures.left_out)
    if as_json:
        models, others = ([model.spec.id for model in compared] for compared in (facts.models, facts.others))
        counts = {"prompts": len(facts.prompts), "votes": facts.overall.votes}
        typer.echo(json.dumps({"files": paths, "models": models, **counts, "others": others}))
    else:
        typer.echo("\n".join(paths))
