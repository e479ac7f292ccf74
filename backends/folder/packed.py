"""packed.json, which says how a quantized folder was made and lists its files with their hashes."""

import hashlib
import json
import shlex
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from arena.errors import BackendError
from backends.folder.checkpoint import Weights, check_size, find_weights, member, read_json, read_tensors, refusal
from hubs import ListedFile

PACKED = "packed.json"
# Folders of format 1 lack what is no parameter; in format 2 the scales of int4 have 16 bits, in format 3 they have 8.
FORMATS = {"int4": 3, "int8": 2}
WEIGHTS = "packed-"
METHODS = ("nearest", "gptq")
GROUPS = (32, 64, 128)
# The texts are shown in lists and error messages.
_LONGEST = 200


@dataclass(frozen=True)
class PackedInfo:
    """How a folder was quantized.

    `precision` is int4 or int8; `group` weights share a scale (int4 only). `source` and `revision` name the original
    model, `stamp` its weight files as they were then.
    """

    precision: str
    group: int
    method: str
    source: str
    revision: str
    stamp: str = ""
    files: tuple[ListedFile, ...] = ()

    @property
    def own_revision(self) -> str:
        """Identifies the exact bytes: the source's revision, the scheme, and the hashes of all files."""
        listed = json.dumps(sorted((file.path, file.sha256) for file in self.files))
        digest = hashlib.sha256(listed.encode()).hexdigest()[:16]
        scheme = f"{self.precision}-g{self.group}-{self.method}" if self.precision == "int4" else self.precision
        return f"{self.revision}+{scheme}:{digest}"


def packed_folder(folder: Path, precision: str) -> Path:
    """The quantized folder that belongs to a model's folder: beside it, even if `folder` is a link."""
    named = folder if folder.name not in ("", "..") else folder.resolve()
    return named.with_name(f"{named.name}@{precision}")


def stamp_of(folder: Path) -> str:
    """Identifies the weight files by size, time and inode; hashing them would take minutes. Raises BackendError."""
    digest = hashlib.sha256()
    for path in find_weights(folder).files:
        state = path.stat()
        digest.update(f"{path.name} {state.st_size} {state.st_mtime_ns} {state.st_ino}\n".encode())
    return digest.hexdigest()[:32]


def is_packed(folder: Path) -> bool:
    """Whether the folder has a packed.json."""
    return (folder / PACKED).exists()


def is_outdated(folder: Path) -> bool:
    """Whether the folder was packed in an older format."""
    with suppress(BackendError):
        return is_packed(folder) and (data := read_json(folder, PACKED)).get("format") in range(1, _format_of(data))
    return False


def is_here(folder: Path) -> bool:
    """Whether the folder of a model exists, and not in an older format."""
    return folder.is_dir() and not is_outdated(folder)


def read_packed(folder: Path) -> PackedInfo:
    """The content of packed.json. Raises BackendError if it is damaged or of another format."""
    return packed_info(folder, read_json(folder, PACKED))


def packed_info(folder: Path, data: Mapping[str, Any]) -> PackedInfo:
    """The content of the folder's packed.json. Raises BackendError."""
    name, needed = folder.name, _format_of(data)
    if (number := data.get("format")) != needed:
        shown, command = str(number)[:20], _command(folder, data)
        message = (
            f"{name} is quantized in format {shown}, and this version reads format {needed}. "
            f"Quantize it again: python app.py {command}"
        )
        raise BackendError("packed_format", message, model=name, format=shown, needed=needed, command=command)
    try:
        fields = {key: value for key, value in data.items() if key != "format"}
        info = PackedInfo(**{**fields, "files": tuple(ListedFile(**entry) for entry in data["files"])})
        valid = _is_valid(info)
    except (TypeError, KeyError):
        valid = False
    if not valid:
        raise refusal(name, f"{PACKED} is damaged; quantize it again")
    return info


def write_packed(folder: Path, info: PackedInfo) -> None:
    """Writes packed.json atomically."""
    part = folder / f"{PACKED}.incomplete"
    data = {**asdict(info), "format": FORMATS[info.precision]}
    part.write_text(json.dumps(data, indent=1), encoding="utf-8")
    part.replace(folder / PACKED)


def packed_weights(folder: Path, info: PackedInfo) -> Weights:
    """The weight files, each checked for its size. Raises BackendError."""
    files = {file.path: member(folder, file.path) for file in info.files}
    for file in info.files:
        check_size(files[file.path], file.size, "quantize it again")
    weights = tuple(path for name, path in files.items() if name.startswith(WEIGHTS))
    return Weights(weights, read_tensors(weights))


def _format_of(data: Mapping[str, Any]) -> int:
    """The format that this version reads in a folder of that precision."""
    return FORMATS.get(str(data.get("precision")), max(FORMATS.values()))


def _command(folder: Path, data: Mapping[str, Any]) -> str:
    """The command that makes the folder anew: from the original beside it, or from a new download."""
    name, _, precision = folder.name.rpartition("@")
    if name and (original := folder.with_name(name)).is_dir():
        best = " --best" if data.get("method") == "gptq" else ""
        return f"quantize {shlex.quote(str(original))} --precision {precision}{best}"
    source = str(data.get("source"))[:_LONGEST]
    return (
        f"fetch {shlex.quote(source)}@{precision}"
        if precision in FORMATS and source.isprintable()
        else "quantize MODEL"
    )


def _is_valid(info: PackedInfo) -> bool:
    texts = (info.precision, info.method, info.source, info.revision, info.stamp, *(file.path for file in info.files))
    return (
        all(isinstance(text, str) and text.isprintable() and len(text) <= _LONGEST for text in texts)
        and info.precision in ("int4", "int8")
        and info.method in METHODS
        # JSON's true is an int in Python, and 32.0 equals 32.
        and type(info.group) is int
        and info.group in (0, *GROUPS)
        and all(type(file.size) is int and file.size >= 0 and isinstance(file.sha256, str) for file in info.files)
        # Only plain names: nothing here may lead out of the folder.
        and all(Path(file.path).name == file.path and "\\" not in file.path for file in info.files)
    )
