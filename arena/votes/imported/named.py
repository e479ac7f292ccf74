"""Files of votes that somebody names: patterns, further parts, the same file twice."""

from __future__ import annotations

import glob
from collections.abc import Iterable
from pathlib import Path

from arena.errors import InputError
from arena.votes.parts import FIRST_PART, list_parts


def parts_of_logs(logs: Iterable[Path]) -> list[Path]:
    """All parts of the logs, log by log."""
    return [part for log in logs for part in list_parts(log.parent, log.name)]


def named_logs(files: Iterable[Path]) -> list[Path]:
    """The files as they are named, each once, a pattern (`host*/votes.csv`) as all that it fits; without those that are
    further parts of another one, which brings them along (`list_parts`). Raises InputError for one that is not
    there."""
    named: dict[Path, Path] = {}
    for file in files:
        fitting = [file, *sorted(map(Path, glob.glob(str(file))))]
        found = [path for path in fitting if list_parts(path.parent, path.name)]
        if not found:
            raise _missing(file)
        for path in found:
            named.setdefault(path.resolve(), path)
    further = {part for path in named for part in list_parts(path.parent, path.name) if part != path}
    return [path for place, path in named.items() if place not in further]


def _missing(file: Path) -> InputError:
    if not file.is_dir():
        return InputError("votes_missing", f"There is no file of votes {file.name}.", path=file.name)
    message = f"There is no file of votes {file}: that is a folder, name the file in it, such as {file / FIRST_PART}."
    return InputError("votes_missing", message, path=str(file))
