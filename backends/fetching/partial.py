"""The folder of an incomplete download: `MODEL.part` beside the model's folder.

A file in it without the ending `.incomplete` is complete and checked.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from backends.folder.manifest import MANIFEST, Manifest, read_manifest, size_of, write_manifest
from hubs import RemoteFile


@dataclass(frozen=True)
class PartFolder:
    """The incomplete download of the model whose folder will be `target`."""

    target: Path

    @property
    def path(self) -> Path:
        """The folder itself."""
        return self.target.with_name(f"{self.target.name}.part")

    @property
    def manifest(self) -> Manifest | None:
        """The files to download, once it has begun."""
        return read_manifest(self.path)

    def tidy(self) -> None:
        """Cleans up after a process that was killed while it replaced an older revision."""
        old = self._old()
        if old.exists() and not self.target.exists():
            old.rename(self.target)
        shutil.rmtree(old, ignore_errors=True)

    def missing(self, manifest: Manifest) -> int:
        """The bytes left to download after `begin`; changes nothing."""
        if read_manifest(self.target) == manifest:
            damaged = manifest.damaged(self.target)
            return sum(file.size for file in manifest.files if file.path in damaged)
        kept = self._kept(manifest)
        return sum(file.size - (self.there(file) if file in kept else 0) for file in manifest.files)

    def begin(self, manifest: Manifest) -> None:
        """Prepares the folder for `manifest` and keeps what exists of the same files.

        A damaged model in `target` of the same revision is moved here, to be repaired.
        """
        if read_manifest(self.target) == manifest:
            shutil.rmtree(self.path, ignore_errors=True)
            self.target.rename(self.path)
            for file in manifest.files:
                self._doubt(file)
        else:
            self._keep_the_same(manifest)
        self.path.mkdir(exist_ok=True)
        write_manifest(self.path, manifest)

    def there(self, file: RemoteFile) -> int:
        """The bytes of the file that need not be downloaded again."""
        if self.is_done(file):
            return file.size
        return min(max(0, size_of(self.partial(file))), file.size)

    def is_done(self, file: RemoteFile) -> bool:
        """Whether the file is complete and checked."""
        return size_of(self.path / file.path) == file.size

    def partial(self, file: RemoteFile) -> Path:
        """The path of the file until it has been checked."""
        return self.path / f"{file.path}.incomplete"

    def finish(self, file: RemoteFile) -> None:
        """Marks the file as checked."""
        self.partial(file).replace(self.path / file.path)

    def put_in_place(self, manifest: Manifest) -> None:
        """Gives the complete folder its name, without the rests of an interrupted download."""
        for file in manifest.files:
            self.partial(file).unlink(missing_ok=True)
        if self.target.exists():
            # An older revision.
            self.target.rename(self._old())
        self.path.rename(self.target)
        shutil.rmtree(self._old(), ignore_errors=True)

    def _doubt(self, file: RemoteFile) -> None:
        """Marks a file of the right size as unchecked, and deletes one of another size."""
        path = self.path / file.path
        if size_of(path) == file.size:
            path.replace(self.partial(file))
        else:
            path.unlink(missing_ok=True)

    def _keep_the_same(self, manifest: Manifest) -> None:
        """Deletes files that the new list does not have with the same hash: never files of two revisions."""
        kept = {path for file in self._kept(manifest) for path in (self.path / file.path, self.partial(file))}
        # The old list stays until the new one replaces it: without it no file could be kept.
        kept.add(self.path / MANIFEST)
        for path in self.path.iterdir() if self.path.is_dir() else ():
            if path not in kept:
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()

    def _kept(self, manifest: Manifest) -> frozenset[RemoteFile]:
        """The files of `manifest` whose bytes so far can be kept."""
        begun = self.manifest
        if begun == manifest:
            return frozenset(manifest.files)
        return frozenset(file for file in (begun.files if begun else ()) if file.sha256) & frozenset(manifest.files)

    def _old(self) -> Path:
        return self.target.with_name(f"{self.target.name}.old")
