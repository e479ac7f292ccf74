"""Votes that their raters took back: the log keeps their rows, readers and exports leave them out."""

from __future__ import annotations

from pathlib import Path

from arena.events import read_events

WITHDRAWN = "withdrawn"


def withdrawn_votes(folder: Path) -> frozenset[str]:
    """The ids of all votes of the data folder that were withdrawn."""
    return frozenset(str(event.about.get("vote")) for event in read_events(folder) if event.kind == WITHDRAWN)
