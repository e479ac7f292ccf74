"""Backends of several models, as one `Backends` opens them."""

from collections.abc import Sequence

from arena.types import Backend, ModelSpec
from backends import Backends


def open_backends(specs: Sequence[ModelSpec]) -> list[Backend]:
    return list(map(Backends().open, specs))
