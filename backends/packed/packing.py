"""Fills the folder of a packed model, one layer of each kind first, and compares it with the original."""

import shutil
from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from arena.errors import BackendError, InputError
from backends.families.experts import with_experts
from backends.families.weights import architecture_of, bare_model, map_weights
from backends.folder.checkpoint import sha256_of
from backends.folder.manifest import SMALL, matches
from backends.folder.packed import WEIGHTS, PackedInfo, write_packed
from backends.machine.pages import forget
from backends.packed.compare import Differs, Packed, divergence
from backends.packed.open import load_packed, map_tensors
from backends.packed.scheme import Rounded4
from backends.packed.slices import Slice, first_of_each_kind, packed_tensors, rounding_for, slices_of
from hubs import ListedFile

# More of a model would stay in 16 bits than its name says.
_MOST_STACKED = 0.05


def pack_files(source: Path, part: Path, info: PackedInfo, report: Callable[[int, int, str], None]) -> PackedInfo:
    """Packs the model in `source` into `part`, of which `info` lists what is finished.

    Raises InputError for a model that cannot be packed, BackendError if the result is wrong; both delete `part`.
    """
    try:
        info = _Packing(source, part, info, report).run()
    except InputError:
        shutil.rmtree(part, ignore_errors=True)
        raise
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
        _check_stacked(bare, source.name)
        self._dtypes = {name: value.dtype for name, value in bare.state_dict(keep_vars=True).items()}
        model, self._files = map_weights(self._architecture, experts=True)
        self._slices = slices_of(model)
        self._done, self._total = 0, sum(part.bytes for part in self._slices)
        self._rounding = rounding_for(source, part, info, model, self._files)

    def run(self) -> PackedInfo:
        # Rounding the first layer may take minutes.
        self._report(0, self._total, "reading the original")
        layers = [part for part in self._slices if part.layer is not None]
        others = [part for part in self._slices if part.layer is None]
        with torch.inference_mode():
            self._pack(others)
            self._try(first_of_each_kind(layers), others)
            self._pack(layers)
        self._report(self._total, self._total, "comparing with the original")
        divergence(self._packed(self._slices))
        return self._info

    def _pack(self, slices: Sequence[Slice]) -> None:
        finished = {file.path for file in self._info.files}
        for part in slices:
            name = _file_of(part)
            if name in finished:
                self._tick(name, part.bytes)
                continue
            incomplete = self._part / f"{name}.incomplete"
            save_file(self._tensors(part, self._rounding(part), partial(self._tick, name)), incomplete)
            self._info = _listed(self._part, self._info, incomplete, name)

    def _try(self, layers: Sequence[Slice], others: Sequence[Slice]) -> None:
        """Compares a model of these layers, rounded to the nearest, so that what cannot work fails at once."""
        tensors = [self._tensors(part, {}, lambda size: None) for part in layers]
        packed = self._packed(others)
        numbers = frozenset(part.layer for part in layers if part.layer is not None)
        divergence(replace(packed, tensors=ChainMap(*tensors, dict(packed.tensors)), layers=numbers))

    def _tensors(self, part: Slice, better: Mapping[str, Rounded4], tick: Callable[[int], None]) -> dict[str, Tensor]:
        return packed_tensors(part, self._info, self._dtypes, self._files, better, tick)

    def _packed(self, slices: Sequence[Slice]) -> Packed:
        files = [self._part / _file_of(part) for part in slices]
        tensors = {name: value for file in files for name, value in map_tensors(file).items()}
        return Packed(self._architecture, tensors, files)

    def _tick(self, name: str, size: int) -> None:
        self._done += size
        self._report(self._done, self._total, name)


def _check_stacked(model: nn.Module, name: str) -> None:
    """Raises InputError for a bare model whose experts cannot be packed."""
    weights = dict(model.named_parameters())
    stacked = sum(value.nbytes for place, value in weights.items() if _is_stack(model, place, value))
    share = stacked / sum(value.nbytes for value in weights.values())
    if share > _MOST_STACKED:
        message = (
            f"{name} cannot be quantized: its experts, {share:.0%} of the weights, are stored in a way that is not "
            "supported. Use it in bf16, or a GGUF file of it."
        )
        raise InputError("quantize_experts", message, model=name, share=f"{share:.0%}")


def _is_stack(model: nn.Module, place: str, value: Tensor) -> bool:
    owner = model.get_submodule(place.rpartition(".")[0])
    return value.dim() == 3 and not isinstance(owner, nn.Conv1d)


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
