"""On what machine and with which libraries something was measured. Knows no engine."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from backends.machine.memory import available_bytes, cpu_count, total_bytes

# Those that decide how fast packed weights and bfloat16 are, on x86-64 and on ARM.
_SETS = (
    "avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16",
    "asimddp", "i8mm", "bf16", "sve",
)  # fmt: skip
_LIBRARIES = ("torch", "transformers", "xllamacpp")


@dataclass(frozen=True)
class Surroundings:
    """`load` is the system's average of one, five and fifteen minutes; `libraries` has None for what is not there."""

    date: str
    processor: str
    cores: int
    instruction_sets: tuple[str, ...]
    free_bytes: int | None
    libraries: dict[str, str | None]
    python: str
    load: tuple[float, ...]


def surroundings(processors: Path = Path("/proc/cpuinfo")) -> Surroundings:
    """As they are now."""
    facts = _facts(processors)
    flags = f"{facts.get('flags', '')} {facts.get('Features', '')}".split()
    return Surroundings(
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        processor=facts.get("model name") or platform.processor() or platform.machine(),
        cores=cpu_count(),
        instruction_sets=tuple(name for name in _SETS if name in flags),
        free_bytes=available_bytes(),
        libraries={name: _version(name) for name in _LIBRARIES},
        python=platform.python_version(),
        load=load_average(),
    )


def machine_facts(processors: Path = Path("/proc/cpuinfo")) -> dict[str, Any]:
    """What belongs to an answer that was made here: processor, cores, memory (bytes), system and versions."""
    found = surroundings(processors)
    return {
        "processor": found.processor,
        "cores": found.cores,
        "memory": total_bytes(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": found.python,
        **{name: number for name, number in found.libraries.items() if number},
    }


def load_average() -> tuple[float, ...]:
    """How many processes wanted to run; empty where the system does not say."""
    try:
        return os.getloadavg()
    except OSError:
        return ()


def _facts(processors: Path) -> dict[str, str]:
    """The first processor's lines; all are alike."""
    try:
        lines = processors.read_text(encoding="utf-8", errors="replace").split("\n\n")[0].splitlines()
    except OSError:
        return {}
    pairs = (line.partition(":") for line in lines)
    return {name.strip(): value.strip() for name, _, value in pairs}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
