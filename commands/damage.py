"""Tells that votes count of which a text is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from arena.votes.store import ReadReport


def tell_damage(report: ReadReport) -> None:
    """One line on stderr, if there are any."""
    if not report.damaged:
        return
    first = report.damaged[0]
    typer.echo(
        f"Note: {len(report.damaged)} of the votes lack their conversations or settings, which are damaged "
        f"(the first is in {first.part}, line {first.line}: {first.reason}). A spreadsheet cuts long cells.",
        err=True,
    )
