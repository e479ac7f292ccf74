"""Copies of the vote log to take away."""

from __future__ import annotations

from pathlib import Path

from arena.exports.export import export_csv, export_xlsx
from arena.exports.export_files import ExportFolder
from arena.votes.store import store_of


class Downloads:
    """Makes a fresh copy each time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._shelf = ExportFolder("arena-export-")

    def __call__(self, excel: bool) -> Path:
        """All votes as votes.csv, or as votes.xlsx for spreadsheets. Raises InputError."""
        target = self._shelf.new_place() / ("votes.xlsx" if excel else "votes.csv")
        (export_xlsx if excel else export_csv)(store_of(self._folder), target)
        return target
