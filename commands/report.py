"""`report`: answers and votes as Markdown, HTML and Word."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from arena.errors import InputError
from commands import errors_in_one_line
from commands.models import PROMPTS, DataDir, PromptSet

if TYPE_CHECKING:
    from arena.report import KnownModel


def report(
    answers: Annotated[
        Path | None,
        typer.Option(
            "--answers", metavar="FILE", envvar="ARENA_ANSWERS", help="Recorded answers; else the data folder's."
        ),
    ] = None,
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
    author: Annotated[str, typer.Option(help="Each of these is left out if it is empty.")] = "",
    student_number: str = "",
    course: str = "",
    teacher: str = "",
    date: str = "",
    link: Annotated[
        list[str] | None, typer.Option("--link", metavar="URL", help="For the appendix; may be repeated.")
    ] = None,
    data_dir: DataDir = Path("data"),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of lines.")] = False,
) -> None:
    """Write report.md, report.html and report.docx into DIR: prompts, answers, checks, votes, and what they show.

    It runs without votes as well. Every sentence is a count or somebody's words.
    """
    from arena.answers.store import FILE_NAME
    from arena.votes import FIRST_PART

    with errors_in_one_line(as_json, folder=str(out)):
        from arena.prompts import load_prompts
        from arena.report import Details, gather, make_document, read_sources, write_report
        from arena.report.fonts import has_chinese_font

        if bool(a) != bool(b):
            raise InputError("report_pair", "Name both models with --a and --b, or neither.")
        found = [path for path in (data_dir / FILE_NAME,) if path.is_file()]
        own = [path for path in (data_dir / FIRST_PART,) if path.is_file()]
        sources = read_sources(answers or next(iter(found), None), own if votes is None else votes)
        details = Details(title, author, student_number, course, teacher, date, tuple(link or ()))
        facts = gather(sources, load_prompts(prompts), known_models(), (a, b) if a else None)
        plot_lang = lang if lang == "en" or has_chinese_font() else "en"
        paths = write_report(make_document(lang, facts, details, plot_lang), out)
    if as_json:
        told = {"models": [model.spec.id for model in facts.models], "prompts": len(facts.prompts)}
        typer.echo(json.dumps({"files": [str(path) for path in paths], **told, "votes": facts.overall.votes}))
        return
    for path in paths:
        typer.echo(str(path))


def known_models() -> list[KnownModel]:
    """What the catalogue knows of each model."""
    from arena.report import KnownModel
    from backends.catalog import EMBEDDED, FETCHED, PUBLISHED

    known = [KnownModel(spec) for spec in EMBEDDED.values()]
    for name, spec in FETCHED.items():
        published = PUBLISHED.get(name)
        if published is None:
            known.append(KnownModel(spec))
            continue
        places = " / ".join(dict.fromkeys(repo.id for repo in published.repos.values()))
        # Two bytes a parameter, in bf16 and fp16 alike.
        known.append(KnownModel(spec, places, published.weight_bytes / 2))
    return known
