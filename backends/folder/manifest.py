"""What a fetched folder says of itself in fetched.json: where each file came from, and how long it is.

Knows no hub and no network; a folder without the file is simply one that was copied by hand.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from hubs import Hub, RemoteFile, Repo

MANIFEST = "fetched.json"
BRANCHES = ("main", "master")


@dataclass(frozen=True)
class Manifest:
    """The files of one repository at one revision."""

    hub: Hub
    repo: Repo
    files: tuple[RemoteFile, ...]

    @property
    def revision(self) -> str:
        """Names the exact bytes: the commit or tag, and for a branch, which moves, the hashes of what came from it."""
        if self.repo.revision not in BRANCHES:
            return self.repo.revision
        listed = json.dumps(sorted((file.path, file.size, file.sha256) for file in self.files))
        return f"{self.repo.revision}+sha256:{hashlib.sha256(listed.encode()).hexdigest()[:32]}"

    def damaged(self, folder: Path) -> tuple[str, ...]:
        """The files that are missing in the folder or have another size."""
        return tuple(file.path for file in self.files if size_of(folder / file.path) != file.size)


def size_of(path: Path) -> int:
    """The size of the file, -1 if there is none."""
    return path.stat().st_size if path.is_file() else -1


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Puts fetched.json into the folder at once or not at all."""
    fresh = folder / f"{MANIFEST}.new"
    fresh.write_text(json.dumps(asdict(manifest), indent=1) + "\n", encoding="utf-8")
    fresh.replace(folder / MANIFEST)


def read_manifest(folder: Path) -> Manifest | None:
    """What fetched.json says; None if it is not there or not ours."""
    try:
        data = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        files = tuple(RemoteFile(str(file["path"]), int(file["size"]), file["sha256"]) for file in data["files"])
        repo = Repo(str(data["repo"]["id"]), str(data["repo"]["revision"]))
        hub = data["hub"]
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    if hub not in ("huggingface", "modelscope") or any(Path(file.path).name != file.path for file in files):
        return None
    return Manifest(hub, repo, files)
