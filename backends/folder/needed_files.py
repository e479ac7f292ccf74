"""Which files of a hub's list are needed to run a model. Knows no hub and reads no file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

from arena.errors import BackendError
from backends.folder.checkpoint import INDEXES, WHOLE
from hubs import RemoteFile

SMALL = (
    "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "tokenizer.model", "*.tiktoken",
    "vocab.json", "merges.txt", "special_tokens_map.json", "added_tokens.json", "chat_template.jinja",
    "LICENSE*", "LICENCE*", "MODEL_LICENSE*", "NOTICE*", "README*",
)  # fmt: skip
# Not every *.safetensors: some repositories hold the same weights again in another layout.
SAFETENSORS = ("model*.safetensors", INDEXES[0])
BINARIES = ("pytorch_model*.bin", INDEXES[1])
# Never run, whatever its name matches: a repository's own code is not wanted.
CODE = ("*.py", "*.pyc", "*.so", "*.sh")
# A list is the word of another machine: what it calls a file must be the plain name of one.
PLAIN_NAME = re.compile(r"[^\x00-\x1f\x7f/\\:]+")


def needed_files(listed: Iterable[RemoteFile], repo: str) -> tuple[RemoteFile, ...]:
    """The files to fetch, config.json last, so that nothing takes the folder for a model before it is one.

    Raises BackendError for a list that names paths outside of the folder, or lacks what a model needs.
    """
    files = {file.path: file for file in listed if _checked(file, repo)}
    kinds = SAFETENSORS if any(_matches(name, SAFETENSORS[:1]) for name in files) else BINARIES
    chosen = [file for name, file in files.items() if _matches(name, SMALL + kinds) and not _matches(name, CODE)]
    names = {file.path for file in chosen}
    if "config.json" not in names or names.isdisjoint((*INDEXES, *WHOLE)):
        message = f"{repo} is no model folder: its list has no config.json or no weights."
        raise BackendError("fetch_unfit", message, repo=repo)
    return tuple(sorted(chosen, key=lambda file: (file.path == "config.json", file.path)))


def _checked(file: RemoteFile, repo: str) -> bool:
    """Whether the file lies at the top. Raises BackendError if its name or values cannot be meant well."""
    parts = file.path.replace("\\", "/").split("/")
    hash_fits = file.sha256 is None or re.fullmatch("[0-9a-f]{64}", file.sha256)
    names_fit = all(part not in ("", ".", "..") and PLAIN_NAME.fullmatch(part) for part in parts)
    if not names_fit or not hash_fits or file.size < 0:
        message = f"The file list of {repo} is refused: it names {file.path!r}, which no honest list does."
        raise BackendError("fetch_hostile", message, repo=repo, file=file.path)
    return len(parts) == 1 and "\\" not in file.path


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
