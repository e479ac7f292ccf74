"""Writes a report as files: Markdown with its plots, HTML, Word."""

import os
from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from arena.errors import os_error_as
from arena.report.blocks import FIRST_LEVEL, Document, Figure, caption_of, is_web_address, split_code
from arena.report.formats.markdown import as_markdown
from arena.results.plots import as_svg

KINDS = ("md", "html", "docx")


def write_report(document: Document, folder: Path, kinds: Collection[str] = KINDS) -> list[Path]:
    """Write report.md with its plots, report.html and report.docx, or some of these `kinds`, and return their paths.

    Existing files are replaced. Raises InputError("report_unwritable") if a file cannot be written.
    """
    written = []
    with os_error_as("report_unwritable", f"The report cannot be written into {folder}", folder=folder.name):
        folder.mkdir(parents=True, exist_ok=True)
        for file, data in _files(document, kinds):
            path = folder / file
            part = path.with_name(f".{file}.part")
            part.write_bytes(data)
            os.replace(part, path)  # a reader of the old file keeps it whole
            written.append(path)
    return written


def _files(document: Document, kinds: Collection[str]) -> Iterator[tuple[str, bytes]]:
    if "md" in kinds:
        yield "report.md", as_markdown(document).encode("utf-8", "replace")
        for block in document.blocks:
            if isinstance(block, Figure):
                yield f"{block.name}.svg", as_svg(block.spec, block.caption).encode()
    if "html" in kinds:
        yield "report.html", as_html(document).encode("utf-8", "replace")
    if "docx" in kinds:
        from arena.report.formats.docx import as_docx  # imports python-docx

        yield "report.docx", as_docx(document)


def as_html(document: Document) -> str:
    """One self-contained HTML file that prints on A4, with styles and plots inside and no script."""
    # Everything is escaped except the plots, which we draw ourselves.
    environment = Environment(
        autoescape=True,
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(
        document=document,
        caption=partial(caption_of, document.lang),
        first_level=FIRST_LEVEL,
        kind=lambda block: type(block).__name__,
        split_code=split_code,
        svg=as_svg,
        is_web_address=is_web_address,
    )
