"""The models that can be downloaded, of the catalogue or of a hub's repository, and the folder of each."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from arena.errors import InputError
from backends.folder.gguf import quantization_of
from backends.folder.manifest import first_part
from backends.folder.packed import packed_folder
from backends.models.catalog import FETCHED, PUBLISHED
from hubs import Hub, Repo

PACKED = ("int4", "int8")
PRECISIONS = (*PACKED, "bf16", "fp16", "fp32")
HUBS: Mapping[str, Hub] = {"hf": "huggingface", "modelscope": "modelscope"}
_PREFIXES = tuple(f"{prefix}:" for prefix in HUBS)
# Names that may be folders everywhere, and none that a download uses itself.
_PART = r"(?![^/@:]*(?:\.\.|\.part(?![^/@:])|\.old(?![^/@:])))\w[\w.-]*"
_NAME = re.compile(
    rf"(?P<hub>hf|modelscope):(?P<repo>{_PART}/{_PART})"
    rf"(?:/(?P<file>(?:{_PART}/)*{_PART}\.gguf)|:(?P<quantization>\w+))?(?:@(?P<revision>{_PART}))?",
    re.ASCII,
)


@dataclass(frozen=True)
class Download:
    """A model that can be downloaded into `folder`, from any of `repos`.

    `is_pinned` says whether these are at exact revisions, as in the catalogue; else the hub says which one is meant.
    `file` is the path of a GGUF file in the repository, of a split one its first part; with `quantization` alone the
    one file that has it is meant.
    """

    id: str
    name: str
    folder: Path
    repos: Mapping[Hub, Repo]
    licence: str = ""
    licence_url: str = ""
    is_pinned: bool = False
    file: str = ""
    quantization: str = ""

    @property
    def is_gguf(self) -> bool:
        """Whether a GGUF file is meant."""
        return bool(self.file or self.quantization)

    def of_file(self, path: str) -> Self:
        """The same for this file, which has a folder of its own."""
        repository, _, revision = self.id.partition("@")
        repository = repository.removesuffix(f":{self.quantization}") if self.quantization else repository
        ending = f"@{revision}" if revision else ""
        # No repository has a # in its name.
        folder = self.folder.with_name("#".join((self.folder.name.partition("#")[0], *path.split("/"))))
        name = Path(path).stem + ending
        return replace(self, id=f"{repository}/{path}{ending}", name=name, folder=folder, file=path, quantization="")


def models_dir() -> Path:
    """The folder with the downloaded models (ARENA_MODELS_DIR)."""
    return Path(os.environ.get("ARENA_MODELS_DIR") or "models")


def split_precision(text: str) -> tuple[str, str]:
    """The name and the precision in `NAME@int4`; "" without one."""
    name, _, precision = text.rpartition("@")
    return (name, precision) if precision in PRECISIONS else (text, "")


def download_of(name: str) -> Download | None:
    """The model called `name`, without a precision; None for other names. Raises InputError for a malformed one."""
    if name in PUBLISHED:
        spec = FETCHED[name]
        repos, licence = PUBLISHED[name].repos, {"licence": spec.licence, "licence_url": spec.licence_url}
        return Download(name, spec.name, models_dir() / name, repos, **licence, is_pinned=True)
    if not name.startswith(_PREFIXES):
        return None
    match = _NAME.fullmatch(name)
    if not match:
        forms = "hf:OWNER/NAME[@REVISION], hf:OWNER/NAME/FILE.gguf or hf:OWNER/NAME:Q4_K_M (the same with modelscope:)"
        message = f"{name!r} is not a name of the form {forms}."
        raise InputError("hub_name", message, name=name, forms=forms)
    ending = f"@{match['revision']}" if match["revision"] else ""
    folder = models_dir() / match["hub"] / f"{match['repo']}{ending}"
    repo = Repo(match["repo"], match["revision"] or "")
    download = Download(name, folder.name, folder, {HUBS[match["hub"]]: repo}, quantization=match["quantization"] or "")
    if match["file"]:
        return replace(download, id=f"{match['hub']}:{match['repo']}{ending}").of_file(first_part(match["file"]))
    return _downloaded_file(download) if download.quantization else download


def fetched_folder(name: str) -> Path | None:
    """The folder that `fetch` fills for this name, which may have a precision; None for other names."""
    base, precision = split_precision(name)
    download = download_of(base)
    if not download:
        return None
    return packed_folder(download.folder, precision) if precision in PACKED else download.folder


def _downloaded_file(download: Download) -> Download:
    """The file with the quantization, if exactly one such file was downloaded; else unchanged, without a folder."""
    begin = f"{download.folder.name}#"
    places = download.folder.parent.iterdir() if download.folder.parent.is_dir() else ()
    files = [place.name.removeprefix(begin).split("#") for place in places if place.name.startswith(begin)]
    paths = ["/".join(file) for file in files if file[-1].endswith(".gguf")]
    chosen = [path for path in paths if quantization_of(path).lower() == download.quantization.lower()]
    if len(chosen) == 1:
        return download.of_file(chosen[0])
    return replace(download, folder=download.folder.with_name(f"{begin}{download.quantization}"))
