"""Finds the C compilers of this machine: the system's, and the one that the Python package ziglang brings."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

_SECONDS = 120
# Brings one.
INSTALL = "pip install -r requirements-kernels.txt"


class NoCompiler(Exception):
    """There is no compiler, or it failed; the message says why."""


@dataclass(frozen=True)
class Compiler:
    """`command` are the first words of every call; `libraries` are the arguments that come last in one that links."""

    command: tuple[str, ...]
    libraries: tuple[str, ...] = ("-lm",)

    def version(self) -> str:
        """What it says of itself. Raises NoCompiler."""
        with tempfile.TemporaryDirectory() as cache:
            return self._run(["--version"], Path(cache))

    def link(self, sources: Sequence[Path], flags: Sequence[str], library: Path) -> None:
        """Makes a shared library of C files. Other files are written beside it. Raises NoCompiler."""
        parts = [library.with_name(f"{source.stem}.o") for source in sources]
        for source, part in zip(sources, parts, strict=True):
            self._run([*flags, "-c", str(source), "-o", str(part)], library.parent)
        # Not linked with OpenMP: the process has torch's copy.
        self._run(["-shared", "-o", str(library), *map(str, parts), *self.libraries], library.parent)

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


def compilers() -> Iterator[Compiler]:
    """Those to try, in this order: gcc's code is a little faster with several rows."""
    for name in (os.environ.get("CC") or "cc", "gcc", "clang"):
        if program := shutil.which(name):
            yield Compiler((program,))
    package = find_spec("ziglang")
    if package and package.origin and (zig := shutil.which("zig", path=str(Path(package.origin).parent))):
        # Its own copy of the C library would take a minute to compile; the process has the system's.
        yield Compiler((zig, "cc"), ("-nostdlib",))
