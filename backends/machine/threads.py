"""How threads wait for each other. Knows no engine; must be asked before any of their libraries is loaded."""

from __future__ import annotations

import os

# OpenMP threads ask so often whether the others are done before they let the core go, some tens of microseconds.
# By default they hardly ever let go: with one other busy process on two cores a product then takes 6 to 20 times as
# long, with this 3 to 4 times; on a quiet machine it costs 0 to 10 % (measured).
_SPINS = "10000"


def share_cores() -> None:
    """Let waiting threads give way to whatever else runs, unless the environment says how they should wait."""
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _SPINS)
