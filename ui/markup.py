"""Small pieces of HTML that several tabs use."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from ui.texts import text


def html_table(labels: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table. `labels` are the columns' names as plain text; the cells are HTML already.

    On a phone each row is shown as a few lines with the label in front.
    """
    names = [escape(label) for label in labels]
    head = "".join(f"<th>{name}</th>" for name in names)
    body = "".join(f"<tr>{_cells(names, row)}</tr>" for row in rows)
    return f'<div class="cards"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def tiles(lang: str, figures: Mapping[str, object], attributes: str = "") -> str:
    """Tiles, each with a number and below it what it counts. The keys name texts that begin with "{count} "."""

    def below(key: str, figure: object) -> str:
        return escape(text(lang, key, count=figure).removeprefix(f"{figure} "))

    shown = "".join(f"<div><b>{figure}</b> <span>{below(key, figure)}</span></div>" for key, figure in figures.items())
    return f'<div class="tiles"{attributes}>{shown}</div>'


def status(line: str) -> str:
    """Plain text that a screen reader announces when it changes."""
    return f'<p role="status">{escape(line)}</p>'


def alert(line: str) -> str:
    """Plain text that says what is wrong."""
    return f'<p role="alert">⚠️ {escape(line)}</p>'


def licence_link(name: str, address: str) -> str:
    """A licence's name, which is HTML already, as a link if its address is one of the web."""
    if not address.startswith(("https://", "http://")):
        return name
    return f'<a href="{escape(address)}" target="_blank" rel="noopener noreferrer">{name}</a>'


def _cells(names: Sequence[str], row: Sequence[str]) -> str:
    return "".join(f'<td data-label="{name}">{cell}</td>' for name, cell in zip(names, row, strict=True))
