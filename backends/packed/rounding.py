"""What rounds weights better than to the nearest, slice by slice.

A run that was stopped is taken up again: what is known already is not rounded a second time, but the text has to go
through all layers anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import nn

from backends.families.chat_formats import open_chat
from backends.folder.checkpoint import read_config
from backends.folder.packed import WEIGHTS, PackedInfo
from backends.packed.calibrate import calibrated
from backends.packed.calibration_text import calibration_ids
from backends.packed.scheme import Rounded4, fitting_group
from backends.packed.slices import Slice, slice_name
from backends.packed.weight_layout import unpack4

Known = Callable[[str, int], Rounded4 | None]


class Nearest:
    """Nothing is better."""

    def of(self, part: Slice) -> Mapping[str, Rounded4]:
        """No module."""
        return {}


class Compensated:
    """Each weight by what its layer makes of a text (GPTQ). Slices must come in the order of the layers."""

    def __init__(
        self, model: Any, files: Sequence[Path], group: int, sequences: Sequence[Sequence[int]], known: Known
    ) -> None:
        self._group = group
        self._coming = calibrated(model, sequences, group, files, known=known)

    def of(self, part: Slice) -> Mapping[str, Rounded4]:
        """The modules of one layer; nothing for what is outside of the layers."""
        wanted = {place for place, module in part.modules if self._takes(part, module)}
        found: dict[str, Rounded4] = {}
        # No further than this layer: its weights are gone when the next one is asked for.
        with torch.inference_mode():
            while wanted - found.keys():
                place, rounded = next(self._coming)
                if place in wanted:
                    found[place] = rounded
        return found

    def _takes(self, part: Slice, module: Any) -> bool:
        return (
            part.layer is not None
            and isinstance(module, nn.Linear)
            and bool(fitting_group(module.in_features, self._group))
        )


def rounding_for(
    source: Path, part: Path, info: PackedInfo, model: Any, files: Sequence[Path]
) -> Nearest | Compensated:
    """What `info.method` means for the model of the folder `source`; `part` has what an earlier run has made."""
    if info.method == "nearest":
        return Nearest()
    chat = open_chat(source, read_config(source))
    finished = frozenset(file.path for file in info.files)

    def known(place: str, rows: int) -> Rounded4 | None:
        name = f"{WEIGHTS}{slice_name(place)}.safetensors"
        return _stored(part / name, place, rows) if name in finished else None

    return Compensated(model, files, info.group, calibration_ids(chat.prompt_ids), known)


def _stored(path: Path, place: str, rows: int) -> Rounded4:
    with safe_open(path, "pt") as file:
        return unpack4(file.get_tensor(f"{place}.packed"), file.get_tensor(f"{place}.scales"), rows)
