"""fetched.json, which lists the files of a downloaded folder, and the choice of files that a model needs."""

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path

from arena.errors import BackendError, InputError
from backends.folder.checkpoint import INDEXES, WHOLE
from backends.folder.gguf import part_names, quantization_of
from hubs import Hub, ListedFile, Repo

MANIFEST = "fetched.json"
# A commit, or a tag for a version; everything else may be a branch, which moves.
_EXACT = re.compile(r"[0-9a-f]{40}|v\d[\w.]*")
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
# Files that an error message lists.
_MOST_SHOWN = 12
_PLAIN_NAME = re.compile(r"[^\x00-\x1f\x7f/\\:]+")


@dataclass(frozen=True)
class Manifest:
    """Files of one repository at one revision, all of them from its folder `under`."""

    hub: Hub
    repo: Repo
    files: tuple[ListedFile, ...]
    under: str = ""

    @property
    def revision(self) -> str:
        """Identifies the exact bytes: the commit or tag; for a branch also the hash of the file list."""
        if _EXACT.fullmatch(self.repo.revision):
            return self.repo.revision
        listed = json.dumps(sorted((file.path, file.size, file.sha256) for file in self.files))
        return f"{self.repo.revision}+sha256:{hashlib.sha256(listed.encode()).hexdigest()[:32]}"

    @property
    def size(self) -> int:
        """The bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def weights(self) -> tuple[ListedFile, ...]:
        """The files with weights."""
        return tuple(file for file in self.files if file.path.endswith((".safetensors", ".bin", ".gguf")))

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


def needed_files(listed: Iterable[ListedFile], repo: str, pickled: bool = True) -> tuple[ListedFile, ...]:
    """The files to download: the small ones first, with config.json as their last, then the weights.

    Raises BackendError for a list that names paths outside of the folder or lacks what a model needs, and InputError if
    there are only PyTorch's pickled weights but these are not wanted, or only GGUF files.
    """
    paths = [_checked(file, repo) for file in listed]
    files = {file.path: file for file in paths if "/" not in file.path}
    weights = _SAFETENSORS if any(fnmatchcase(name, _SAFETENSORS[0]) for name in files) else _BINARIES
    chosen = [file for name, file in files.items() if matches(name, SMALL + weights) and not matches(name, _CODE)]
    names = {file.path for file in chosen}
    if weights is _BINARIES:
        if ggufs := [name for name in sorted(files) if name.endswith(".gguf")]:
            listing = shown_list(ggufs)
            message = f"{repo} holds GGUF files: name one of them, as in {repo}/{ggufs[0]}. It has {listing}."
            raise InputError("fetch_gguf", message, repo=repo, file=ggufs[0], files=listing)
        if not pickled and not names.isdisjoint((WHOLE[1], INDEXES[1])):
            message = f"{repo} has its weights as pickled .bin files only, which are not downloaded by name."
            raise InputError("fetch_pickled", f"{message} Use a repository with safetensors or a GGUF file.", repo=repo)
    if "config.json" not in names or names.isdisjoint((*INDEXES, *WHOLE)):
        message = f"{repo} is not a model folder: its list has no config.json or no weights."
        raise BackendError("fetch_unfit", message, repo=repo)
    return tuple(sorted(chosen, key=lambda file: (matches(file.path, weights), file.path == "config.json", file.path)))


def gguf_files(listed: Iterable[ListedFile], repo: str, path: str, quantization: str) -> tuple[str, list[ListedFile]]:
    """The folder and the parts of the GGUF file at `path`, or of the only one that has the quantization.

    Raises BackendError for a list with paths outside of the repository, and InputError if there is no such file.
    """
    files = {file.path: file for file in (_checked(file, repo) for file in listed)}
    names = sorted(name for name in files if name.endswith(".gguf") and name == first_part(name))
    wanted = quantization or path
    if quantization:
        chosen = [name for name in names if quantization_of(name).lower() == quantization.lower()]
    else:
        chosen = [name for name in names if name == first_part(path)]
    if len(chosen) != 1:
        close = chosen or get_close_matches(wanted, names, 5, 0.3) or names
        message = f"{repo} has {'several files' if chosen else 'no file'} {wanted}. It has: {shown_list(close)}."
        raise InputError("fetch_file", message, repo=repo, file=wanted, files=shown_list(close))
    under, _, name = chosen[0].rpartition("/")
    places = [f"{under}/{part}".removeprefix("/") for part in part_names(name)]
    if missing := [place for place in places if place not in files]:
        raise InputError("fetch_part", f"{repo} lacks {missing[0]}, a part of the file.", repo=repo, file=missing[0])
    return under, [replace(files[place], path=place.rpartition("/")[2]) for place in places]


def first_part(path: str) -> str:
    """The path of the first part of a split GGUF file; of another file its own."""
    under, slash, name = path.rpartition("/")
    return under + slash + part_names(name)[0]


def shown_list(names: Sequence[str]) -> str:
    """The names, as far as one line has room for them."""
    return ", ".join(names[:_MOST_SHOWN]) + (", ..." if len(names) > _MOST_SHOWN else "")


def _checked(file: ListedFile, repo: str) -> ListedFile:
    """The entry of a list. Raises BackendError for a hostile one."""
    parts = file.path.replace("\\", "/").split("/")
    hash_fits = file.sha256 is None or re.fullmatch("[0-9a-f]{64}", file.sha256)
    names_fit = all(part not in ("", ".", "..") and _PLAIN_NAME.fullmatch(part) for part in parts)
    if not names_fit or not hash_fits or file.size < 0:
        message = f"The file list of {repo} is refused: the entry {file.path!r} is not a valid file."
        raise BackendError("fetch_hostile", message, repo=repo, file=file.path)
    return replace(file, path="/".join(parts))


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether the name matches one of the shell patterns."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)
