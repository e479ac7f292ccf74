"""What models take before they can answer, and whether this machine has room for them."""

from collections.abc import Sequence
from dataclasses import dataclass

from arena.errors import InputError

# Bytes a second of a home connection (100 Mbit/s), for the time that a download is expected to take.
USUAL_RATE = 12_500_000


@dataclass(frozen=True)
class Needs:
    """What a model takes before it can answer, in bytes.

    `download` is what is missing of it, `quantize` the size of the weights to be quantized, `disk` what both write,
    `memory` 0 for a model that runs elsewhere. `missing` are Python packages that must be installed first.
    """

    name: str
    title: str
    download: int = 0
    quantize: int = 0
    disk: int = 0
    memory: int = 0
    licence: str = ""
    licence_url: str = ""
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Room:
    """Bytes that are free on the disk, and of memory free and in all; None where the system does not say."""

    disk: int
    memory: int | None = None
    memory_total: int | None = None

    def check(self, needs: Sequence[Needs]) -> None:
        """Raises InputError if the models do not fit on the disk, or two of them not into the memory."""
        disk, memory = sum(need.disk for need in needs), pair_memory(needs)
        if disk > self.disk:
            details = _gigabytes(needed=disk, free=self.disk)
            message = "Not enough disk space: {needed} GB are needed, {free} GB are free.".format(**details)
            raise InputError("add_disk", message, **details)
        if self.memory_total and memory > self.memory_total:
            details = _gigabytes(needed=memory, total=self.memory_total)
            message = "Two models side by side need {needed} GB of memory, and this machine has {total} GB."
            raise InputError("add_memory", message.format(**details), **details)


def pair_memory(needs: Sequence[Needs]) -> int:
    """The memory of the two largest models: two answer at the same time."""
    return sum(sorted((need.memory for need in needs), reverse=True)[:2])


def _gigabytes(**sizes: int) -> dict[str, str]:
    return {name: f"{size / 1e9:.1f}" for name, size in sizes.items()}
