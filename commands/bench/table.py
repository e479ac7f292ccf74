"""Figures as lines of text; the end of a figure's name is its unit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Cells = tuple[str, ...]
_UNITS: tuple[tuple[str, Callable[[float], str]], ...] = (
    ("ms", lambda value: f"{value:.1f} ms"),
    ("bytes", lambda value: f"{value / 1e9:.2f} GB" if value >= 1e7 else f"{value / 1e3:.1f} kB"),
    ("seconds", lambda value: f"{value:.2f} s"),
    ("share", lambda value: f"{value:.1%}"),
    ("tokens_per_second", lambda value: f"{value:.2f} tokens/s"),
    ("per_second", lambda value: f"{value:,.1f}/s"),
)


def figure_text(name: str, value: Any) -> str:
    """A figure with its unit."""
    if value is None:
        return "not measured"
    if isinstance(value, (str, bool)):
        return str(value)
    for unit, form in _UNITS:
        if name == unit or name.endswith(f"_{unit}"):
            return form(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"


def figure_lines(figures: Mapping[str, Any], indent: str = "  ") -> list[str]:
    """Nested figures as indented lines: a list of objects is a table, an object of plain values one line."""
    lines = []
    for key, value in figures.items():
        head = f"{indent}{_label(key)}:"
        if isinstance(value, Mapping) and all(map(_is_plain, value.values())):
            values = ", ".join(f"{_label(name)} {figure_text(name, item)}" for name, item in value.items())
            lines.append(f"{head} {values or 'none'}")
        elif isinstance(value, Mapping):
            lines += [head, *figure_lines(value, f"{indent}  ")]
        elif _is_plain(value):
            lines.append(f"{head} {figure_text(key, value)}")
        elif all(map(_is_plain, value)):
            lines.append(f"{head} {', '.join(figure_text(key, item) for item in value) or 'none'}")
        else:
            rows = [_flat(item) for item in value]
            cells = [tuple(figure_text(*item) for item in row.items()) for row in rows]
            lines += [head, *aligned([tuple(map(_label, rows[0])), *cells], f"{indent}  ")]
    return lines


def compared(own: Mapping[str, Any], rivals: Sequence[Mapping[str, Any]]) -> list[str]:
    """Figures of one name beside each other; each rival's is followed by ours divided by it.

    A rival has its name in `rival`. In a list of objects, the first value tells which ones belong together.
    """
    full = [rival["rival"] for rival in rivals]
    names = ["llama-bench" if "llama-bench" in name else name.partition(" (")[0] for name in full]
    rows: list[Cells] = [("", "this engine", *(cell for name in names for cell in (name, "ours / it")))]
    theirs = [_rows(rival) for rival in rivals]
    for (label, unit), value in _rows(own).items():
        cells: Cells = (label, figure_text(unit, value))
        for figures in theirs:
            other = figures.get((label, unit))
            cells += (figure_text(unit, other), f"{value / other:.2f}") if other and value else ("", "")
        rows.append(cells)
    legend = [f"  {name}: {rival}" for name, rival in zip(names, full, strict=True) if name != rival]
    return [*aligned(rows), *legend]


def _rows(figures: Mapping[str, Any]) -> dict[tuple[str, str], Any]:
    """Figures by their label and unit."""
    rows: dict[tuple[str, str], Any] = {}
    for key, value in figures.items():
        if isinstance(value, (int, float)):
            rows[_label(key), key] = value
        elif isinstance(value, list):
            for (name, which), (unit, figure), *_ in (entry.items() for entry in value):
                rows[f"{_label(key)}, {which} {_label(name)}", unit] = figure
    return rows


def aligned(rows: Sequence[Cells], indent: str = "  ") -> list[str]:
    """Columns of equal width; the first one is aligned to the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *others in rows:
        cells = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        lines.append(indent + "  ".join([first.ljust(widths[0]), *cells]).rstrip())
    return lines


def _label(name: str) -> str:
    return name.removesuffix("_ms").removesuffix("_bytes").removesuffix("_seconds").replace("_", " ")


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, (str, int, float))


def _flat(figures: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in figures.items():
        nested = {f"{key}_{name}": item for name, item in value.items()} if isinstance(value, Mapping) else {key: value}
        flat.update(nested)
    return flat
