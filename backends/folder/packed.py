"""What a packed folder says of itself in packed.json: from what it was made, how, and every file with its hash.

Knows no tensors; a folder without the file is no packed one.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from backends.folder.checkpoint import Weights, check_safetensors, find_weights, member, read_json, refusal

PACKED = "packed.json"
FORMAT = 1
WEIGHTS = "packed-"
METHODS = ("nearest", "gptq")
# Its texts are shown, in lists and refusals.
_LONGEST = 200


@dataclass(frozen=True)
class PackedFile:
    """A file of the folder."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class PackedInfo:
    """`precision` int4 or int8; `group` neighbours share a scale (4 bits alone); the head has 8 bits either way.

    `source` and `revision` name the model that it was made from, `stamp` its very weight files as they lay there;
    `method` is how weights were rounded.
    """

    precision: str
    group: int
    method: str
    source: str
    revision: str
    stamp: str = ""
    files: tuple[PackedFile, ...] = ()
    format: int = FORMAT

    @property
    def own_revision(self) -> str:
        """Names the exact bytes: the source's revision, the scheme, and the hashes of all files."""
        listed = json.dumps(sorted((file.path, file.sha256) for file in self.files))
        digest = hashlib.sha256(listed.encode()).hexdigest()[:16]
        scheme = f"{self.precision}-g{self.group}-{self.method}" if self.precision == "int4" else self.precision
        return f"{self.revision}+{scheme}:{digest}"


def packed_place(folder: Path, precision: str) -> Path:
    """Where the packed folder of a model's folder lies: beside it, under its own name, also where that is a link."""
    named = folder if folder.name not in ("", "..") else folder.resolve()
    return named.with_name(f"{named.name}@{precision}")


def stamp_of(folder: Path) -> str:
    """Names the weight files as they lie there now; another for files that were rewritten or replaced since.

    Their hashes would say more and take as long as reading all of them. Raises BackendError.
    """
    digest = hashlib.sha256()
    for path in find_weights(folder).files:
        state = path.stat()
        digest.update(f"{path.name} {state.st_size} {state.st_mtime_ns} {state.st_ino}\n".encode())
    return digest.hexdigest()[:32]


def is_packed(folder: Path) -> bool:
    """Whether the folder says that it is a packed one."""
    return (folder / PACKED).exists()


def read_packed(folder: Path) -> PackedInfo:
    """Raises BackendError for a packed.json that is damaged or of a later time."""
    found = read_json(folder, PACKED)
    if found.get("format") != FORMAT:
        raise refusal(folder.name, f"it is packed in format {str(found.get('format'))[:20]!r}; quantize it again")
    try:
        info = PackedInfo(**{**found, "files": tuple(PackedFile(**entry) for entry in found["files"])})
    except (TypeError, KeyError) as error:
        raise _damaged(folder) from error
    if not _believable(info):
        raise _damaged(folder)
    return info


def write_packed(folder: Path, info: PackedInfo) -> None:
    """In one step, so that a killed process leaves the old one or the new one."""
    part = folder / f"{PACKED}.incomplete"
    part.write_text(json.dumps(asdict(info), indent=1), encoding="utf-8")
    part.replace(folder / PACKED)


def packed_weights(folder: Path, info: PackedInfo) -> Weights:
    """The weight files, each with the size it should have. Raises BackendError."""
    for file in info.files:
        found = member(folder, file.path).stat().st_size
        if found != file.size:
            reason = f"{file.path} has {found:,} bytes instead of {file.size:,}; quantize it again"
            raise refusal(folder.name, reason)
    weights = tuple(member(folder, file.path) for file in info.files if file.path.startswith(WEIGHTS))
    for path in weights:
        check_safetensors(folder, path, set())
    return Weights(weights, safetensors=True)


def weights_of(folder: Path) -> Weights:
    """The weight files of any folder. Raises BackendError."""
    return packed_weights(folder, read_packed(folder)) if is_packed(folder) else find_weights(folder)


def _believable(info: PackedInfo) -> bool:
    texts = (info.precision, info.method, info.source, info.revision, info.stamp, *(file.path for file in info.files))
    return (
        all(isinstance(text, str) and text.isprintable() and len(text) <= _LONGEST for text in texts)
        and info.precision in ("int4", "int8")
        and info.method in METHODS
        and _whole(info.group)
        and info.group in (0, 32, 64, 128)
        and all(_whole(file.size) and isinstance(file.sha256, str) for file in info.files)
        # Names, not paths: nothing here may lead out of the folder.
        and all(Path(file.path).name == file.path and "\\" not in file.path for file in info.files)
    )


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _damaged(folder: Path) -> Exception:
    return refusal(folder.name, f"{PACKED} is damaged; quantize it again")
