"""Figures of the engine and its rivals as lines of text. Knows no measurement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.own.figures import Spread
    from bench.rivals.measured import Missing
    from bench.weights.subject import Subject

Cells = tuple[str, ...]


@dataclass(frozen=True)
class Figure:
    """One line: ours, how it varies, and each rival's in the order of their names; None was not measured."""

    label: str
    own: float | None
    rivals: tuple[float | None, ...]
    form: Callable[[float], str]
    varies: str = ""
    ratio: bool = True


def compared(rivals: Sequence[str], figures: Sequence[Figure]) -> list[str]:
    """The lines; after each rival's figure stands ours divided by it."""
    heading: Cells = ("", "this engine", "slow to quick")
    for name in rivals:
        heading += (short(name), "ours / it")
    return aligned([heading, *map(_cells, figures)])


def aligned(rows: Sequence[Cells]) -> list[str]:
    """Columns of equal width, the first one to the left."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  "
        + "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def short(rival: str) -> str:
    """A heading for what the legend names in full."""
    return "llama-bench" if "llama-bench" in rival else rival.partition(" (")[0]


def legend(rivals: Sequence[str], missing: Sequence[Missing]) -> list[str]:
    """The rivals in full, and those that were not measured."""
    named = [f"  {short(name)}: {name}" for name in rivals if short(name) != name]
    return [*named, *(f"  {entry.rival} was not measured: {entry.reason}" for entry in missing)]


def title(model: Subject) -> str:
    """What was measured."""
    sizes = f"{gigabytes(model.weight_bytes)} of which every token reads {gigabytes(model.read_bytes)}"
    return f"{model.name}, {model.layers} layers, {model.weights} weights, {sizes}"


def seconds(value: float) -> str:
    """A time."""
    return f"{value:.2f} s"


def speed(value: float) -> str:
    """A speed."""
    return f"{value:.2f} tokens/s"


def gigabytes(value: float) -> str:
    """An amount of memory."""
    return f"{value / 1e9:.2f} GB"


def percent(value: float) -> str:
    """A share."""
    return f"{value:.0%}"


def varies(found: Spread) -> str:
    """The slowest and the quickest tenth."""
    return f"{found.low:.2f} to {found.high:.2f}"


def _cells(figure: Figure) -> Cells:
    own = "" if figure.own is None else figure.form(figure.own)
    cells: Cells = (figure.label, own, figure.varies)
    for value in figure.rivals:
        shown = "" if value is None else figure.form(value)
        told = figure.ratio and value and figure.own is not None
        cells += (shown, f"{figure.own / value:.2f}" if told and figure.own is not None and value else "")
    return cells
