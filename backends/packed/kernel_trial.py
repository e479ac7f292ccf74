"""Tries out how the compiled kernels read memory ahead of its use, since the quicker way depends on the processor."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from backends.packed.scheme import BLOCK, Packed4

# The size of the weight: a product takes much longer than to wake the threads, and the trial up to 0.3 s.
_ROWS, _COLUMNS, _GROUP = 4096, 4096, 32
_ROUNDS = 20


@dataclass(frozen=True)
class Way:
    """How memory is asked for: past the outer caches or not, and how many bytes of a weight ahead of their use."""

    past_caches: bool
    bytes_ahead: int

    def __str__(self) -> str:
        return f"{self.bytes_ahead} bytes ahead {'past' if self.past_caches else 'into'} the caches"


# Less than 2048 bytes, and past the caches more than 8192, are slower (measured).
WAYS = (Way(False, 4096), Way(False, 12288), Way(True, 4096))
# Multiplies x with a weight that no cache holds, read in that way; returns the seconds.
ColdProduct = Callable[[Way, Tensor, Packed4], float]


@dataclass(frozen=True)
class ReadAhead:
    """Milliseconds for a product of one row with memory that no cache holds, in the order of WAYS."""

    milliseconds: tuple[float, ...]

    @property
    def way(self) -> Way:
        """The quickest."""
        return min(zip(self.milliseconds, WAYS, strict=True), key=lambda pair: pair[0])[1]

    def __str__(self) -> str:
        best, *others = sorted(self.milliseconds)
        return f"reading {self.way} (a product took {best:.2f} ms, in other ways {others[0]:.2f} to {others[-1]:.2f})"


def read_ahead(product: ColdProduct, kept: Path) -> ReadAhead:
    """The result that the file `kept` holds; without one, of a trial made now, which is kept there if possible."""
    with suppress(OSError, ValueError, TypeError):
        times = tuple(map(float, json.loads(kept.read_text("utf-8"))))
        if len(times) == len(WAYS):
            return ReadAhead(times)
    result = _try(product)
    part = kept.with_suffix(".part")
    with suppress(OSError):
        part.write_text(json.dumps(result.milliseconds), encoding="utf-8")
        part.replace(kept)
    return result


def _try(product: ColdProduct) -> ReadAhead:
    """The shortest time of each way, measured in turn: other work on the machine only makes a product slower."""
    packed = torch.full((_ROWS // BLOCK, _COLUMNS, BLOCK // 2), 0x88, dtype=torch.uint8)
    scales = torch.ones(_ROWS // BLOCK, _COLUMNS // _GROUP, BLOCK, 2, dtype=torch.uint8)
    weight = packed, scales, torch.ones(_ROWS // BLOCK, BLOCK)
    x = torch.ones(1, _COLUMNS, dtype=torch.bfloat16)
    rounds = [[product(way, x, weight) for way in WAYS] for _ in range(_ROUNDS)]
    return ReadAhead(tuple(round(1000 * min(times), 3) for times in zip(*rounds, strict=True)))
