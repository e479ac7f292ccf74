"""Backends of several models, as one `Backends` opens them."""

from collections.abc import Sequence

from arena.backend import Backend
from arena.types import ModelSpec
from backends import Backends


def open_backends(specs: Sequence[ModelSpec]) -> list[Backend]:
    return list(map(Backends().open, specs))
