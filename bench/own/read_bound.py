"""How fast this machine reads memory, which no engine can pass. Knows no model."""

from __future__ import annotations

import time
from typing import Any

from backends.machine.pages import large_memory
from bench.child import run_module, serve
from bench.figures import Progress

# More than any processor's caches hold.
BYTES = 1 << 30
REPEATS = 7


def read_bound(progress: Progress) -> float | None:
    """Bytes a second, the best of several; None without the compiled kernels. Raises BackendError."""
    found = run_module(__name__, {"bytes": BYTES}, progress)["bytes_per_second"]
    return None if found is None else float(found)


def _measure(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """In the process of its own: a gigabyte of it is no model's."""
    from bench.own.opened import new_scheduler

    size = request["bytes"]
    progress(f"Reading {size / 1e9:.1f} GB of memory {REPEATS} times ...")
    scheduler = new_scheduler()
    return {"bytes_per_second": scheduler.run(lambda: _best(size))}


def _best(size: int) -> float | None:
    import torch

    from backends.packed.kernels import find_kernels

    kernels = find_kernels()
    if kernels is None:
        return None
    # In the pages that packed weights have: with small ones the bound would be too low.
    memory = torch.frombuffer(large_memory(size), dtype=torch.uint8)
    # Written, not only asked for: the system gives all untouched memory the same one page.
    memory.fill_(1)
    seconds = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        kernels.read_lines(memory)
        seconds.append(time.perf_counter() - began)
    return size / min(seconds)


if __name__ == "__main__":
    serve(_measure)
