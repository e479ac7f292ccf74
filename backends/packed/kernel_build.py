"""Compiles kernels.c for this processor, once: the result is kept by source, flags, compiler and processor.

Knows what the processor must have, not what the kernels compute. Raises `NoKernels` with the reason.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

SOURCE = Path(__file__).with_name("kernels.c")
# Without them nothing of the source compiles; what is there besides (BF16, VBMI, AMX) is used by the source itself.
NEEDED = ("avx512f", "avx512bw", "avx512vl", "avx512dq", "avx512_vnni")
FLAGS = ("-O3", "-march=native", "-fopenmp", "-fPIC", "-std=gnu11")
_SECONDS = 120
# Bytes of the digest that ends a compiled file.
_DIGEST = 32


class NoKernels(Exception):
    """There are no kernels here; the text says why."""


def build(flags: Sequence[str] = FLAGS, cpuinfo: Path = Path("/proc/cpuinfo"), anew: bool = False) -> Path:
    """The shared library; `anew` also if there is one. Raises NoKernels."""
    processor = _processor(cpuinfo)
    lacking = [name for name in NEEDED if name not in processor.split()]
    if lacking:
        raise NoKernels(f"the processor has no {lacking[0]}")
    compiler = next(filter(None, map(shutil.which, (os.environ.get("CC") or "cc", "gcc", "clang"))), None)
    if compiler is None:
        raise NoKernels("there is no C compiler")
    version = _output([compiler, "--version"])
    parts = (SOURCE.read_text(encoding="utf-8"), " ".join(flags), version, processor)
    name = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]
    try:
        library = _folder() / f"kernels-{name}.so"
        if anew or not (library.is_file() and _is_ours_alone(library) and _is_whole(library)):
            _compile(compiler, flags, library)
    except OSError as error:
        raise NoKernels(f"there is no place for them: {error}") from error
    return library


def _processor(cpuinfo: Path) -> str:
    """Name and abilities of the first processor; empty where the system does not say."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").split("\n\n")[0].splitlines()
    except OSError:
        return ""
    return " ".join(line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "flags")))


def _folder() -> Path:
    """A folder of our own in the user's cache; one for this process alone where that cannot be written."""
    try:
        # Raises RuntimeError for a user that has no home.
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
    """What others can write could be anything by the time it is run."""
    state = path.stat()
    return state.st_uid == os.getuid() and not state.st_mode & 0o022


def _is_whole(library: Path) -> bool:
    """To load what was cut short, as by a power failure, ends the process."""
    data = library.read_bytes()
    return hashlib.sha256(data[:-_DIGEST]).digest() == data[-_DIGEST:]


def _compile(compiler: str, flags: Sequence[str], library: Path) -> None:
    with tempfile.TemporaryDirectory(dir=library.parent) as work:
        part, done = Path(work) / "kernels.o", Path(work) / library.name
        _output([compiler, *flags, "-c", str(SOURCE), "-o", str(part)])
        # Not linked with OpenMP: the threads are those of torch's copy, which is loaded before.
        _output([compiler, "-shared", "-o", str(done), str(part), "-lm"])
        # A loader does not mind what comes after the end.
        with done.open("ab") as file:
            file.write(hashlib.sha256(done.read_bytes()).digest())
        # Whatever the umask says, as others' files are not trusted.
        done.chmod(0o700)
        # In one step, so that a process that starts at the same time sees all of it or nothing.
        done.replace(library)


def _output(command: Sequence[str]) -> str:
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=True)
    except subprocess.CalledProcessError as error:
        raise NoKernels(f"the compiler failed: {(error.stderr or '').strip().splitlines()[:1]}") from error
    except (OSError, subprocess.SubprocessError) as error:
        raise NoKernels(f"the compiler cannot be run: {error}") from error
    return run.stdout
