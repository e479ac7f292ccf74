"""The kernels compiled for ARM and for Windows, and run by an emulator or by Wine, against float arithmetic."""

import os
import re
import shutil
import subprocess
import zipfile
from dataclasses import replace
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
import torch
from environments import python_with
from served_app import ROOT
from torch.nn.functional import rms_norm

from backends.folder.packed import GROUPS
from backends.packed import compilers as compilers_module
from backends.packed.compilers import compilers
from backends.packed.instruction_sets import FORCED
from backends.packed.kernel_build import FLAGS, SOURCES
from backends.packed.residual import residual_floats, round_output
from backends.packed.scheme import pack4, round4, round8

BF16 = torch.bfloat16
DRIVER = Path(__file__).with_name("native") / "driver.c"
COMPILER, EMULATOR = "aarch64-linux-gnu-gcc", "qemu-aarch64"
# With and without the products of matrices of bytes.
ARM = {"dotprod": "armv8.2-a+dotprod", "i8mm": "armv8.6-a"}
WINDOWS = {"avx2": "haswell", "avx512-vnni": "cascadelake"}
ZIG = ROOT / "requirements-kernels.txt"
# The library that PyTorch for Windows brings.
OPENMP = "intel-openmp==2026.2.0"
MACHINES = [*ARM, *(pytest.param(name, marks=pytest.mark.extra) for name in WINDOWS)]


@pytest.fixture(scope="module", params=MACHINES)
def run(request, tmp_path_factory):
    """Calls the driver with words and tensors, for bfloat16 numbers."""
    # The same for all, so that what Zig compiles for one is there for the next.
    folder = tmp_path_factory.getbasetemp() / "drivers"
    folder.mkdir(exist_ok=True)
    command, environment = (driver_for_arm if request.param in ARM else driver_for_windows)(request.param, folder)

    def call(*words, tensors):
        data = b"".join(tensor.contiguous().view(torch.uint8).numpy().tobytes() for tensor in tensors)
        words = [*command, *map(str, words)]
        done = subprocess.run(words, input=data, capture_output=True, env={**os.environ, **environment})
        assert done.returncode == 0, done.stderr
        return torch.frombuffer(bytearray(done.stdout), dtype=BF16).float()

    return call


def driver_for_arm(name, folder):
    """Alone in its process, without threads."""
    for tool in (COMPILER, EMULATOR):
        if not shutil.which(tool):
            pytest.skip(f"there is no {tool} (apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user)")
    program = str(folder / name)
    subprocess.run([COMPILER, *FLAGS, f"-march={ARM[name]}", "-static", str(DRIVER), "-o", program, "-lm"], check=True)
    return [EMULATOR, program], {}


def driver_for_windows(name, folder):
    """It calls a library that is made as on Windows, with the threads of Intel's OpenMP library."""
    wine = shutil.which("wine64") or shutil.which("wine") or pytest.skip("there is no wine (apt-get install wine)")
    if lacking := FORCED[name].lacking():
        pytest.skip(f"the processor has no {lacking[0]}")
    openmp = openmp_for_windows(python_with(ZIG), folder)
    zig = zig_for("win32", "x86_64-windows-gnu", openmp)
    flags = [*FLAGS, f"-march={WINDOWS[name]}"]
    library, part, program = (folder / f"{name}.{suffix}" for suffix in ("so", "o", "exe"))
    zig.link([SOURCES / "main.c", SOURCES / "openmp.c"], flags, library)
    caches = {f"ZIG_{which}_CACHE_DIR": str(folder) for which in ("GLOBAL", "LOCAL")}
    for arguments in ([*flags, "-c", str(DRIVER), "-o", str(part)], [str(part), "-o", str(program)]):
        subprocess.run([*zig.command, *arguments], check=True, env={**os.environ, **caches})
    # Wine cannot say which memory is near which core.
    own = {"WINEPREFIX": str(folder / "wine"), "WINEDEBUG": "-all", "KMP_AFFINITY": "disabled"}
    return [wine, str(program)], {**own, "KERNELS": f"Z:{library}"}


def zig_for(system, target, openmp):
    """The compiler that the app would take on the system, without one of the system's own."""
    (package,) = python_with(ZIG).parent.parent.glob("lib/python*/site-packages/ziglang/__init__.py")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compilers_module, "find_spec", lambda name: ModuleSpec(name, None, origin=str(package)))
        *_, zig = compilers(openmp, system)
    return replace(zig, command=(*zig.command, "-target", target))


def openmp_for_windows(python, folder):
    wanted = ["--no-deps", "--platform", "win_amd64", "--only-binary", ":all:", OPENMP]
    subprocess.run([str(python), "-m", "pip", "download", "-q", "-d", str(folder), *wanted], check=True)
    (wheel,) = folder.glob("intel_openmp*.whl")
    with zipfile.ZipFile(wheel) as files:
        (member,) = (name for name in files.namelist() if name.endswith("/libiomp5md.dll"))
        (folder / "libiomp5md.dll").write_bytes(files.read(member))
    return folder / "libiomp5md.dll"


def matrix(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def off(found, wanted):
    return float((found.view(wanted.shape) - wanted).norm() / wanted.norm())


@pytest.mark.parametrize("group", GROUPS)
def test_four_bits_multiply_as_floats_do(run, group):
    four, bias = round4(matrix(128, 512), group), matrix(128, seed=2)
    rows = {}
    for count in (1, 2, 5, 16, 70):
        x = matrix(70, 512, seed=3)[:count].to(BF16)
        rows[count] = run("few4", count, 512, 128, group, tensors=(x, *pack4(four), bias)).view(count, 128)
        assert off(rows[count], x.float() @ four.floats().T + bias) < 0.012
        # A row's result is the same whatever the others.
        assert torch.equal(rows[count][0], rows[1][0])


def test_eight_bits_multiply_as_floats_do(run):
    eight, bias = round8(matrix(70, 192)), matrix(70, seed=2)
    for count in (1, 3, 9):
        x = matrix(count, 192, seed=count).to(BF16)
        found = run("few8", count, 192, 70, tensors=(x, eight.q, eight.scale, bias))
        assert off(found, x.float() @ eight.floats().T + bias) < 0.012


def test_the_best_scores_get_the_product_with_the_residual(run):
    first, (residual, scale) = round_output(matrix(70, 192), 32)
    for count in (1, 3):
        x = matrix(count, 192, seed=count).to(BF16)
        four = (x.float() @ first.floats().T).to(BF16)
        best = four.topk(9).indices
        wanted = four.float().scatter_add(1, best, (x.float() @ residual_floats(residual, scale).T).gather(1, best))
        found = run("score_best", count, 192, 70, 9, tensors=(x, residual, scale, four)).view(count, 70)
        assert off(found.gather(1, best), wanted.gather(1, best)) < 0.006
        assert int((found != four).sum()) <= 9 * count


def test_attention_and_norms_are_torchs(run):
    query, keys, values = (matrix(count, 128, seed=count).to(BF16) for count in (1, 37, 38))
    values = values[:37]
    wanted = (query.float() @ keys.float().T * 0.1).softmax(-1) @ values.float()
    assert off(run("attend", 1, 128, 37, tensors=(query, keys, values)), wanted) < 0.006
    x, weight = matrix(3, 100).to(BF16), matrix(100, seed=2).to(BF16)
    wanted = rms_norm(x.float(), (100,), weight.float(), 1e-6)
    assert off(run("norm", 3, 100, tensors=(x, weight)), wanted) < 0.006


@pytest.mark.parametrize("count", [1, 5])
def test_what_is_not_finite_stays_so_and_in_its_row(run, count):
    x = matrix(count, 256).to(BF16)
    x[0, 130] = torch.nan
    found = run("few4", count, 256, 64, 32, tensors=(x, *pack4(round4(matrix(64, 256), 32)), torch.zeros(64)))
    finite = found.view(count, 64).isfinite()
    assert not finite[0].any() and finite[1:].all()


@pytest.mark.extra
def test_macs_kernels_need_nothing_but_the_system_and_openmp(tmp_path):
    zig = zig_for("darwin", "aarch64-macos", Path("libomp.dylib"))
    flags, library = [*FLAGS, "-mcpu=apple_m1"], tmp_path / "kernels.so"
    zig.link([SOURCES / "main.c", SOURCES / "openmp.c"], flags, library)
    assert library.read_bytes()[:4] == b"\xcf\xfa\xed\xfe"
    # What cannot be found later is named by a linker that must find everything.
    strict = [*zig.command, "-shared", str(tmp_path / "main.o"), "-o", str(tmp_path / "strict.so")]
    caches = {f"ZIG_{which}_CACHE_DIR": str(tmp_path) for which in ("GLOBAL", "LOCAL")}
    done = subprocess.run(strict, capture_output=True, text=True, env={**os.environ, **caches})
    missing = re.findall(r"undefined symbol: (\w+)", done.stderr)
    assert missing and all(name.startswith("___kmpc_") for name in missing), done.stderr
