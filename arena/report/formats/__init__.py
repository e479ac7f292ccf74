"""Writes a report as files: Markdown with its plots, HTML, Word."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from arena.errors import InputError
from arena.report.blocks import Document, Figure
from arena.report.formats.docx import as_docx
from arena.report.formats.html import as_html
from arena.report.formats.markdown import as_markdown
from arena.results.plots import as_svg

KINDS = ("md", "html", "docx")


def write_report(document: Document, folder: Path, kinds: Collection[str] = KINDS) -> list[Path]:
    """Write report.md with its plots, report.html and report.docx, or some of these `kinds`, and return their paths.

    Existing files are replaced. Raises InputError("report_unwritable") if a file cannot be written.
    """
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, data in _files(document, kinds):
            path = folder / file
            part = path.with_name(f".{file}.part")
            part.write_bytes(data)
            os.replace(part, path)  # a reader of the old file keeps it whole
            written.append(path)
    except OSError as error:
        reason = error.strerror or str(error)
        message = f"The report cannot be written into {folder}: {reason}."
        raise InputError("report_unwritable", message, folder=folder.name, reason=reason) from error
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
        yield "report.docx", as_docx(document)
