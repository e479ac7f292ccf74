"""The machine that this process runs on: cores, memory, pages, and facts to record about it."""

import os

# How often an OpenMP thread polls for the others before it gives up its core (some tens of microseconds). By default
# it hardly ever does: with one other busy process on two cores a product takes 6 to 20 times as long, with this value
# 3 to 4 times; on a quiet machine it costs 0 to 10% (measured).
_SPINS = "10000"


def share_cores() -> None:
    """Makes waiting OpenMP threads give way to other processes. Call it before torch or llama.cpp is imported.

    Does nothing if the environment sets OMP_WAIT_POLICY or GOMP_SPINCOUNT.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _SPINS)
