"""Tries out how the compiled kernels read memory ahead of its use, since the quicker way depends on the processor."""

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from backends.packed.scheme import BLOCK, Packed4

# The size of the weight: a product takes much longer than to wake the threads, and the trial 0.1 s.
_ROWS, _COLUMNS, _GROUP = 4096, 4096, 32
_ROUNDS = 25
# Multiplies x with a weight that no cache holds, read past the caches if True; returns the seconds.
ColdProduct = Callable[[bool, Tensor, Packed4], float]


@dataclass(frozen=True)
class ReadAhead:
    """Milliseconds for a product of one row with memory that no cache holds, asked for past the caches or not."""

    into_caches_ms: float
    past_caches_ms: float

    @property
    def past_caches(self) -> bool:
        """Whether past the caches is the quicker way."""
        return self.past_caches_ms < self.into_caches_ms

    def __str__(self) -> str:
        ways = f"{self.into_caches_ms:.2f} ms into the caches, {self.past_caches_ms:.2f} ms past them"
        return f"reading {'past' if self.past_caches else 'into'} the caches (a product took {ways})"


def read_ahead(product: ColdProduct, kept: Path) -> ReadAhead:
    """The result that the file `kept` holds; without one, of a trial made now, which is kept there if possible."""
    with suppress(OSError, ValueError, TypeError, AttributeError):
        return ReadAhead(**{name: float(value) for name, value in json.loads(kept.read_text("utf-8")).items()})
    result = _try(product)
    part = kept.with_suffix(".part")
    with suppress(OSError):
        part.write_text(json.dumps(asdict(result)), encoding="utf-8")
        part.replace(kept)
    return result


def _try(product: ColdProduct) -> ReadAhead:
    """The shortest time of each way, measured in turn: other work on the machine only makes a product slower."""
    packed = torch.full((_ROWS // BLOCK, _COLUMNS, BLOCK // 2), 0x88, dtype=torch.uint8)
    scales = torch.ones(_ROWS // BLOCK, _COLUMNS // _GROUP, BLOCK, 2, dtype=torch.uint8)
    weight = packed, scales, torch.ones(_ROWS // BLOCK, BLOCK)
    x = torch.ones(1, _COLUMNS, dtype=torch.bfloat16)
    times: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(_ROUNDS):
        for past, taken in times.items():
            taken.append(product(past, x, weight))
    return ReadAhead(*(_milliseconds(times[past]) for past in (False, True)))


def _milliseconds(seconds: Iterable[float]) -> float:
    return round(1000 * min(seconds), 3)
