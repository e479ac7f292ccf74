"""A temporary folder for files to take away, kept small. Knows nothing of what is in them."""

from __future__ import annotations

import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

KEEP_SECONDS, MOST_PLACES = 600.0, 32


class ExportFolder:
    """Gives each file a folder of its own; those older than ten minutes go, the oldest of too many, and all of them
    with this object."""

    def __init__(self, prefix: str) -> None:
        # Goes when the process ends as well: copies are not left lying about.
        self._owner = tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True)
        self._place = Path(self._owner.name)

    def new_place(self) -> Path:
        """An empty folder."""
        self._tidy()
        place = self._place / uuid4().hex
        place.mkdir(parents=True)
        return place

    def _tidy(self) -> None:
        made: list[tuple[float, Path]] = []
        for place in self._place.iterdir() if self._place.exists() else ():
            with suppress(FileNotFoundError):  # another call was quicker
                made.append((place.stat().st_mtime, place))
        newest_first = sorted(made, reverse=True)
        for number, (at, place) in enumerate(newest_first, start=1):
            if number >= MOST_PLACES or time.time() - at > KEEP_SECONDS:
                shutil.rmtree(place, ignore_errors=True)
