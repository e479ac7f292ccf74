"""Fills the folder of a packed model, and compares it with the original."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import save_file

from arena.errors import BackendError
from backends.families.experts import with_experts
from backends.families.weights import architecture_of, bare_model, map_weights
from backends.folder.checkpoint import sha256_of
from backends.folder.manifest import SMALL, matches
from backends.folder.packed import WEIGHTS, PackedInfo, write_packed
from backends.machine.pages import forget
from backends.packed.compare import Differs, Packed, divergence
from backends.packed.open import load_packed, map_tensors
from backends.packed.slices import Slice, packed_tensors, rounding_for, slices_of
from hubs import ListedFile


def pack_files(source: Path, part: Path, info: PackedInfo, report: Callable[[int, int, str], None]) -> PackedInfo:
    """Packs the model in `source` into `part`, of which `info` lists what is finished.

    Raises BackendError if the result is wrong, and deletes `part`.
    """
    try:
        info = _Packing(source, part, info, report).run()
    except Differs as error:
        shutil.rmtree(part, ignore_errors=True)
        message = f"{source.name} cannot be quantized, and nothing was kept: {error}."
        raise BackendError("quantize_differs", message, model=source.name, reason=str(error)) from error
    info = _copy_small(source, part, info)
    # As the page opens it.
    load_packed(architecture_of(part))
    return info


class _Packing:
    def __init__(self, source: Path, part: Path, info: PackedInfo, report: Callable[[int, int, str], None]) -> None:
        self._part, self._info, self._report = part, info, report
        self._architecture = architecture_of(source)
        bare = with_experts(bare_model(self._architecture))
        self._dtypes = {name: value.dtype for name, value in bare.state_dict(keep_vars=True).items()}
        model, self._files = map_weights(self._architecture, experts=True)
        self._slices = slices_of(model)
        self._done, self._total = 0, sum(part.bytes for part in self._slices)
        self._rounding = rounding_for(source, part, info, model, self._files)

    def run(self) -> PackedInfo:
        # Rounding the first layer may take minutes.
        self._report(0, self._total, "reading the original")
        with torch.inference_mode():
            for part in self._slices:
                self._pack(part)
        self._report(self._total, self._total, "comparing with the original")
        files = [self._part / _file_of(part) for part in self._slices]
        tensors = {name: value for file in files for name, value in map_tensors(file).items()}
        divergence(Packed(self._architecture, tensors, files))
        return self._info

    def _pack(self, part: Slice) -> None:
        name = _file_of(part)
        if any(file.path == name for file in self._info.files):  # finished by an interrupted run
            self._tick(name, part.bytes)
            return
        incomplete = self._part / f"{name}.incomplete"
        better, tick = self._rounding(part), partial(self._tick, name)
        save_file(packed_tensors(part, self._info, self._dtypes, self._files, better, tick), incomplete)
        self._info = _listed(self._part, self._info, incomplete, name)

    def _tick(self, name: str, size: int) -> None:
        self._done += size
        self._report(self._done, self._total, name)


def _file_of(part: Slice) -> str:
    return f"{WEIGHTS}{part.name}.safetensors"


def _copy_small(source: Path, part: Path, info: PackedInfo) -> PackedInfo:
    """Copies configuration, tokenizer and licence, but no code; config.json last: without it there is no model."""
    names = [path.name for path in source.iterdir() if path.is_file() and matches(path.name, SMALL)]
    for name in sorted(names, key=lambda name: (name == "config.json", name)):
        incomplete = part / f"{name}.incomplete"
        shutil.copyfile(source / name, incomplete)
        info = _listed(part, info, incomplete, name)
    return info


def _listed(folder: Path, info: PackedInfo, incomplete: Path, name: str) -> PackedInfo:
    """Gives a finished file its name and adds it to packed.json."""
    digest = sha256_of(incomplete)
    with incomplete.open("rb") as file:
        forget(file)
    # The library makes files that only their owner can read.
    incomplete.chmod(0o644)
    entry = ListedFile(name, incomplete.stat().st_size, digest)
    incomplete.replace(folder / name)
    info = replace(info, files=(*(file for file in info.files if file.path != name), entry))
    write_packed(folder, info)
    return info
