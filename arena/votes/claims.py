"""One process, one file: which part of a log in a shared folder is this process's own. Knows no contents."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from arena.votes.parts import part_path

# Where locks never work, the search must end. Parts with higher numbers came from elsewhere: nobody appends to them.
MOST_PARTS = 1000


def take_part(folder: Path, name: str, prepare: Callable[[Path], bool]) -> tuple[Path, BaseFileLock]:
    """The first part that nobody holds and that `prepare` finds, or makes, fit to be appended to; with its lock.

    Raises OSError if the folder cannot be written, or what `prepare` raises.
    """
    for number in range(1, MOST_PARTS + 1):
        part = part_path(folder, name, number)
        # Protects the part from other processes. Not bound to a thread: whoever closes the log releases it.
        claim = FileLock(part.with_name(f".{part.name}.lock"), thread_local=False)
        try:
            claim.acquire(timeout=0)
        except Timeout:
            continue
        try:
            usable = prepare(part)
        except BaseException:
            claim.release()
            raise
        if usable:
            return part, claim
        claim.release()
    raise OSError(f"none of {MOST_PARTS} parts could be locked")
