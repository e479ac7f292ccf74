"""Which compilers are tried, and that the one of a Python package makes the same kernels as the system's."""

import os
import re
import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
from environments import python_with
from served_app import ROOT

from backends.packed import compilers as compilers_module
from backends.packed import kernel_build
from backends.packed.compilers import compilers
from backends.packed.kernel_build import NoKernels, build, openmp_library


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Puts compilers that run a line of shell into the only folder of PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(compilers_module, "find_spec", lambda name: None)

    def put(name, line=""):
        program = folder / name
        program.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
        program.chmod(0o755)
        return str(program)

    return put


OPENMP = Path("lib") / "openmp"


def found(system):
    return [(*compiler.command, *compiler.openmp, *compiler.linked) for compiler in compilers(OPENMP, system)]


def commands():
    return [compiler.command for compiler in compilers(OPENMP, "linux")]


@pytest.fixture
def zig(tmp_path, monkeypatch):
    """The path of a Zig that is not there yet, in an installed package."""
    program = tmp_path / "ziglang" / "zig"
    program.parent.mkdir()
    spec = ModuleSpec("ziglang", None, origin=str(program.with_name("__init__.py")))
    monkeypatch.setattr(compilers_module, "find_spec", lambda name: spec if name == "ziglang" else None)
    return program


def test_the_systems_compilers_come_before_the_packages(programs, monkeypatch, zig):
    assert commands() == []
    clang, gcc, cc, own = map(programs, ("clang", "gcc", "cc", "own"))
    assert commands() == [(cc,), (gcc,), (clang,)]
    monkeypatch.setenv("CC", "own")
    assert commands() == [(own,), (gcc,), (clang,)]
    zig.touch(0o755)
    assert commands() == [(own,), (gcc,), (clang,), (str(zig), "cc")]


def test_each_system_has_compilers_that_use_pytorchs_openmp(programs, zig):
    clang, gcc, cc = map(programs, ("clang", "gcc", "cc"))
    zig.touch(0o755)
    assert found("linux") == [
        (cc, "-fopenmp", "-lm"),
        (gcc, "-fopenmp", "-lm"),
        (clang, "-fopenmp", "-lm"),
        (str(zig), "cc", "-fopenmp", "-nostdlib"),
    ]
    # Apple's has no -fopenmp; its gcc is clang.
    apple = ("-Xclang", "-fopenmp", "-undefined", "dynamic_lookup")
    assert found("darwin") == [(cc, *apple), (clang, *apple), (str(zig), "cc", *apple)]
    # There each library must name the one that a function comes from, and gcc wants GNU's.
    assert found("win32") == [(str(zig), "cc", "-fopenmp", str(OPENMP))]


@pytest.mark.parametrize(
    ("system", "name"),
    [
        ("linux", "libgomp-9c07a8a0.so.1"),
        ("linux", "libgomp.so.1"),
        ("darwin", "libomp.dylib"),
        ("win32", "libiomp5md.dll"),
    ],
)
def test_pytorchs_openmp_is_found_on_each_system(tmp_path, monkeypatch, system, name):
    spec = ModuleSpec("torch", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(kernel_build, "find_spec", lambda name: spec)
    libraries = tmp_path / "lib"
    libraries.mkdir()
    for other in ("libtorch.so", "c10.dll", "libiompstubs5md.dll", "libtorch_cpu.dylib"):
        (libraries / other).touch()
    with pytest.raises(NoKernels, match="this PyTorch brings no lib"):
        openmp_library(system)
    (libraries / name).touch()
    assert openmp_library(system) == libraries / name


def test_a_compiler_that_fails_leaves_it_to_the_next(programs, tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("flags : avx2 fma\n", encoding="utf-8")
    # As macOS has one that asks for the developer tools.
    programs("cc", "echo no tools >&2; exit 1")
    programs("gcc", "echo no headers >&2; exit 1")
    with pytest.raises(NoKernels, match=r"the compiler failed: \['no tools'\]"):
        build(cpuinfo=cpuinfo)
    programs("clang", 'while [ $# -gt 0 ]; do [ "$1" = -o ] && : > "$2"; shift; done')
    assert build(cpuinfo=cpuinfo).is_file()


@pytest.mark.extra
def test_the_packages_compiler_makes_the_kernels_where_there_is_no_other(tmp_path):
    zig = python_with(ROOT / "requirements-kernels.txt")
    path = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = subprocess.run([str(zig), "-c", path], capture_output=True, text=True, check=True).stdout.strip()
    # It also gets no home to write to.
    own = {"PATH": str(tmp_path), "HOME": "/nonexistent", "XDG_CACHE_HOME": str(tmp_path / "cache")}
    environment = {**os.environ, **own, "PYTHONPATH": os.pathsep.join((str(ROOT), site))}
    environment.pop("CC", None)

    def run(*arguments):
        command = [sys.executable, *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)

    computed = run("-c", "from backends.packed.kernels import computed_by; print(computed_by())")
    if "the processor has no" in computed.stderr:
        pytest.skip(computed.stderr)
    assert computed.stdout.startswith("compiled kernels"), computed.stderr
    tests = [f"tests/backends/packed/test_{name}.py" for name in ("kernels", "layers", "packed_delta")]
    tested = run("-m", "pytest", "-n0", "-rs", *tests)
    # All kernels of this processor were compiled and loaded.
    reasons = re.findall("no kernels on this machine: (.*)", tested.stdout)
    assert tested.returncode == 0 and all("the processor has no" in reason for reason in reasons), tested.stdout
