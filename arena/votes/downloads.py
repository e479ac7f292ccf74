"""Copies of the vote log to take away. Knows no page."""

from __future__ import annotations

from pathlib import Path

from arena.shelf import Shelf
from arena.votes.export import export_csv, export_excel
from arena.votes.withdrawn import withdrawn_votes


class Downloads:
    """Makes a fresh copy each time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._shelf = Shelf("arena-export-")

    def __call__(self, excel: bool) -> Path:
        """All votes as votes.csv, or guarded for spreadsheets as votes-excel.csv. Raises InputError."""
        target = self._shelf.new_place() / ("votes-excel.csv" if excel else "votes.csv")
        (export_excel if excel else export_csv)(self._folder, target, withdrawn_votes(self._folder))
        return target
