"""Copies votes and events to a dataset regularly and at the end, and restores at the start what the dataset has.

The dataset is a data folder itself. Each folder has its own files there, whose numbers no other folder has, and only
makes them longer; all of them can be read together. Before it does, its own part must begin with what the dataset has.
If it does not (an older disk, a copied folder), the folder continues under a new name, and nothing is overwritten.
"""

import hashlib
import json
import os
import secrets
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from arena.append_log import MOST_PARTS, list_parts, part_number, part_path, size_of, writing_to
from arena.errors import ArenaError, BackendError, InputError
from arena.events import FIRST_PART as EVENTS
from arena.votes.backup_status import BackupStatus, Waiting, own_parts
from arena.votes.records import FIRST_PART as VOTES
from hubs import Dataset, status_of

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

    def restored(self) -> dict[str, Path]:
        """The parts of other folders by their name in the dataset."""
        parts = (part for log in LOGS for part in list_parts(self.folder, log))
        return {part.name: part for part in parts if replica_of(part.name) not in (0, self.replica)}

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


# ---- the schedule


EVERY_SECONDS = 300.0
# A failed copy is tried again sooner.
RETRY_SECONDS = 60.0
# The longest wait at the start for the restore, and at the end for the last copy.
START_SECONDS, LAST_SECONDS = 60.0, 20.0


class Backup:
    """The backup of one data folder. Of several processes on the folder one copies."""

    def __init__(self, dataset: Dataset, folder: Path) -> None:
        self._dataset = dataset
        self._folder = folder
        self.waiting = Waiting(folder)
        # Held while this process is the one that copies.
        self._claim = FileLock(folder / ".backup.lock", thread_local=False)
        self._wake = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._run, daemon=True, name="backup")
        self._first = threading.Event()
        self._restored = False
        # Whether the last copy succeeded: if not, the dataset may lack more than what is due.
        self._is_complete = False
        # Replaced as a whole, so that the page sees one state.
        self._outcome: tuple[ArenaError | None, float] = (None, 0.0)

    def start(self, seconds: float = START_SECONDS) -> None:
        """Restores what is missing and starts the background copies; returns after the first copy, or after `seconds`.

        Raises InputError for an unwritable folder and a public dataset. Other failures are retried; see `status`.
        """
        with writing_to(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
        self._thread.start()
        self._first.wait(seconds)
        problem = self._outcome[0]
        if isinstance(problem, InputError):
            self.close(0.0)
            raise problem

    def status(self) -> BackupStatus:
        """The destination of the votes, and how many are not there yet."""
        problem, done = self._outcome
        return BackupStatus(f"{self._dataset.hub} {self._dataset.repo_id}", self.waiting(), problem, done)

    def close(self, seconds: float = LAST_SECONDS) -> None:
        """Copies what is left, for at most `seconds`."""
        self._closing = True
        self._wake.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        while True:
            last = self._closing
            self._try()
            self._first.set()
            if last:
                break
            self._wake.wait(RETRY_SECONDS if self._outcome[0] else EVERY_SECONDS)
        self._claim.release(force=True)  # each copy acquires it again

    def _try(self) -> None:
        try:
            self.copy()
            self._outcome = (None, time.time())
        except ArenaError as error:
            self._outcome = (error, self._outcome[1])
        except Exception as error:  # noqa: BLE001 (the hub's library raises anything; the page shows it)
            self._outcome = (_problem_of(error, self._dataset), self._outcome[1])

    def copy(self) -> None:
        """Restores and copies what is due. Raises what the hub's library raises, and OSError."""
        try:
            self._claim.acquire(timeout=0)
            is_holder = True
        except Timeout:  # another process on the folder copies
            is_holder = False
        counts = self.waiting.counts()
        copies = load_copies(self._folder)
        is_due = any(copies.is_due(part) for part in copies.own().values())
        if not is_holder or (self._is_complete and not is_due):
            self.waiting.mark({} if is_due else counts)
            return
        self._is_complete = False
        # Each time: it may have been published or deleted since.
        if not self._dataset.prepare():
            message = f"{self._dataset.repo_id} on {self._dataset.hub} is public: make it private, or name another one."
            raise InputError("backup_public", message, hub=self._dataset.hub)
        sizes = self._dataset.sizes()
        with tempfile.TemporaryDirectory(prefix="arena-backup-") as work:
            copies = self._checked(copies, sizes, Path(work))
            self._restore(copies, sizes)
            self._upload(copies, sizes, Path(work))
        self._is_complete = True
        self.waiting.mark(counts)

    def _checked(self, copies: Copies, sizes: Mapping[str, int], work: Path) -> Copies:
        """The same copies, or those of a new replica if the dataset has content that this folder lacks."""
        own = copies.own()
        for name, size in sizes.items():
            if replica_of(name) != copies.replica:
                continue
            part = own.get(name)
            # Downloaded only after a copy whose outcome is unknown.
            is_known = part is not None and (
                copies.continues(part, size) or begins_with(part, self._dataset.download(name, work / "theirs"))
            )
            if not is_known:
                return new_copies(self._folder)
        return copies

    def _restore(self, copies: Copies, sizes: Mapping[str, int]) -> None:
        if self._restored:
            return
        # In the folder itself, so that each file appears whole.
        with tempfile.TemporaryDirectory(prefix=".restore-", dir=self._folder) as work:
            for name in missing(copies, sizes):
                os.replace(self._dataset.download(name, Path(work)), self._folder / name)
        self._restored = True

    def _upload(self, copies: Copies, sizes: Mapping[str, int], work: Path) -> None:
        # A dataset that was deleted, or is another one, lacks what earlier folders had there.
        parts = copies.own() | {name: part for name, part in copies.restored().items() if name not in sizes}
        lengths = {part: size_of(part) for part in parts.values()}
        files: dict[str, Path] = {}
        for name, part in parts.items():
            if lengths[part] > sizes.get(name, 0):
                files[name] = work / name
                copy_start(part, lengths[part], files[name])
        if files:
            # Saved before: a replica that is killed now continues under the same name.
            copies.save()
            self._dataset.upload(files)
        for part, size in lengths.items():
            copies.note(part, size)
        copies.save()


def _problem_of(error: Exception, dataset: Dataset) -> ArenaError:
    # Without the library's own message: it may quote a request.
    status = status_of(error)
    if status in (401, 403):
        message = (
            f"{dataset.hub} does not let this app write to {dataset.repo_id} ({status}): "
            f"set {dataset.login} to a token that may."
        )
        return BackendError("backup_denied", message, hub=dataset.hub, login=dataset.login, status=status)
    reason = str(status or type(error).__name__)
    message = f"{dataset.hub} did not accept the votes ({reason}); the app will try again."
    return BackendError("backup_failed", message, hub=dataset.hub, reason=reason)
