"""Copies of the vote log to take away."""

from __future__ import annotations

from pathlib import Path

from arena.shelf import Shelf
from arena.votes.export import export_csv, export_xlsx
from arena.votes.withdrawn import withdrawn_votes


class Downloads:
    """Makes a fresh copy each time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._shelf = Shelf("arena-export-")

    def __call__(self, excel: bool) -> Path:
        """All votes as votes.csv, or as votes.xlsx for spreadsheets. Raises InputError."""
        target = self._shelf.new_place() / ("votes.xlsx" if excel else "votes.csv")
        (export_xlsx if excel else export_csv)(self._folder, target, withdrawn_votes(self._folder))
        return target
