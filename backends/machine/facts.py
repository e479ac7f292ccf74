"""Facts about the machine and the libraries, to record with answers and measurements."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from backends.machine.memory import available_bytes, cpu_count, read_text, total_bytes

CPUINFO = Path("/proc/cpuinfo")
# Those that decide how fast packed weights and bfloat16 are, on x86-64 and on ARM.
_INSTRUCTION_SETS = (
    "avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16",
    "asimddp", "i8mm", "bf16", "sve",
)  # fmt: skip
_LIBRARIES = ("torch", "transformers", "xllamacpp")


def surroundings(cpuinfo: Path = CPUINFO) -> dict[str, Any]:
    """What is recorded with a measurement: time, machine, load, and versions of libraries (None: not installed)."""
    facts = processor_facts(cpuinfo)
    flags = f"{facts.get('flags', '')} {facts.get('Features', '')}".split()
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": facts.get("model name") or platform.processor() or platform.machine(),
        "cores": cpu_count(),
        "instruction_sets": tuple(name for name in _INSTRUCTION_SETS if name in flags),
        "free_bytes": available_bytes(),
        "libraries": {name: _version(name) for name in _LIBRARIES},
        "python": platform.python_version(),
        "load": load_average(),
    }


def machine_facts() -> dict[str, Any]:
    """What is recorded with an answer: processor, cores, memory (bytes), system and versions."""
    now = surroundings()
    return {
        "processor": now["processor"],
        "cores": now["cores"],
        "memory": total_bytes(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": now["python"],
        **{name: number for name, number in now["libraries"].items() if number},
    }


def load_average() -> tuple[float, ...]:
    """The average number of runnable processes over 1, 5 and 15 minutes; empty where the system does not say."""
    return os.getloadavg() if hasattr(os, "getloadavg") else ()


def processor_facts(cpuinfo: Path = CPUINFO) -> dict[str, str]:
    """What the system says of the first processor; empty where it does not say."""
    pairs = (line.partition(":") for line in read_text(cpuinfo).split("\n\n")[0].splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
