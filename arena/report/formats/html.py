"""A report as one HTML file that needs nothing else and prints on A4."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from arena.report.blocks import Document
from arena.report.formats.addresses import is_address
from arena.report.formats.drawing import as_svg
from arena.report.formats.numbering import FIRST_LEVEL, contents, numbered
from arena.report.formats.pieces import pieces

if TYPE_CHECKING:
    from jinja2 import Template

_FOLDER = Path(__file__).parent


def as_html(document: Document) -> str:
    """The whole file: styles and plots stand in it, and no script."""
    items = numbered(document)
    return _template().render(
        document=document,
        items=items,
        contents=contents(items),
        first_level=FIRST_LEVEL,
        kind=lambda block: type(block).__name__,
        pieces=pieces,
        svg=as_svg,
        is_address=is_address,
    )


@cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    # Everything that is put in is escaped, but for the plots, which are ours.
    made = Environment(
        autoescape=True,
        loader=FileSystemLoader(_FOLDER),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return made.get_template("report.html.j2")
