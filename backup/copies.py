"""What each part of a data folder is called in the dataset, and how much of it was copied.

The dataset is a data folder itself. Its parts have numbers that no other folder's parts have, so that only one folder
appends to each, and all of them can be read together.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from arena.append_log import MOST_PARTS, part_number, part_path, size_of
from arena.events import FIRST_PART as EVENTS
from arena.votes.backup_status import own_parts
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
    """The number of a folder in the dataset (`replica`), and what the dataset has of its own parts, by file name."""

    folder: Path
    replica: int
    pushed: dict[str, Pushed] = field(default_factory=dict)

    def own(self) -> dict[str, Path]:
        """The parts to copy by their name in the dataset: votes, then events."""
        return {
            part_path(Path(), log, self.replica * _PARTS + part_number(part.name, log)).name: part
            for log in LOGS
            for part in own_parts(self.folder, log)
        }

    def is_due(self, part: Path) -> bool:
        """Whether part of the file has not been copied yet."""
        return size_of(part) > self.pushed.get(part.name, Pushed()).size

    def continues(self, part: Path, size: int) -> bool:
        """Whether the file in the dataset, of that size, is the last copy, and the part still begins with it."""
        pushed = self.pushed.get(part.name, Pushed())
        return size == pushed.size <= size_of(part) and _tail(part, size) == pushed.tail

    def note(self, part: Path, size: int) -> None:
        """Notes that the first `size` bytes of the part are in the dataset. Raises OSError."""
        self.pushed[part.name] = Pushed(size, _tail(part, size))

    def save(self) -> None:
        """Saves the state in the folder, atomically. Raises OSError."""
        draft = self.folder / f"{STATE}.tmp"
        pushed = {name: asdict(state) for name, state in self.pushed.items()}
        draft.write_text(json.dumps({"replica": self.replica, "pushed": pushed}), encoding="utf-8")
        os.replace(draft, self.folder / STATE)


def load_copies(folder: Path) -> Copies:
    """The saved state; a new replica if there is none or it cannot be read."""
    try:
        state = json.loads((folder / STATE).read_text(encoding="utf-8"))
        replica, pushed = int(state["replica"]), {name: Pushed(**part) for name, part in state["pushed"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return new_copies(folder)
    return Copies(folder, replica, pushed) if replica in _REPLICAS else new_copies(folder)


def new_copies(folder: Path) -> Copies:
    """The state of a folder that is not in the dataset yet."""
    return Copies(folder, _REPLICAS[secrets.randbelow(len(_REPLICAS))])


def replica_of(remote: str) -> int:
    """The replica that a file of the dataset came from; 0 for a file that is not a copy of a part."""
    number = max(part_number(remote, name) for name in LOGS)
    return number // _PARTS if number // _PARTS in _REPLICAS else 0


def missing(copies: Copies, sizes: Mapping[str, int]) -> list[str]:
    """The files of other folders in the dataset that are missing here, or shorter here."""
    return [
        name
        for name, size in sorted(sizes.items())
        if replica_of(name) not in (0, copies.replica) and size > size_of(copies.folder / name)
    ]


def begins_with(path: Path, start: Path) -> bool:
    """Whether the content of the first file begins with that of the second."""
    if size_of(path) < size_of(start):
        return False
    with path.open("rb") as whole, start.open("rb") as part:
        return all(block == whole.read(len(block)) for block in iter(lambda: part.read(_BLOCK), b""))


def copy_start(path: Path, size: int, target: Path) -> None:
    """Copies the first bytes of a file that may be growing. Raises OSError."""
    with path.open("rb") as source, target.open("wb") as copy:
        while size and (block := source.read(min(size, _BLOCK))):
            copy.write(block)
            size -= len(block)


def _tail(part: Path, size: int) -> str:
    start = max(size - _TAIL, 0)
    with part.open("rb") as file:
        file.seek(start)
        return hashlib.sha256(file.read(size - start)).hexdigest()
