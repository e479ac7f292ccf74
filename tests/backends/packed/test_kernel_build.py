"""Compiling the kernels, keeping what was compiled, and finding out that it is no good."""

import hashlib
import os
import platform
import shutil
from pathlib import Path

import pytest

from arena.errors import InputError
from backends.packed import compilers, kernel_build
from backends.packed import kernels as kernels_module
from backends.packed.instruction_sets import VARIABLE
from backends.packed.kernel_build import SOURCES, NoKernels, build
from backends.packed.kernels import Kernels, find_kernels

NEEDED = ("avx2", "fma")


def cpuinfo(path, flags):
    path.write_text(f"processor\t: 0\nmodel name\t: X\nflags\t\t: {flags}\n\nprocessor\t: 1\n", encoding="utf-8")
    return path


def test_a_processor_without_the_instructions_has_no_kernels_and_hears_why(tmp_path):
    old = cpuinfo(tmp_path / "cpuinfo", "sse2 avx fma")
    with pytest.raises(NoKernels, match="the processor has no avx2"):
        build(cpuinfo=old)


@pytest.fixture
def able(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return cpuinfo(tmp_path / "cpuinfo", " ".join(NEEDED))


def test_without_a_compiler_there_are_no_kernels(able, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(compilers, "find_spec", lambda name: None)
    with pytest.raises(
        NoKernels, match=r"there is no C compiler \(pip install -r requirements-kernels.txt brings one\)"
    ):
        build(cpuinfo=able)


def test_a_failed_compile_says_the_compilers_first_line(able):
    with pytest.raises(NoKernels, match=r"the compiler failed: .*no-such-flag"):
        build(("-fno-such-flag",), cpuinfo=able)
    assert not list(able.parent.glob("cache/*/*"))


def compiler(path, monkeypatch):
    """A compiler that writes down when it is called and makes an empty file."""
    path.mkdir()
    tool = path / "cc"
    tool.write_text(
        f'#!/bin/sh\necho "$@" >> {path}/calls\nwhile [ $# -gt 0 ]; do [ "$1" = -o ] && : > "$2"; shift; done\n',
        encoding="utf-8",
    )
    tool.chmod(0o755)
    monkeypatch.setenv("CC", str(tool))
    return path / "calls"


def compiled(calls):
    return calls.read_text(encoding="utf-8").count("-shared ")


def test_kernels_are_compiled_once_for_a_source_a_processor_and_flags(able, monkeypatch, tmp_path):
    calls = compiler(tmp_path / "bin", monkeypatch)
    first = build(cpuinfo=able)
    assert build(cpuinfo=able) == first and compiled(calls) == 1
    assert build(("-O2",), cpuinfo=able) != first and compiled(calls) == 2
    cpuinfo(able, " ".join((*NEEDED, "amx_bf16")))
    assert build(cpuinfo=able) != first and compiled(calls) == 3
    sources = tmp_path / "sources"
    sources.mkdir()
    for name in ("main.c", "openmp.c"):
        (sources / name).write_text("int x;", encoding="utf-8")
    monkeypatch.setattr(kernel_build, "SOURCES", sources)
    assert build(cpuinfo=able) != first and compiled(calls) == 4


def test_a_cache_that_others_can_write_is_not_trusted(able, monkeypatch, tmp_path):
    compiler(tmp_path / "bin", monkeypatch)
    shared = tmp_path / "cache" / "qwen-chatglm-arena"
    shared.mkdir(parents=True)
    shared.chmod(0o777)
    assert shared not in build(cpuinfo=able).parents
    assert not list(shared.iterdir())


def test_windows_does_not_say_who_may_write_and_its_cache_is_used(able, monkeypatch, tmp_path):
    calls = compiler(tmp_path / "bin", monkeypatch)
    monkeypatch.delattr(os, "getuid")
    folder = tmp_path / "cache" / "qwen-chatglm-arena"
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    library = build(cpuinfo=able)
    library.chmod(0o666)
    assert library.parent == folder and build(cpuinfo=able) == library and compiled(calls) == 1


def test_a_user_without_a_home_gets_a_folder_for_this_process(able, monkeypatch, tmp_path):
    calls = compiler(tmp_path / "bin", monkeypatch)

    def homeless(path):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "expanduser", homeless)
    assert build(cpuinfo=able).parent.name.startswith("arena-kernels-") and compiled(calls) == 1


def test_a_library_that_cannot_be_loaded_is_no_library(able, monkeypatch, tmp_path):
    compiler(tmp_path / "bin", monkeypatch)
    with pytest.raises(NoKernels, match="cannot be loaded"):
        Kernels(build(cpuinfo=able))


def test_a_compiled_file_that_others_can_write_is_made_again(able, monkeypatch, tmp_path):
    calls = compiler(tmp_path / "bin", monkeypatch)
    before = os.umask(0)
    try:
        library = build(cpuinfo=able)
    finally:
        os.umask(before)
    assert build(cpuinfo=able) == library and compiled(calls) == 1
    library.chmod(0o777)
    assert build(cpuinfo=able) == library and compiled(calls) == 2
    assert build(cpuinfo=able) == library and compiled(calls) == 2


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), OSError(28, "No space left on device")])
def test_without_a_place_there_are_no_kernels(able, monkeypatch, tmp_path, error):
    def full(*given, **named):
        raise error

    compiler(tmp_path / "bin", monkeypatch)
    monkeypatch.setattr("tempfile.mkdtemp", full)
    with pytest.raises(NoKernels, match=f"the cache folder cannot be used: .*{error.strerror}"):
        build(cpuinfo=able)


def test_an_unknown_instruction_set_is_refused_and_none_is_none(able, monkeypatch):
    monkeypatch.setenv(VARIABLE, "avx3")
    with pytest.raises(InputError, match="ARENA_KERNELS is avx3, which is none of avx2, avx-vnni,"):
        build(cpuinfo=able)
    monkeypatch.setenv(VARIABLE, "none")
    with pytest.raises(NoKernels, match="ARENA_KERNELS says so"):
        build(cpuinfo=able)
    monkeypatch.setenv(VARIABLE, "avx512-vnni")
    with pytest.raises(NoKernels, match="the processor has no avx512f"):
        build(cpuinfo=able)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="compiles for x86-64")
def test_the_products_by_tiles_compile_on_any_processor(able):
    try:
        library = build(("-march=sapphirerapids",), cpuinfo=able)
    except NoKernels as reason:
        pytest.skip(f"no compiler for it: {reason}")
    assert b"many4" in library.read_bytes()


# ---- what was compiled


@pytest.fixture
def cached(monkeypatch, tmp_path):
    """The real library in a cache of this test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    try:
        return build()
    except NoKernels as reason:
        pytest.skip(f"no kernels on this machine: {reason}")


def digest_of(library):
    return library.with_suffix(".sha256")


def is_kept_whole(library):
    return digest_of(library).read_bytes() == hashlib.sha256(library.read_bytes()).digest()


@pytest.mark.parametrize(
    "spoiled",
    [
        lambda whole: whole[:1000],
        lambda whole: whole[:-1],
        lambda whole: b"",
        lambda whole: whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:],
    ],
    ids=["cut", "a byte short", "empty", "a bit turned"],
)
def test_a_cached_file_that_is_no_good_is_made_once_more(cached, caplog, spoiled):
    whole = cached.read_bytes()
    cached.write_bytes(spoiled(whole))
    assert find_kernels.__wrapped__() is not None
    assert is_kept_whole(cached) and not caplog.records


def test_a_whole_file_of_no_use_is_made_once_more(cached, caplog):
    # As another compiler's libc would leave it.
    cached.write_bytes(b"of no use")
    digest_of(cached).write_bytes(hashlib.sha256(b"of no use").digest())
    assert find_kernels.__wrapped__() is not None
    assert is_kept_whole(cached) and not caplog.records


@pytest.mark.parametrize("digest", [None, b"", b"\xff" * 32], ids=["none", "empty", "another"])
def test_a_file_without_its_digest_is_made_once_more(cached, digest):
    # As a process that was killed between the two would leave them.
    cached.write_bytes(b"of no use")
    digest_of(cached).unlink() if digest is None else digest_of(cached).write_bytes(digest)
    assert build() == cached and is_kept_whole(cached)


def test_a_library_that_does_not_load_is_built_twice_and_logged_once(able, monkeypatch, tmp_path, caplog):
    calls = compiler(tmp_path / "bin", monkeypatch)
    monkeypatch.setattr(kernels_module, "build", lambda anew=False: build(cpuinfo=able, anew=anew))
    assert find_kernels.__wrapped__() is None
    assert compiled(calls) == 2
    (record,) = caplog.records
    assert "PyTorch computes packed weights more slowly: the compiled file cannot be loaded" in record.getMessage()


@pytest.mark.parametrize(
    ("name", "line", "wrong_line"),
    [
        # The first that uses it.
        ("few4", "all(x.step[m]), all(x.offset[m])", "all(2 * x.step[m]), all(2 * x.offset[m])"),
        ("one4|three4", "sum[m][j] = with_group(sum[m][j]", "sum[m][j] = with_group(zero()"),
        ("few8", "bias ? value + bias[n] : value", "bias ? value - bias[n] : value"),
        ("score_best", "+ scale[n] * more", "- scale[n] * more"),
        ("score_best", "x & 0x8000 ? 0xffff", "x & 0x4000 ? 0xffff"),
        ("attend", "= scale * dot(", "= 4 * scale * dot("),
        ("rms_norm", "(float)size + eps)", "(float)(2 * size) + eps)"),
    ],
)
def test_wrong_kernels_are_found_and_named(cached, monkeypatch, tmp_path, name, line, wrong_line):
    wrong = Path(shutil.copytree(SOURCES, tmp_path / "wrong"))
    (place,) = (file for file in wrong.iterdir() if line in file.read_text(encoding="utf-8"))
    source = place.read_text(encoding="utf-8")
    assert source.count(line) == 1
    place.write_text(source.replace(line, wrong_line), encoding="utf-8")
    monkeypatch.setattr(kernel_build, "SOURCES", wrong)
    with pytest.raises(NoKernels, match=f"the compiled ({name}) gives wrong results"):
        Kernels(build())
