"""Finds the C compilers of this machine: the system's, and the one that the Python package ziglang brings."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

# Where Zig needs a C library of its own, it compiles that first.
_SECONDS = 600
# Brings one.
INSTALL = "pip install -r requirements-kernels.txt"


class NoCompiler(Exception):
    """There is no compiler, or it failed; the message says why."""


@dataclass(frozen=True)
class Compiler:
    """`command` begins every call, `openmp` the flags for OpenMP, `linked` the last words of linking."""

    command: tuple[str, ...]
    openmp: tuple[str, ...]
    linked: tuple[str, ...]

    def version(self) -> str:
        """What it says of itself. Raises NoCompiler."""
        with tempfile.TemporaryDirectory() as cache:
            return self._run(["--version"], Path(cache))

    def link(self, sources: Sequence[Path], flags: Sequence[str], library: Path) -> None:
        """Makes a shared library of C files. Other files are written beside it. Raises NoCompiler."""
        parts = [library.with_name(f"{source.stem}.o") for source in sources]
        for source, part in zip(sources, parts, strict=True):
            self._run([*flags, *self.openmp, "-c", str(source), "-o", str(part)], library.parent)
        self._run(["-shared", "-o", str(library), *map(str, parts), *self.linked], library.parent)

    def _run(self, arguments: Sequence[str], cache: Path) -> str:
        # Zig's, by default in the home of the user, who need not have one.
        own = os.environ | {"ZIG_GLOBAL_CACHE_DIR": str(cache), "ZIG_LOCAL_CACHE_DIR": str(cache)}
        command = [*self.command, *arguments]
        try:
            run = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=True, env=own)
        except subprocess.CalledProcessError as error:
            raise NoCompiler(f"the compiler failed: {(error.stderr or '').strip().splitlines()[:1]}") from error
        except (OSError, subprocess.SubprocessError) as error:
            raise NoCompiler(f"the compiler cannot be run: {error}") from error
        return run.stdout


def compilers(openmp: Path, system: str = sys.platform) -> Iterator[Compiler]:
    """Those to try, in this order: gcc's code is a little faster with several rows.

    `openmp` is PyTorch's own OpenMP library, whose threads the kernels share. The process has loaded it already, so the
    kernels are linked with it on Windows alone, where a library must name the source of every function it calls.
    """
    own = os.environ.get("CC") or "cc"
    names: tuple[str, ...] = (own, "gcc", "clang")
    flags: tuple[str, ...] = ("-fopenmp",)
    linked: tuple[str, ...] = ("-lm",)
    # Zig would first compile a C library of its own, for a minute; the process has the system's.
    zig_linked: tuple[str, ...] = ("-nostdlib",)
    if system == "darwin":
        # Apple's compiler knows OpenMP, but not its flag.
        names, flags = (own, "clang"), ("-Xclang", "-fopenmp")
        linked = zig_linked = ("-undefined", "dynamic_lookup")
    elif system == "win32":
        # The system's compilers would call another OpenMP library.
        names, zig_linked = (), (str(openmp),)
    for name in names:
        if program := shutil.which(name):
            yield Compiler((program,), flags, linked)
    package = find_spec("ziglang")
    if package and package.origin and (zig := shutil.which("zig", path=str(Path(package.origin).parent))):
        yield Compiler((zig, "cc"), flags, zig_linked)
