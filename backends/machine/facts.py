"""Facts about the machine and the libraries, to record with answers and measurements."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from backends.machine.memory import available_bytes, cpu_count, total_bytes

CPUINFO = Path("/proc/cpuinfo")
# Those that decide how fast packed weights and bfloat16 are, on x86-64 and on ARM.
_INSTRUCTION_SETS = (
    "avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16",
    "asimddp", "i8mm", "bf16", "sve",
)  # fmt: skip
_LIBRARIES = ("torch", "transformers", "xllamacpp")


@dataclass(frozen=True)
class Surroundings:
    """`load` is the system's average over 1, 5 and 15 minutes; `libraries` has None for one that is not installed."""

    date: str
    processor: str
    cores: int
    instruction_sets: tuple[str, ...]
    free_bytes: int | None
    libraries: dict[str, str | None]
    python: str
    load: tuple[float, ...]


def surroundings(cpuinfo: Path = CPUINFO) -> Surroundings:
    """The current state of the machine."""
    facts = processor_facts(cpuinfo)
    flags = f"{facts.get('flags', '')} {facts.get('Features', '')}".split()
    return Surroundings(
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        processor=facts.get("model name") or platform.processor() or platform.machine(),
        cores=cpu_count(),
        instruction_sets=tuple(name for name in _INSTRUCTION_SETS if name in flags),
        free_bytes=available_bytes(),
        libraries={name: _version(name) for name in _LIBRARIES},
        python=platform.python_version(),
        load=load_average(),
    )


def machine_facts(cpuinfo: Path = CPUINFO) -> dict[str, Any]:
    """What is recorded with an answer: processor, cores, memory (bytes), system and versions."""
    now = surroundings(cpuinfo)
    return {
        "processor": now.processor,
        "cores": now.cores,
        "memory": total_bytes(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": now.python,
        **{name: number for name, number in now.libraries.items() if number},
    }


def load_average() -> tuple[float, ...]:
    """The number of runnable processes over 1, 5 and 15 minutes; empty where the system does not say."""
    try:
        return os.getloadavg()
    except OSError:
        return ()


def processor_facts(cpuinfo: Path = CPUINFO) -> dict[str, str]:
    """What the system says of the first processor; empty where it does not say."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").split("\n\n")[0].splitlines()
    except OSError:
        return {}
    pairs = (line.partition(":") for line in lines)
    return {name.strip(): value.strip() for name, _, value in pairs}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
