"""Prints how many votes are counted although some of their text is damaged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from arena.votes.store import ReadReport


def tell_damage(report: ReadReport) -> None:
    """Print one line on stderr if there are any."""
    if not report.damaged:
        return
    first = report.damaged[0]
    typer.echo(
        f"Note: votes counted without their conversations or settings, which are damaged: {len(report.damaged)} "
        f"(the first: {first.part}, line {first.line}, {first.reason}). A spreadsheet cuts long cells.",
        err=True,
    )
