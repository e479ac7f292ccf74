"""A report as one self-contained HTML file that prints on A4."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from arena.report.blocks import (
    FIRST_LEVEL,
    Document,
    contents_lines,
    is_web_address,
    number_blocks,
    split_code,
)
from arena.results.plots import as_svg

if TYPE_CHECKING:
    from jinja2 import Template

_FOLDER = Path(__file__).parent


def as_html(document: Document) -> str:
    """The whole file, with styles and plots inside and no script."""
    items = number_blocks(document)
    return _template().render(
        document=document,
        items=items,
        contents=contents_lines(items),
        first_level=FIRST_LEVEL,
        kind=lambda block: type(block).__name__,
        split_code=split_code,
        svg=as_svg,
        is_web_address=is_web_address,
    )


@cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    # Everything is escaped except the plots, which we draw ourselves.
    environment = Environment(
        autoescape=True,
        loader=FileSystemLoader(_FOLDER),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2")
