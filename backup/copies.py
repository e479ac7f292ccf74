"""Which file of a data folder is which file of the dataset, and how much of it is there. Knows no hub.

The dataset is a data folder itself: every part has a number in it that no other folder's part has, so that each is
added to by one folder alone, and all of them can be read as they lie.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from arena.append_log import MOST_PARTS, part_number, part_path
from arena.errors import InputError
from arena.events import FIRST_PART as EVENTS
from arena.votes.backup import own_parts
from arena.votes.records import FIRST_PART as VOTES

STATE = ".backup.json"
LOGS = (VOTES, EVENTS)
_REPLICAS = range(10**5, 10**11)
_PARTS = 10 * MOST_PARTS
_BLOCK, _TAIL = 1 << 20, 64 << 10  # bytes


@dataclass(frozen=True)
class Pushed:
    """How many bytes of a part are in the dataset, and the sha256 of the last of them (at most _TAIL)."""

    size: int = 0
    tail: str = ""


@dataclass
class Copies:
    """What a folder is called in the dataset (`replica`), and what is there of its own parts, by the part's file name,
    as far as this folder knows."""

    folder: Path
    replica: int
    pushed: dict[str, Pushed] = field(default_factory=dict)

    def remote_name(self, part: Path) -> str:
        """What the part is called in the dataset."""
        name = _log_of(part.name)
        return part_path(Path(), name, self.replica * _PARTS + part_number(part.name, name)).name

    def own(self) -> list[Path]:
        """The parts to copy: votes, then events."""
        return [part for name in LOGS for part in own_parts(self.folder, name)]

    def is_own(self, remote: str) -> bool:
        """Whether a file of the dataset came from this folder."""
        return replica_of(remote) == self.replica

    def is_due(self, part: Path) -> bool:
        """Whether the dataset has not all of it, as far as this folder knows."""
        return size_of(part) > self.pushed.get(part.name, Pushed()).size

    def goes_on(self, part: Path, size: int) -> bool:
        """Whether the dataset's file, of that size, is what was copied last, and the part still begins with it."""
        pushed = self.pushed.get(part.name, Pushed())
        return size == pushed.size <= size_of(part) and _tail(part, size) == pushed.tail

    def note(self, part: Path, size: int) -> None:
        """So much of the part is in the dataset. Raises OSError."""
        self.pushed[part.name] = Pushed(size, _tail(part, size))

    def save(self) -> None:
        """Atomically. Raises OSError."""
        draft = self.folder / f"{STATE}.tmp"
        pushed = {name: asdict(one) for name, one in self.pushed.items()}
        draft.write_text(json.dumps({"replica": self.replica, "pushed": pushed}), encoding="utf-8")
        os.replace(draft, self.folder / STATE)


def load_copies(folder: Path) -> Copies:
    """As saved; a new replica where nothing was, or what was is no longer to be read."""
    try:
        found = json.loads((folder / STATE).read_text(encoding="utf-8"))
        replica, pushed = int(found["replica"]), {name: Pushed(**known) for name, known in found["pushed"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return new_copies(folder)
    return Copies(folder, replica, pushed) if replica in _REPLICAS else new_copies(folder)


def new_copies(folder: Path) -> Copies:
    """Of a folder that is not in the dataset yet."""
    return Copies(folder, _REPLICAS[secrets.randbelow(len(_REPLICAS))])


def replica_of(remote: str) -> int:
    """Which folder a file of the dataset came from; 0 for a file that is no copy of a part."""
    number = max(part_number(remote, name) for name in LOGS)
    return number // _PARTS if number // _PARTS in _REPLICAS else 0


def missing(copies: Copies, sizes: Mapping[str, int]) -> list[str]:
    """What is in the dataset, came from other folders, and is not here, or not all of it."""
    return [
        name
        for name, size in sorted(sizes.items())
        if replica_of(name) and not copies.is_own(name) and size > size_of(copies.folder / name)
    ]


def size_of(path: Path) -> int:
    """In bytes; 0 if there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def begins_with(path: Path, start: Path) -> bool:
    """Whether the one file is the other, or goes on after it."""
    if size_of(path) < size_of(start):
        return False
    with path.open("rb") as whole, start.open("rb") as part:
        return all(block == whole.read(len(block)) for block in iter(lambda: part.read(_BLOCK), b""))


def copy_start(path: Path, size: int, target: Path) -> None:
    """The first bytes of a file that is being added to. Raises OSError."""
    with path.open("rb") as source, target.open("wb") as copy:
        while size and (block := source.read(min(size, _BLOCK))):
            copy.write(block)
            size -= len(block)


def _tail(part: Path, size: int) -> str:
    begin = max(size - _TAIL, 0)
    with part.open("rb") as file:
        file.seek(begin)
        return hashlib.sha256(file.read(size - begin)).hexdigest()


def _log_of(name: str) -> str:
    log = next((log for log in LOGS if part_number(name, log)), None)
    if log is None:
        raise InputError("backup_part", f"{name} is no part of a log.", name=name)
    return log
