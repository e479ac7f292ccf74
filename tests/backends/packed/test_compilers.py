"""Which compilers are tried, and that the one of a Python package makes the same kernels as the system's."""

import os
import re
import subprocess
import sys
from importlib.machinery import ModuleSpec

import pytest
from environments import python_with
from served_app import ROOT

from backends.packed import compilers as compilers_module
from backends.packed.compilers import compilers
from backends.packed.kernel_build import NoKernels, build


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


def commands():
    return [compiler.command for compiler in compilers()]


def test_the_systems_compilers_come_before_the_packages(programs, monkeypatch, tmp_path):
    assert commands() == []
    clang, gcc, cc, own = map(programs, ("clang", "gcc", "cc", "own"))
    assert commands() == [(cc,), (gcc,), (clang,)]
    monkeypatch.setenv("CC", "own")
    zig = tmp_path / "ziglang" / "zig"
    zig.parent.mkdir()
    spec = ModuleSpec("ziglang", None, origin=str(zig.with_name("__init__.py")))
    monkeypatch.setattr(compilers_module, "find_spec", lambda name: spec if name == "ziglang" else None)
    assert commands() == [(own,), (gcc,), (clang,)]
    zig.touch(0o755)
    assert commands() == [(own,), (gcc,), (clang,), (str(zig), "cc")]


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
