"""Reads LoRA adapters with all their parts, and merges them into weights that are floats."""

import re
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from arena.errors import BackendError
from backends.families.weights import QKV_PARTS, split_qkv
from backends.folder.adapter import read_adapter
from backends.folder.checkpoint import first_line, read_tensors, refusal

_PREFIX, _BASE = "base_model.model.", ".base_layer.weight"
_KEY = re.compile(r"(?:base_model\.model\.)?(?P<module>.+)\.lora_(?P<half>[AB])\.weight")
# Where a model that also reads pictures keeps the layers that are the whole model here.
_NESTED = re.compile(r"^model\.language_model\.")
# peft's default for lora_alpha.
_ALPHA = 8


@dataclass(frozen=True)
class Change:
    """What an adapter adds to one layer's weight: scale * B A, with A [rank, columns] and B [rows, rank]."""

    a: Tensor
    b: Tensor
    scale: float


def merge_adapter(model: Any, family: types.ModuleType | None, folder: Path) -> Any:
    """The model with the adapter in `folder` merged into its weights. Raises BackendError."""
    for place, change in read_changes(model, family, folder).items():
        linear = model.get_submodule(place)
        change_of_weight = change.scale * (change.b.float() @ change.a.float())
        # A new tensor: the base's own weights are mapped from its files, and may be shared with the embedding.
        weight = (linear.weight.float() + change_of_weight).to(linear.weight.dtype)
        linear.weight = nn.Parameter(weight, requires_grad=False)
    return model


def read_changes(model: Any, family: types.ModuleType | None, folder: Path) -> dict[str, Change]:
    """What the adapter changes, by layer of the model. Raises BackendError unless it is whole and fits.

    An adapter trained on an original of `family` is mapped to the names used here.
    """
    try:
        config, file = read_adapter(folder)
        if family and (config.get("rank_pattern") or config.get("alpha_pattern")):
            # Patterns contain the original's module names.
            raise ValueError("an adapter of an original must have one rank and one alpha for all modules")
        state = _without_base(_read(file), model)
        halves = dict(_renamed(state, config, family, model.config.get_text_config()))
        sizes = {
            name: (module.out_features, module.in_features)
            for name, module in model.named_modules()
            if hasattr(module, "out_features")
        }
        places = sorted({place for place, _ in halves})
        if not places or (unknown := [place for place in places if place not in sizes]):
            what = unknown[0] if places else "nothing"
            raise ValueError(f"it changes {what}, which the base does not have as a linear layer")
        _check_whole(places, sizes, config, is_native=family is None)
        return {place: _change(place, halves, sizes[place], config) for place in places}
    except BackendError:
        raise
    except Exception as error:  # torch and safetensors raise many kinds
        raise refusal(folder.name, first_line(error)) from error


def _read(file: Path) -> dict[str, Tensor]:
    if file.suffix == ".safetensors":
        read_tensors([file])
        return dict(load_file(file))
    # A .bin file is read as plain data.
    return dict(torch.load(file, map_location="cpu", weights_only=True))


def _without_base(state: Mapping[str, Tensor], model: Any) -> dict[str, Tensor]:
    """The tensors without the base's own output layer, which peft saves beside a change of it."""
    modules = dict(model.named_modules())
    for key, value in state.items():
        if key.endswith(_BASE):
            own = getattr(modules.get(key.removeprefix(_PREFIX).removesuffix(_BASE)), "weight", None)
            if own is None or own.shape != value.shape or not torch.equal(own, value.to(own.dtype)):
                raise ValueError(f"{key} is not the base's; only plain LoRA is supported")
    return {key: value for key, value in state.items() if not key.endswith(_BASE)}


def _renamed(
    state: Mapping[str, Tensor], config: Mapping[str, Any], family: types.ModuleType | None, model: Any
) -> Iterator[tuple[tuple[str, str], Tensor]]:
    """The tensors by this model's layer and half: A (reads) or B (writes)."""
    written = []
    for key, value in state.items():
        match = _KEY.fullmatch(key)
        if match is None:
            raise ValueError(f"{key} is not part of a plain LoRA")
        written.append(match["module"])
        module, half = _NESTED.sub("model.", f"{match['module']}."), match["half"]
        for old, new in family.RENAMES.items() if family else ():
            module = re.sub(old, new, module)
        if family and family.QKV in module:
            # The three parts share what reads; each has its rows of what writes.
            parts = 3 * [value] if half == "A" else split_qkv(value, model)
            for part, own in zip(QKV_PARTS, parts, strict=True):
                yield (module.replace(family.QKV, f".self_attn.{part}"), half), own
        else:
            yield (module.removesuffix("."), half), value
    targets = config.get("target_modules")
    for target in targets if isinstance(targets, list) else ():
        if not any(_ends(module, target) for module in written):
            raise ValueError(f"it has no tensors for {target}, which its target_modules name: the file is incomplete")


def _check_whole(places: Sequence[str], all_places: Iterable[str], config: Mapping[str, Any], is_native: bool) -> None:
    """Raises ValueError if the adapter changes a layer of a kind, but not all that it was trained to change."""
    changed, kinds = set(places), {_kind(place) for place in places}
    is_target = _selected(config.get("target_modules") if is_native else None)
    is_excluded = _selected(config.get("exclude_modules"))
    only = config.get("layers_to_transform")
    only = [only] if isinstance(only, int) else only
    missing = [
        place
        for place in all_places
        if (_kind(place) in kinds or is_target(place))
        and place not in changed
        and not is_excluded(place)
        and (not only or _layer(place) in (None, *only))
    ]
    if missing:
        raise ValueError(f"it has no tensors for {missing[0]} ({len(missing)} are missing): the file is incomplete")


def _selected(names: Any) -> Callable[[str], bool]:
    """Whether a setting of peft's names a layer: a list of ends, or a regular expression for the whole name."""
    if isinstance(names, list):
        return lambda place: any(_ends(place, name) for name in names)
    if isinstance(names, str) and names != "all-linear":
        pattern = re.compile(names)
        return lambda place: pattern.fullmatch(place) is not None
    return lambda place: False


def _ends(place: str, name: str) -> bool:
    return place == name or place.endswith(f".{name}")


def _kind(place: str) -> str:
    return re.sub(r"\d+", "*", place)


def _layer(place: str) -> int | None:
    """The number of the decoder layer; None outside of them."""
    match = re.search(r"\.(\d+)\.", place)
    return int(match[1]) if match else None


def _change(
    place: str, halves: Mapping[tuple[str, str], Tensor], size: tuple[int, int], config: Mapping[str, Any]
) -> Change:
    a, b = halves.get((place, "A")), halves.get((place, "B"))
    if a is None or b is None:
        raise ValueError(f"{place} has lora_{'B' if a is None else 'A'} alone: the file is incomplete")
    rank = _of_pattern(config.get("rank_pattern"), place, config["r"])
    expected = ((rank, size[1]), (size[0], rank))
    if (tuple(a.shape), tuple(b.shape)) != expected:
        shapes = f"{list(a.shape)} and {list(b.shape)} instead of {list(expected[0])} and {list(expected[1])}"
        raise ValueError(f"the halves of {place} are {shapes}")
    if not (a.isfinite().all() and b.isfinite().all()):
        raise ValueError(f"{place} has values that are not finite")
    alpha = _of_pattern(config.get("alpha_pattern"), place, config.get("lora_alpha", _ALPHA))
    return Change(a, b, alpha / (rank**0.5 if config.get("use_rslora") else rank))


def _of_pattern(pattern: Any, place: str, default: Any) -> Any:
    """The value of the first key that matches the end of the layer's name, as peft looks it up."""
    for key, value in (pattern or {}).items():
        if re.fullmatch(rf"(.*\.)?({key})", place):
            return value
    return default
