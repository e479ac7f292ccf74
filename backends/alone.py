"""One model in memory, and none after it. Knows nothing of what it is asked."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from arena.types import Backend, ModelSpec
from backends import open_backends


@contextmanager
def opened_alone(spec: ModelSpec) -> Iterator[Backend]:
    """A backend of its own for the model; what it took of memory is free again afterwards."""
    (backend,) = open_backends([spec])
    try:
        yield backend
    finally:
        backend.close()
        del backend
        # Engines hold themselves in cycles, and the next model must not wait for the collector.
        gc.collect()
