"""Copies votes to a dataset on a schedule and at the end, and brings back at the start what is there.

Each folder has files of its own in the dataset and only ever makes them longer. Before it adds to one, what is there
must be what it has itself; if it is not (the disk is an older one, two folders are twins), the folder goes on under
another name, and nothing is overwritten. Knows no page.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from filelock import FileLock, Timeout

from arena.errors import ArenaError, BackendError, InputError
from arena.votes.backup import BackupStatus, Waiting
from backup.copies import Copies, begins_with, copy_start, load_copies, missing, new_copies, size_of
from hubs import Dataset, status_of

EVERY_SECONDS = 300.0
# A hub that was away is asked again sooner than that.
RETRY_SECONDS = 60.0
# How long a start waits for what is in the dataset, and an end for the last copy.
START_SECONDS, LAST_SECONDS = 60.0, 20.0


class Backup:
    """The backup of one data folder. Several processes may share the folder: one of them copies."""

    def __init__(self, dataset: Dataset, folder: Path, every: float = EVERY_SECONDS) -> None:
        self._dataset = dataset
        self._folder = folder
        self._every = every
        self.waiting = Waiting(folder)
        # Held while this process is the folder's one that copies.
        self._claim = FileLock(folder / ".backup.lock", thread_local=False)
        # Protects the dataset's files of this folder and what is known of them: one copy at a time.
        self._copying = threading.Lock()
        self._wake = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._run, daemon=True, name="backup")
        self._first = threading.Event()
        self._restored = False
        # Replaced as a whole, so that the page sees one state.
        self._outcome: tuple[ArenaError | None, float] = (None, 0.0)

    def start(self, seconds: float = START_SECONDS) -> None:
        """Bring what is missing here, and go on in the background; returns when that is done, or after `seconds`.

        Raises InputError for a folder that cannot be written and a dataset that everybody can read. A hub that does not
        answer, or takes no copies, is asked again in the background: `status` tells.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = error.strerror or str(error)
            message = f"The data folder {self._folder} cannot be written: {reason}."
            raise InputError("data_dir_unwritable", message, folder=str(self._folder), reason=reason) from error
        self._thread.start()
        self._first.wait(seconds)
        problem = self._outcome[0]
        if isinstance(problem, InputError):
            self.close(0.0)
            raise problem

    def status(self) -> BackupStatus:
        """Where votes go, and how many are not there."""
        problem, done = self._outcome
        place = f"{self._dataset.hub} {self._dataset.repo_id}"
        return BackupStatus(place, self.waiting(), problem, done)

    def close(self, seconds: float = LAST_SECONDS) -> None:
        """Copy what is left, for at most `seconds`."""
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
            self._wake.wait(min(self._every, RETRY_SECONDS) if self._outcome[0] else self._every)
        self._claim.release(force=True)  # taken anew by each copy

    def _try(self) -> None:
        try:
            self.copy()
            self._outcome = (None, time.time())
        except ArenaError as error:
            self._outcome = (error, self._outcome[1])
        except Exception as error:  # noqa: BLE001 (whatever the hub's library raises; the page tells)
            self._outcome = (problem_of(error, self._dataset), self._outcome[1])

    def copy(self) -> None:
        """Bring and copy whatever is due. Raises what the hub's library raises, and OSError."""
        with self._copying:
            try:
                self._claim.acquire(timeout=0)
                does_it = True
            except Timeout:  # another process of the folder does it
                does_it = False
            counts = self.waiting.counts()
            copies = load_copies(self._folder)
            is_due = any(copies.is_due(part) for part in copies.own())
            if not does_it or (self._restored and not is_due):
                self.waiting.mark({} if is_due else counts)
                return
            self._check_private()
            sizes = self._dataset.sizes()
            with tempfile.TemporaryDirectory(prefix="arena-backup-") as work:
                copies = self._checked(copies, sizes, Path(work))
                self._bring(copies, sizes)
                self._push(copies, sizes, Path(work))
            self.waiting.mark(counts)

    def _check_private(self) -> None:
        # Each time: it may have been opened, or deleted, since.
        if not self._dataset.prepare():
            name = self._dataset.repo_id
            message = f"{self._dataset.hub} shows {name} to everybody: make the dataset private, or name another."
            raise InputError("backup_public", message, hub=self._dataset.hub)

    def _checked(self, copies: Copies, sizes: Mapping[str, int], work: Path) -> Copies:
        """The same, or those of a new replica where the dataset has what this folder has not."""
        own = {copies.remote_name(part): part for part in copies.own()}
        for name, size in sizes.items():
            if not copies.is_own(name):
                continue
            part = own.get(name)
            # Fetched only after a copy of which nobody heard the end.
            known = part is not None and (
                copies.goes_on(part, size) or begins_with(part, self._dataset.download(name, work / "theirs"))
            )
            if not known:
                return new_copies(self._folder)
        return copies

    def _bring(self, copies: Copies, sizes: Mapping[str, int]) -> None:
        if self._restored:
            return
        # In the folder itself, so that a file appears there whole.
        with tempfile.TemporaryDirectory(prefix=".restore-", dir=self._folder) as work:
            for name in missing(copies, sizes):
                os.replace(self._dataset.download(name, Path(work)), self._folder / name)
        self._restored = True

    def _push(self, copies: Copies, sizes: Mapping[str, int], work: Path) -> None:
        there = {part: size_of(part) for part in copies.own()}
        files: dict[str, Path] = {}
        for part, size in there.items():
            name = copies.remote_name(part)
            if size > sizes.get(name, 0):
                files[name] = work / name
                copy_start(part, size, files[name])
        if files:
            # Known beforehand: a replica that is killed now goes on under the same name.
            copies.save()
            self._dataset.upload(files)
        for part, size in there.items():
            copies.note(part, size)
        copies.save()


def problem_of(error: Exception, dataset: Dataset) -> ArenaError:
    """The one line for what a hub's library raised. Its own words stay out: they may quote a request."""
    status = status_of(error)
    if status in (401, 403):
        message = (
            f"{dataset.hub} does not let this app write to {dataset.repo_id} ({status}): "
            f"set {dataset.login} to a token that may."
        )
        return BackendError("backup_denied", message, hub=dataset.hub, login=dataset.login, status=status)
    reason = str(status or type(error).__name__)
    message = f"{dataset.hub} did not take the votes ({reason}); it is tried again."
    return BackendError("backup_failed", message, hub=dataset.hub, reason=reason)
