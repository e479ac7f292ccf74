"""The folder of an incomplete download: `MODEL.part` beside the model's folder.

A file in it without the ending `.incomplete` is complete and checked.
"""

import shutil
from pathlib import Path

from backends.folder.manifest import MANIFEST, Manifest, read_manifest, size_of, write_manifest
from hubs import ListedFile


def part_path(target: Path) -> Path:
    """The folder of the incomplete download of the model whose folder will be `target`."""
    return target.with_name(f"{target.name}.part")


def tidy(target: Path) -> None:
    """Cleans up after a process that was killed while it replaced an older revision."""
    old = _old(target)
    if old.exists() and not target.exists():
        old.rename(target)
    shutil.rmtree(old, ignore_errors=True)


class PartFolder:
    """The incomplete download of the files of `manifest` for the folder `target`."""

    def __init__(self, target: Path, manifest: Manifest) -> None:
        self.path = part_path(target)
        self._target = target
        self._manifest = manifest
        # A damaged model of the same revision, to be repaired.
        self._repairs = read_manifest(target) == manifest

    def missing(self) -> int:
        """The bytes left to download after `begin`; changes nothing."""
        if self._repairs:
            return sum(file.size for file in self._manifest.damaged(self._target))
        return self._manifest.size - sum(self.there(file) for file in self._kept())

    def begin(self) -> None:
        """Prepares the folder: keeps what exists of the same files, or moves a damaged model here."""
        if self._repairs:
            shutil.rmtree(self.path, ignore_errors=True)
            self._target.rename(self.path)
            for file in self._manifest.files:
                path = self.path / file.path
                # The right size proves nothing: the content is checked again.
                if self.is_done(file):
                    path.replace(self.partial(file))
                else:
                    path.unlink(missing_ok=True)
        else:
            self._delete_others()
        self.path.mkdir(exist_ok=True)
        write_manifest(self.path, self._manifest)

    def there(self, file: ListedFile) -> int:
        """The bytes of the file that need not be downloaded again."""
        return file.size if self.is_done(file) else min(max(0, size_of(self.partial(file))), file.size)

    def is_done(self, file: ListedFile) -> bool:
        """Whether the file is complete and checked."""
        return size_of(self.path / file.path) == file.size

    def partial(self, file: ListedFile) -> Path:
        """The path of the file until it has been checked."""
        return self.path / f"{file.path}.incomplete"

    def finish(self, file: ListedFile) -> None:
        """Marks the file as checked."""
        self.partial(file).replace(self.path / file.path)

    def put_in_place(self) -> None:
        """Gives the complete folder its name, without leftovers of an interrupted download."""
        for file in self._manifest.files:
            self.partial(file).unlink(missing_ok=True)
        if self._target.exists():
            # An older revision.
            self._target.rename(_old(self._target))
        self.path.rename(self._target)
        shutil.rmtree(_old(self._target), ignore_errors=True)

    def _delete_others(self) -> None:
        """Deletes files that the new list does not have with the same hash: never files of two revisions."""
        kept = {path for file in self._kept() for path in (self.path / file.path, self.partial(file))}
        # The old list stays until the new one replaces it: without it no file could be kept.
        kept.add(self.path / MANIFEST)
        for path in self.path.iterdir() if self.path.is_dir() else ():
            if path not in kept:
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()

    def _kept(self) -> frozenset[ListedFile]:
        """The files whose bytes so far can be kept."""
        wanted, begun = frozenset(self._manifest.files), read_manifest(self.path)
        if begun == self._manifest:
            return wanted
        return wanted & frozenset(file for file in begun.files if file.sha256) if begun else frozenset()


def _old(target: Path) -> Path:
    return target.with_name(f"{target.name}.old")
