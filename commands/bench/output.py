"""Prints figures as one JSON object or as lines of text; the end of a figure's name is its unit."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import typer

from commands import errors_in_one_line

Figures = dict[str, Any]
Table = Callable[[Figures], Sequence[str]]
Cells = tuple[str, ...]
# Above this load per core, an engine's threads are slowed down by other processes.
BUSY = 0.5
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
            cells = [tuple(figure_text(*item) for item in row.items()) for row in value]
            lines += [head, *aligned([tuple(map(_label, value[0])), *cells], f"{indent}  ")]
    return lines


def compared(engines: Sequence[Mapping[str, Any]]) -> list[str]:
    """The figures of several engines beside each other; each rival's is followed by the first engine's divided by it.

    Only figures that a rival has. In a list of objects, the first value of each identifies it.
    """
    own, *rivals = map(_rows, engines) if len(engines) > 1 else [{}]
    names = [engine["engine"].partition(" (")[0] for engine in engines[1:]]
    rows: list[Cells] = [("", "this engine", *(cell for name in names for cell in (name, "ours / it")))]
    for (label, unit), value in own.items():
        cells: Cells = (label, figure_text(unit, value))
        for figures in rivals:
            other = figures.get((label, unit))
            cells += (figure_text(unit, other), f"{value / other:.2f}") if other else ("", "")
        if any(cells[2:]):
            rows.append(cells)
    return aligned(rows) if rivals else []


def _rows(figures: Mapping[str, Any]) -> dict[tuple[str, str], Any]:
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


def say(words: str) -> None:
    """Prints progress to stderr."""
    typer.echo(words, err=True)


@contextmanager
def report(command: str, as_json: bool, table: Table = figure_lines) -> Iterator[Figures]:
    """Yields an object for the figures; prints the machine and the table of the figures, or all as one JSON object."""
    figures: Figures = {}
    with errors_in_one_line(as_json, command=command):
        from backends.machine.facts import load_average, surroundings

        machine = surroundings()
        yield figures
        load = load_average()
    if as_json:
        result = {"command": command, "machine": machine, "load_at_end": load, **figures}
        typer.echo(json.dumps(result, ensure_ascii=False))
        return
    lines = figure_lines({"machine": machine, "load_at_end": load}, indent="")
    if machine["load"] and machine["load"][0] > machine["cores"] * BUSY:
        lines.append("The machine was busy before the run: do not compare these figures with other runs or rivals.")
    typer.echo("\n".join([*lines, "", *table(figures)]))
