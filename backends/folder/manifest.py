"""fetched.json, which lists the files of a downloaded folder, and the choice of files that a model needs."""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from arena.errors import BackendError
from backends.folder.checkpoint import INDEXES, WHOLE
from hubs import Hub, ListedFile, Repo

MANIFEST = "fetched.json"
BRANCHES = ("main", "master")
SMALL = (
    "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "tokenizer.model", "*.tiktoken",
    "vocab.json", "merges.txt", "special_tokens_map.json", "added_tokens.json", "chat_template.jinja",
    "LICENSE*", "LICENCE*", "MODEL_LICENSE*", "NOTICE*", "README*",
)  # fmt: skip
# Not every *.safetensors: some repositories hold the same weights again in another layout.
_SAFETENSORS = ("model*.safetensors", INDEXES[0])
_BINARIES = ("pytorch_model*.bin", INDEXES[1])
# Never downloaded, whatever else the name matches: the repository's own code is not run.
_CODE = ("*.py", "*.pyc", "*.so", "*.sh")
_PLAIN_NAME = re.compile(r"[^\x00-\x1f\x7f/\\:]+")


@dataclass(frozen=True)
class Manifest:
    """The files of one repository at one revision."""

    hub: Hub
    repo: Repo
    files: tuple[ListedFile, ...]

    @property
    def revision(self) -> str:
        """Identifies the exact bytes: the commit or tag; for a branch, which moves, also the hash of the file list."""
        if self.repo.revision not in BRANCHES:
            return self.repo.revision
        listed = json.dumps(sorted((file.path, file.size, file.sha256) for file in self.files))
        return f"{self.repo.revision}+sha256:{hashlib.sha256(listed.encode()).hexdigest()[:32]}"

    def damaged(self, folder: Path) -> tuple[ListedFile, ...]:
        """The files that are missing in the folder or have another size."""
        return tuple(file for file in self.files if size_of(folder / file.path) != file.size)


def size_of(path: Path) -> int:
    """The size of the file, -1 if there is none."""
    return path.stat().st_size if path.is_file() else -1


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Writes fetched.json atomically."""
    fresh = folder / f"{MANIFEST}.new"
    fresh.write_text(json.dumps(asdict(manifest), indent=1) + "\n", encoding="utf-8")
    fresh.replace(folder / MANIFEST)


def read_manifest(folder: Path) -> Manifest | None:
    """The content of fetched.json; None if it is missing or malformed."""
    from pydantic import TypeAdapter

    try:
        manifest = TypeAdapter(Manifest).validate_json((folder / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return None
    return None if any(Path(file.path).name != file.path for file in manifest.files) else manifest


def needed_files(listed: Iterable[ListedFile], repo: str) -> tuple[ListedFile, ...]:
    """The files to download: the small ones first, with config.json as their last, then the weights.

    Raises BackendError for a list that names paths outside of the folder or lacks what a model needs.
    """
    files = {file.path: file for file in listed if _is_at_top(file, repo)}
    weights = _SAFETENSORS if any(fnmatchcase(name, _SAFETENSORS[0]) for name in files) else _BINARIES
    chosen = [file for name, file in files.items() if matches(name, SMALL + weights) and not matches(name, _CODE)]
    names = {file.path for file in chosen}
    if "config.json" not in names or names.isdisjoint((*INDEXES, *WHOLE)):
        message = f"{repo} is not a model folder: its list has no config.json or no weights."
        raise BackendError("fetch_unfit", message, repo=repo)
    return tuple(sorted(chosen, key=lambda file: (matches(file.path, weights), file.path == "config.json", file.path)))


def _is_at_top(file: ListedFile, repo: str) -> bool:
    """Whether the file lies at the top of the repository. Raises BackendError for a hostile entry."""
    parts = file.path.replace("\\", "/").split("/")
    hash_fits = file.sha256 is None or re.fullmatch("[0-9a-f]{64}", file.sha256)
    names_fit = all(part not in ("", ".", "..") and _PLAIN_NAME.fullmatch(part) for part in parts)
    if not names_fit or not hash_fits or file.size < 0:
        message = f"The file list of {repo} is refused: the entry {file.path!r} is not a valid file."
        raise BackendError("fetch_hostile", message, repo=repo, file=file.path)
    return len(parts) == 1 and "\\" not in file.path


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether the name matches one of the shell patterns."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)
