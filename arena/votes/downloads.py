"""Copies of the vote log to take away, in a temporary folder that is kept small. Knows no page."""

from __future__ import annotations

import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from arena.votes.export import export_csv, export_excel
from arena.votes.withdrawn import withdrawn_votes

KEEP_SECONDS = 600.0


class Downloads:
    """Makes a fresh copy each time; copies older than ten minutes go."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Goes with this object, or when the process ends: copies of votes are not left lying about.
        self._owner = tempfile.TemporaryDirectory(prefix="arena-export-", ignore_cleanup_errors=True)
        self._place = Path(self._owner.name)

    def __call__(self, excel: bool) -> Path:
        """All votes as votes.csv, or guarded for spreadsheets as votes-excel.csv. Raises InputError."""
        self._tidy()
        place = self._place / uuid4().hex
        place.mkdir(parents=True)
        target = place / ("votes-excel.csv" if excel else "votes.csv")
        (export_excel if excel else export_csv)(self._folder, target, withdrawn_votes(self._folder))
        return target

    def _tidy(self) -> None:
        for place in self._place.iterdir() if self._place.exists() else ():
            with suppress(FileNotFoundError):  # another call was quicker
                if time.time() - place.stat().st_mtime > KEEP_SECONDS:
                    shutil.rmtree(place, ignore_errors=True)
