"""Chooses the instruction set that the kernels are compiled for: all that the processor has, unless one is forced."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from arena.errors import InputError
from backends.machine.facts import CPUINFO, processor_facts

# Forces a set, for tests and measurements; "none" leaves the products to PyTorch.
VARIABLE = "ARENA_KERNELS"
NONE = "none"


@dataclass(frozen=True)
class InstructionSet:
    """The compiler's flags, and the names that /proc/cpuinfo has for what is required."""

    flags: tuple[str, ...]
    needed: tuple[str, ...]

    def lacking(self, cpuinfo: Path = CPUINFO) -> Sequence[str]:
        """What the processor lacks; nothing where the system does not say what it has: then the compiler knows."""
        facts = processor_facts(cpuinfo)
        present = f"{facts.get('flags', '')} {facts.get('Features', '')}".split()
        return [name for name in self.needed if name not in present] if present else ()


_ARM = InstructionSet(("-mcpu=native",), ("asimddp",))
_X86 = InstructionSet(("-march=native",), ("avx2", "fma"))
# Without `-mtune=native`, which Zig takes for all that the processor has.
# The products without AMX; `avx512.h` also uses BF16 and VBMI where the processor has them.
FORCED = {
    "avx2": InstructionSet(("-mavx2", "-mfma"), ("avx2", "fma")),
    "avx-vnni": InstructionSet(("-mavx2", "-mfma", "-mavxvnni"), ("avx2", "fma", "avx_vnni")),
    "avx512-vnni": InstructionSet(
        ("-march=native", "-DNO_TILES"), ("avx512f", "avx512bw", "avx512vl", "avx512dq", "avx512_vnni")
    ),
    "neon": _ARM,
}


def chosen_set() -> InstructionSet | None:
    """The set to compile for; None if the environment wants no kernels. Raises InputError."""
    name = os.environ.get(VARIABLE, "").strip().lower()
    if name == NONE:
        return None
    if not name:
        return _ARM if platform.machine().lower() in ("aarch64", "arm64") else _X86
    if name not in FORCED:
        known = ", ".join((*FORCED, NONE))
        raise InputError("kernels_unknown", f"{VARIABLE} is {name}, which is none of {known}.", name=name, known=known)
    return FORCED[name]
