"""Which weights are rounded better than to the nearest, by the method's name. Knows no files' layout."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from backends.packed.scheme import Rounded4
from backends.packed.slices import Slice


def better_rounding(
    method: str, model: Any, files: Sequence[Path], group: int
) -> Callable[[Slice], Mapping[str, Rounded4]]:
    """Gives for a slice, in the order of the layers, what `method` makes of its weights, by module; may be nothing."""
    return lambda part: {}
