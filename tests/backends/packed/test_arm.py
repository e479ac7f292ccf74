"""The kernels for ARM, compiled by a cross compiler and run by an emulator, against float arithmetic."""

import shutil
import subprocess
from pathlib import Path

import pytest
import torch
from torch.nn.functional import rms_norm

from backends.folder.packed import GROUPS
from backends.packed.kernel_build import FLAGS
from backends.packed.residual import residual_floats, round_output
from backends.packed.scheme import pack4, round4, round8

BF16 = torch.bfloat16
DRIVER = Path(__file__).with_name("native") / "driver.c"
COMPILER, EMULATOR = "aarch64-linux-gnu-gcc", "qemu-aarch64"
# With and without the products of matrices of bytes.
PROCESSORS = {"dotprod": "armv8.2-a+dotprod", "i8mm": "armv8.6-a"}


@pytest.fixture(scope="module", params=PROCESSORS)
def run(request, tmp_path_factory):
    """Calls the driver with words and tensors, for bfloat16 numbers."""
    for tool in (COMPILER, EMULATOR):
        if not shutil.which(tool):
            pytest.skip(f"there is no {tool} (apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user)")
    program = tmp_path_factory.mktemp("arm") / "driver"
    # Alone in its process: no threads.
    flags = [flag for flag in FLAGS if flag != "-fopenmp"]
    command = [
        COMPILER,
        *flags,
        f"-march={PROCESSORS[request.param]}",
        "-static",
        str(DRIVER),
        "-o",
        str(program),
        "-lm",
    ]
    subprocess.run(command, check=True)

    def call(*words, tensors):
        data = b"".join(tensor.contiguous().view(torch.uint8).numpy().tobytes() for tensor in tensors)
        done = subprocess.run([EMULATOR, str(program), *map(str, words)], input=data, capture_output=True)
        assert done.returncode == 0, done.stderr
        return torch.frombuffer(bytearray(done.stdout), dtype=BF16).float()

    return call


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
