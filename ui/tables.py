"""A table as HTML that is read on a phone too. Knows nothing of what is in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def html_table(labels: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """`labels` are the columns' names as plain text; the cells are HTML already.

    On a phone a row is a few lines, each with its label in front.
    """
    names = [escape(label) for label in labels]
    head = "".join(f"<th>{name}</th>" for name in names)
    body = "".join(f"<tr>{_cells(names, row)}</tr>" for row in rows)
    return f'<div class="cards"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _cells(names: Sequence[str], row: Sequence[str]) -> str:
    return "".join(f'<td data-label="{name}">{cell}</td>' for name, cell in zip(names, row, strict=True))
