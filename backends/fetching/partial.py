"""The folder that a model lies in while it comes: `MODEL.part` beside the one it is to become. Knows no hub.

In it a file without the ending `.incomplete` has been compared with its hash since it came.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from backends.folder.manifest import MANIFEST, Manifest, read_manifest, size_of, write_manifest
from hubs import RemoteFile


@dataclass(frozen=True)
class PartFolder:
    """What has come so far of the model whose folder will be `target`."""

    target: Path

    @property
    def path(self) -> Path:
        """The folder itself."""
        return self.target.with_name(f"{self.target.name}.part")

    @property
    def manifest(self) -> Manifest | None:
        """What it is becoming, if it has been begun."""
        return read_manifest(self.path)

    def tidy(self) -> None:
        """Take away what a process that was killed while it put a new revision in place left behind."""
        old = self._old()
        if old.exists() and not self.target.exists():
            old.rename(self.target)
        shutil.rmtree(old, ignore_errors=True)

    def missing(self, manifest: Manifest) -> int:
        """How many bytes are still to come once `begin` has been called; changes nothing."""
        if read_manifest(self.target) == manifest:
            damaged = manifest.damaged(self.target)
            return sum(file.size for file in manifest.files if file.path in damaged)
        kept = self._kept(manifest)
        return sum(file.size - (self.there(file) if file in kept else 0) for file in manifest.files)

    def begin(self, manifest: Manifest) -> None:
        """Make the folder ready for `manifest`, with what is there already of the very same files.

        A model in `target` of the same revision is taken in, to be made whole.
        """
        if read_manifest(self.target) == manifest:
            shutil.rmtree(self.path, ignore_errors=True)
            self.target.rename(self.path)
            for file in manifest.files:
                self._doubt(file)
        else:
            self._keep_the_same(manifest)
        self.path.mkdir(exist_ok=True)
        # Here it says what the folder is becoming; the name of the folder says that it is not yet.
        write_manifest(self.path, manifest)

    def there(self, file: RemoteFile) -> int:
        """How many bytes of the file need not come again."""
        if self.is_done(file):
            return file.size
        return min(max(0, size_of(self.partial(file))), file.size)

    def is_done(self, file: RemoteFile) -> bool:
        """Whether the file has come and been checked."""
        return size_of(self.path / file.path) == file.size

    def partial(self, file: RemoteFile) -> Path:
        """Where the file lies until it has been checked."""
        return self.path / f"{file.path}.incomplete"

    def finish(self, file: RemoteFile) -> None:
        """Say that the file has been checked."""
        self.partial(file).replace(self.path / file.path)

    def put_in_place(self, manifest: Manifest) -> None:
        """Give the whole folder its name, without what a broken fetch may have left in it."""
        for file in manifest.files:
            self.partial(file).unlink(missing_ok=True)
        if self.target.exists():
            # Another revision, fetched earlier.
            self.target.rename(self._old())
        self.path.rename(self.target)
        shutil.rmtree(self._old(), ignore_errors=True)

    def _doubt(self, file: RemoteFile) -> None:
        """Have a file that has been in use compared with its hash again; one of another size comes anew."""
        path = self.path / file.path
        if size_of(path) == file.size:
            path.replace(self.partial(file))
        else:
            path.unlink(missing_ok=True)

    def _keep_the_same(self, manifest: Manifest) -> None:
        """Never files of two revisions: what the new list does not have by the same hash goes."""
        kept = {path for file in self._kept(manifest) for path in (self.path / file.path, self.partial(file))}
        # The list goes last, when the next one takes its place: without it all that came would be doubted.
        kept.add(self.path / MANIFEST)
        for path in self.path.iterdir() if self.path.is_dir() else ():
            if path not in kept:
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()

    def _kept(self, manifest: Manifest) -> frozenset[RemoteFile]:
        """The files of `manifest` of which what has come so far is good."""
        begun = self.manifest
        if begun == manifest:
            return frozenset(manifest.files)
        return frozenset(file for file in (begun.files if begun else ()) if file.sha256) & frozenset(manifest.files)

    def _old(self) -> Path:
        return self.target.with_name(f"{self.target.name}.old")
