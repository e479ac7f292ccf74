"""Compiles the kernels for this processor, and caches the library by sources, flags, compiler and processor."""

import atexit
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from backends.machine.facts import CPUINFO, processor_facts
from backends.packed.compilers import INSTALL, Compiler, NoCompiler, compilers
from backends.packed.instruction_sets import VARIABLE, chosen_set

# `main.c` includes all others but `openmp.c`.
SOURCES = Path(__file__).with_name("native")
# No sum may be rounded once here and twice there: a row's result is bitwise the same in all products.
FLAGS = ("-O3", "-ffp-contract=off", "-fPIC", "-std=gnu11")
# The OpenMP library that PyTorch brings for each system.
_OPENMP = {"linux": "libgomp*.so*", "darwin": "libomp.dylib", "win32": "libiomp5md.dll"}


class NoKernels(Exception):
    """The kernels cannot be used here; the message says why."""


def openmp_library(system: str = sys.platform) -> Path:
    """PyTorch's own OpenMP library. Raises NoKernels."""
    torch = find_spec("torch")
    folder = Path(torch.origin).with_name("lib") if torch and torch.origin else Path()
    pattern = _OPENMP.get(system, _OPENMP["linux"])
    libraries = sorted(folder.glob(pattern))
    if not libraries:
        raise NoKernels(f"this PyTorch brings no {pattern}")
    return libraries[0]


def build(extra: Sequence[str] = (), cpuinfo: Path = CPUINFO, anew: bool = False) -> Path:
    """The shared library, compiled if it is not cached, or always with `anew`. Raises NoKernels."""
    instructions = chosen_set()
    if instructions is None:
        raise NoKernels(f"{VARIABLE} says so")
    if lacking := instructions.lacking(cpuinfo):
        raise NoKernels(f"the processor has no {lacking[0]}")
    flags = (*FLAGS, *instructions.flags, *extra)
    facts = processor_facts(cpuinfo)
    processor = " ".join(facts.get(name, "") for name in ("model name", "flags", "Features"))
    failures = []
    for compiler in compilers(openmp_library()):
        try:
            return _cached(compiler, flags, processor, anew)
        except NoCompiler as error:
            failures.append(str(error))
    raise NoKernels(failures[0] if failures else f"there is no C compiler ({INSTALL} brings one)")


def _cached(compiler: Compiler, flags: Sequence[str], processor: str, anew: bool) -> Path:
    """The library by one of the compilers. Raises NoCompiler or NoKernels."""
    texts = [source.read_text(encoding="utf-8") for source in sorted(SOURCES.iterdir())]
    try:
        parts = (*texts, " ".join(flags), compiler.version(), processor)
        name = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]
        library = _folder() / f"kernels-{name}.so"
        if anew or not (library.is_file() and _is_ours_alone(library) and _is_whole(library)):
            _compile(compiler, flags, library)
    except OSError as error:
        raise NoKernels(f"the cache folder cannot be used: {error}") from error
    return library


def _folder() -> Path:
    """A folder in the user's cache, or a temporary one for this process if that is not writable."""
    try:
        # Raises RuntimeError for a user without a home folder.
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
        folder = cache / "qwen-chatglm-arena"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if _is_ours_alone(folder) and os.access(folder, os.W_OK):
            return folder
    except (OSError, RuntimeError):
        pass
    own = Path(tempfile.mkdtemp(prefix="arena-kernels-"))
    atexit.register(shutil.rmtree, own, ignore_errors=True)
    return own


def _is_ours_alone(path: Path) -> bool:
    """Whether nobody else can write to it, since the library is executed."""
    if not hasattr(os, "getuid"):
        return True  # On Windows a user's folders are closed to others, and modes do not say who may write.
    state = path.stat()
    return state.st_uid == os.getuid() and not state.st_mode & 0o022


def _is_whole(library: Path) -> bool:
    """Checks the digest beside it: loading a truncated library would crash the process."""
    digest = _digest(library)
    return digest.is_file() and digest.read_bytes() == _sha256(library)


def _digest(library: Path) -> Path:
    return library.with_suffix(".sha256")


def _sha256(library: Path) -> bytes:
    return hashlib.sha256(library.read_bytes()).digest()


def _compile(compiler: Compiler, flags: Sequence[str], library: Path) -> None:
    with tempfile.TemporaryDirectory(dir=library.parent) as work:
        done = Path(work) / library.name
        compiler.link([SOURCES / "main.c", SOURCES / "openmp.c"], flags, done)
        # Regardless of the umask: a library that others can write is not trusted.
        done.chmod(0o700)
        # Atomic, for a process that starts at the same time.
        done.replace(library)
        _digest(library).write_bytes(_sha256(library))
