"""Products of packed weights against float arithmetic: every size class, both ways, compiled and by torch alone."""

import importlib
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import torch
from served_app import ROOT
from torch.nn.functional import scaled_dot_product_attention

from backends.folder.packed import GROUPS
from backends.packed.instruction_sets import VARIABLE
from backends.packed.kernel_build import NoKernels, build
from backends.packed.kernels import Kernels
from backends.packed.layers import RmsNorm, decode_attention, with_quick_norms
from backends.packed.linear import FEW, FEW_WITH_TILES, Linear4, Linear8, OutputLayer
from backends.packed.residual import BEST, has_residual, residual_floats, round_output
from backends.packed.scheme import BLOCK, floats4, pack4, round4, round8, unpack4

BF16 = torch.bfloat16
# The instruction sets, newest first, and what a processor may lack besides.
TILES_IN_C = Path(__file__).with_name("native") / "tiles_in_c.h"
VARIANTS = {
    "all it has": ("", ()),
    "AMX in plain C": ("", ("-D__AMX_BF16__", "-D__AMX_INT8__", "-include", str(TILES_IN_C))),
    "avx512-vnni": ("avx512-vnni", ()),
    "avx512-vnni, no BF16": ("avx512-vnni", ("-mno-avx512bf16",)),
    "avx512-vnni, no VBMI": ("avx512-vnni", ("-mno-avx512bf16", "-mno-avx512vbmi")),
    "avx-vnni": ("avx-vnni", ()),
    "avx2": ("avx2", ()),
    "neon": ("neon", ()),
}
SHAPES = [(64, 128), (192, 576), (1, 128), (65, 256), (1100, 896), (256, 4096), (128, 13696)]
ROWS = (1, 2, 3, 4, 5, 8, FEW_WITH_TILES, FEW_WITH_TILES + 1, 33, FEW, FEW + 1, 200)


@pytest.fixture(scope="module", params=[*VARIANTS, "torch alone"])
def kernels(request, tmp_path_factory):
    if request.param == "torch alone":
        return None
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        name, flags = VARIANTS[request.param]
        patch.setenv(VARIABLE, name)
        try:
            return Kernels(build(flags))
        except NoKernels as reason:
            pytest.skip(f"no kernels on this machine: {reason}")


def matrix(rows, columns, seed=1):
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))


@cache
def rounded4(shape, group):
    """A weight in 4 bits, as floats and packed; rounded once for all instruction sets."""
    rounded = round4(matrix(*shape), group)
    return rounded.floats(), pack4(rounded)


def off(found, wanted):
    return float((found.float() - wanted).norm() / wanted.norm())


def product_off(layer, x, weight, bias=None):
    """How far a layer is from floats, in units of what a product of such a row and column usually is."""
    wanted = x.float() @ weight.T + (0 if bias is None else bias)
    usual = x.float().norm(dim=-1)[:, None] * weight.norm(dim=-1) / weight.shape[1] ** 0.5
    return float((layer(x).float() - wanted).norm() / usual.norm())


def test_the_instruction_set_that_is_forced_computes(kernels, request):
    name = request.node.callspec.params["kernels"]
    if kernels is None or name == "all it has":
        pytest.skip("nothing is forced")
    asked, _ = VARIANTS[name]
    assert asked in ("", kernels.instruction_set.lower())
    assert kernels.tiles == (name == "AMX in plain C")
    assert str(kernels).startswith(
        f"compiled kernels for {kernels.instruction_set}{' and AMX' * kernels.tiles}, reading"
    )


# ---- rounding and layout


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("shape", [(64, 128), (65, 256), (1, 128)])
def test_a_packed_weight_is_the_rounded_one(shape, group):
    rounded = round4(matrix(*shape), group)
    packed = pack4(rounded)
    again = unpack4(packed, shape[0])
    assert all(torch.equal(getattr(again, name), value) for name, value in vars(rounded).items())
    floats = floats4(packed).transpose(1, 2).flatten(0, 1)[: shape[0]]
    assert torch.allclose(floats, rounded.floats(), rtol=0, atol=1e-6 * float(rounded.floats().abs().max()))


def test_four_bits_are_the_nearest_of_a_grid_that_is_no_worse_than_from_end_to_end():
    weight = matrix(64, 128)
    found = round4(weight, 32)
    groups, floats = weight.view(64, 4, 32), found.floats().view(64, 4, 32)
    scale, zero = found.scale.float()[..., None] * found.unit[:, None, None], found.zero.float()[..., None] / 16
    grid = scale * (torch.arange(-8.0, 8) + zero)
    assert torch.equal((groups[..., None] - grid[:, :, None]).abs().argmin(-1).to(torch.uint8).view(64, 128), found.q)
    least, most = groups.amin(-1, True), groups.amax(-1, True)
    step = (most - least) / 15
    plain = ((groups - least) / step).round() * step + least
    # Scales and zeros of 8 bits may cost a little.
    assert ((groups - floats).square().sum(-1) <= 1.05 * (groups - plain).square().sum(-1)).all()
    assert (groups - floats).square().sum() < 0.93 * (groups - plain).square().sum()


def test_eight_bits_are_the_nearest_of_255():
    weight = matrix(64, 128)
    eight = round8(weight)
    assert ((eight.floats() - weight).abs() <= 0.5001 * eight.scale[:, None]).all()
    assert int(eight.q.abs().max()) == 127


@pytest.mark.parametrize("rounding", [lambda weight: round4(weight, 32), round8])
def test_a_weight_of_zeros_stays_zeros_and_a_constant_one_nearly_so(rounding):
    assert (rounding(torch.zeros(3, 64)).floats() == 0).all()
    assert off(rounding(torch.full((3, 64), 0.7)).floats(), torch.full((3, 64), 0.7)) < 0.01


@pytest.mark.parametrize("shape", [(70, 128), (64, 4096)])
def test_an_output_layer_is_as_close_to_its_weights_as_with_eight_bits(shape):
    weight = matrix(*shape)
    weight[3] = 0
    first, (residual, scale) = round_output(weight, 32)
    assert residual.shape == (shape[0], shape[1] // 2) and residual.dtype == torch.uint8
    floats = first.floats() + residual_floats(residual, scale)
    assert ((floats - weight).abs() <= 0.5001 * scale[:, None]).all() and floats[3].abs().max() < 1e-11
    assert off(floats, weight) < off(round8(weight).floats(), weight) < 0.2 * off(first.floats(), weight)


@pytest.mark.parametrize(
    ("shape", "has"), [((151_936, 4096), True), ((4096, 64), True), ((4095, 4096), False), ((65_024, 4128), False)]
)
def test_only_a_large_output_layer_of_whole_chunks_has_a_residual(shape, has):
    assert has_residual(shape) == has


# ---- products


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_four_bits_multiply_as_floats_do(kernels, shape, group, request):
    if shape[1] % group:
        pytest.skip("columns come in whole groups")
    if shape[1] > 5000 and request.node.callspec.params["kernels"] == "AMX in plain C":
        pytest.skip("would take five seconds")
    weight, packed = rounded4(shape, group)
    bias = matrix(1, shape[0], 3)[0]
    layers = [Linear4(packed, shape[0], given, kernels) for given in (None, bias)]
    for rows in ROWS:
        x = matrix(rows, shape[1], 100 + rows).to(BF16)
        # Few rows are rounded to 8 bits a group; the rest is bfloat16. Few numbers may be off by more than most are.
        limit = 0.012 if rows * shape[0] > 100 else 0.03
        assert product_off(layers[0], x, weight) < limit
        assert product_off(layers[1], x, weight, bias) < limit


@pytest.mark.parametrize("shape", [*SHAPES, (7, 100)], ids=str)
def test_eight_bits_multiply_as_floats_do(kernels, shape):
    rounded = round8(matrix(*shape))
    bias = matrix(1, shape[0], 3)[0]
    layers = [Linear8((rounded.q, rounded.scale), given, kernels) for given in (None, bias)]
    for rows in ROWS:
        x = matrix(rows, shape[1], 100 + rows).to(BF16)
        assert product_off(layers[0], x, rounded.floats()) < 0.012
        assert product_off(layers[1], x, rounded.floats(), bias) < 0.012


@pytest.mark.parametrize("offset", [0, 4, 8, 16])
def test_eight_bits_may_begin_anywhere_in_a_file(kernels, offset):
    # More rows than torch's own product gets a copy of at a time.
    rounded = round8(matrix(1040, 128))
    memory = torch.empty(rounded.q.numel() + 64, dtype=torch.int8)
    start = -memory.data_ptr() % 64 + offset
    weight = memory[start : start + rounded.q.numel()].view(rounded.q.shape).copy_(rounded.q)
    for rows in (1, 4, 30):
        x = matrix(rows, 128, rows).to(BF16)
        assert product_off(Linear8((weight, rounded.scale), None, kernels), x, rounded.floats()) < 0.012


def test_products_of_many_rows_do_not_round_the_activations(kernels):
    if kernels and not kernels.tiles:
        pytest.skip("without tiles integers are the quicker way")
    rounded = round4(matrix(128, 4096), 32)
    x = matrix(100, 4096).to(BF16)
    x[:, ::97] *= 100
    assert off(Linear4(pack4(rounded), 128, None, kernels)(x), x.float() @ rounded.floats().T) < 0.006


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_rows_product_is_bitwise_the_same_whatever_the_company_and_the_threads(kernels, threads):
    if kernels is None:
        pytest.skip("torch promises no such thing")
    four, eight = round4(matrix(320, 512), 32), round8(matrix(320, 512))
    packed = pack4(four)
    few = [lambda x: kernels.few4(x, packed, None), lambda x: kernels.few8(x, eight.q, eight.scale, None)]
    ways = [*few, lambda x: kernels.many4(x, packed, None)] if kernels.tiles else few
    output, residual, _ = output_weights(512)

    def score(x):
        y = kernels.few4(x, output, None)
        kernels.score_best(x, *residual, y, BEST)
        return y

    ways = [*ways, score]
    x = matrix(80, 512, 5).to(BF16)
    before = torch.get_num_threads()
    alone = [[way(x[row : row + 1]) for row in range(80)] for way in ways]
    torch.set_num_threads(threads)
    try:
        for way, rows in zip(ways, alone, strict=True):
            # Few rows, one more than a panel has, and the many of an odd part.
            for first, last in ((0, 9), (3, 8), (0, 73), (0, 80), (1, 20)):
                assert torch.equal(way(x[first:last].contiguous()), torch.cat(rows[first:last]))
    finally:
        torch.set_num_threads(before)


# No whole number of blocks.
TOKENS = 4 * BEST + 70


@cache
def output_weights(columns):
    """An output layer's weights, rounded once for all instruction sets."""
    first, residual = round_output(matrix(TOKENS, columns), 32)
    return pack4(first), residual, first.floats() + residual_floats(*residual)


@pytest.mark.parametrize("columns", [64, 576, 4096])
@pytest.mark.parametrize("rows", [1, 2, 5, FEW])
def test_the_best_scores_are_those_of_eight_bits_and_the_others_those_of_four(kernels, columns, rows):
    packed, residual, floats = output_weights(columns)
    bias = matrix(1, TOKENS, 3)[0] * columns**0.5
    x = matrix(rows, columns, 2).to(BF16)
    for given in (None, bias):
        four = Linear4(packed, TOKENS, given, kernels)(x)
        found = OutputLayer(packed, residual, TOKENS, given, kernels)(x)
        wanted = x.float() @ floats.T + (0 if given is None else given)
        for row in range(rows):
            least = four[row].topk(BEST).values[-1]
            # Of equal scores at the limit some are among the best.
            best, others = four[row] > least, four[row] < least
            assert BEST / 2 < int(best.sum()) <= BEST and torch.equal(found[row, others], four[row, others])
            assert int((found[row] != four[row]).sum()) <= BEST
            wrong, before = (off(scores[row, best], wanted[row, best]) for scores in (found, four))
            assert wrong < 0.01 < 0.02 < before
            assert off(found[row], wanted[row]) < 0.1


def test_many_rows_get_all_scores_in_eight_bits(kernels):
    packed, residual, floats = output_weights(576)
    x = matrix(FEW + 1, 576, 2).to(BF16)
    assert product_off(OutputLayer(packed, residual, TOKENS, None, kernels), x, floats) < 0.015


@pytest.mark.parametrize("best", [1, 5, 128, 131, BEST])
def test_the_best_are_found_wherever_they_are(kernels, best):
    if kernels is None:
        pytest.skip("torch has a function for it")
    residual, scale = torch.full((TOKENS, 32), 0x99, dtype=torch.uint8), torch.full((TOKENS,), 1 / 127)
    x = torch.full((4, 64), 127, dtype=BF16)
    # Different numbers, all equal to their own bfloat16: in any order, rising, falling, and all small ones negative.
    numbers = (torch.arange(2 * TOKENS, dtype=torch.int32) + 16_000).to(torch.int16)[:TOKENS].view(BF16)
    order = torch.randperm(TOKENS, generator=torch.Generator().manual_seed(1))
    y = torch.stack([numbers[order], numbers, numbers.flip(0), -numbers[order]])
    wanted = y.float().topk(best).indices.sort().values
    found = y.clone()
    kernels.score_best(x, residual, scale, found, best)
    for row in range(4):
        changed = (y[row].float() + 64).to(BF16) == found[row]
        assert changed[wanted[row]].all()
        others = torch.ones(TOKENS, dtype=torch.bool).index_fill(0, wanted[row], False)
        assert torch.equal(found[row, others], y[row, others])


def test_of_equal_scores_the_first_ones_are_the_best(kernels):
    if kernels is None:
        pytest.skip("torch promises no order")
    # All rows give the same, 7 * 64.
    residual, scale = torch.full((TOKENS, 32), 0xFF, dtype=torch.uint8), torch.full((TOKENS,), 1 / 127)
    x = torch.full((3, 64), 127, dtype=BF16)
    y = torch.zeros(3, TOKENS + 10, dtype=BF16)
    # Higher ones, also the last token; of those after all tokens nothing may be changed, whatever they are.
    y[:, [7, 2000, TOKENS - 1]] = 2
    y[1] *= -1
    y[:, TOKENS:] = 9
    wanted = y.clone()
    for row, best in enumerate((BEST - 3, BEST, BEST - 3)):
        equal = (y[row, :TOKENS] == 0).nonzero()[:best, 0]
        wanted[row, equal] += 7 * 64
        wanted[row, (y[row, :TOKENS] > 0).nonzero()[:, 0]] += 7 * 64
    kernels.score_best(x, residual, scale, y, BEST)
    assert torch.equal(y, wanted)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("rows", [2, 5, FEW_WITH_TILES + 1, FEW + 1])
def test_nan_stays_nan_and_in_its_own_row(kernels, rows, value):
    """A sampler refuses it; a number made of it would be an answer."""
    four, eight = round4(matrix(192, 256), 32), round8(matrix(192, 256))
    layers = [Linear4(pack4(four), 192, None, kernels), Linear8((eight.q, eight.scale), None, kernels)]
    packed, residual, _ = output_weights(256)
    layers.append(OutputLayer(packed, residual, TOKENS, None, kernels))
    for layer in layers:
        x = matrix(rows, 256, 2).to(BF16)
        wanted = layer(x)
        x[1, 130] = value
        found = layer(x)
        assert not found[1].isfinite().any(), layer
        others = [row for row in range(rows) if row != 1]
        assert torch.equal(found[others], wanted[others]), layer


PRODUCTS = """
import torch
from backends.packed.linear import FEW4, Linear4
from backends.packed.scheme import Rounded4, pack4, product4, round4

capability, kernel = torch.backends.cpu.get_cpu_capability(), torch.ops.aten._weight_int4pack_mm_for_cpu
random, read = torch.Generator().manual_seed(1), set()
torch.set_num_threads(2)

def recording(x, weight, group, scales):
    read.add((weight.data_ptr(), weight.nbytes))
    return kernel(x, weight, group, scales)

torch.ops.aten._weight_int4pack_mm_for_cpu = recording
for group in (32, 64, 128):
    weight = torch.randn(2000, 384, generator=random)
    rounded = round4(weight, group)
    weights = packed, _, _ = pack4(rounded)
    layer, floats = Linear4(weights, 2000, None, None), rounded.floats()
    x = torch.randn(70, 384, generator=random).bfloat16()
    wanted = x.float() @ floats.T
    with torch.inference_mode():
        # What it keeps is used outside of inference mode as well.
        layer(x[:1])
    for rows in (1, 3, 8, 9, 32, 33, 70):
        read.clear()
        off = float((layer(x[:rows]).float() - wanted[:rows]).norm() / wanted[:rows].norm())
        assert off < 0.006, (group, rows, off)
        # Each block is read where it is, without a copy.
        few = rows <= FEW4.get(capability, 0)
        assert sum(size for _, size in read) == (packed.nbytes if few else 0), (group, rows, read)
        assert all(packed.data_ptr() <= at < packed.data_ptr() + packed.nbytes for at, _ in read)
    if capability in FEW4:
        assert torch.equal(layer(x[:8]), torch.cat([layer(x[row : row + 1]) for row in range(8)]))

if capability in FEW4:
    # Every scale with every zero, each in a group of its own, of which x takes the first column.
    scale = torch.arange(256).repeat(256).view(512, 128)
    zero = torch.arange(-128, 128).repeat_interleave(256).view(512, 128)
    q, unit = torch.full((512, 4096), 9, dtype=torch.uint8), torch.full((512,), 16.0)
    weights = pack4(Rounded4(q, scale.to(torch.uint8), zero.to(torch.int8), unit))
    x = torch.zeros(128, 4096).index_put_((torch.arange(128), torch.arange(0, 4096, 32)), torch.tensor(1.0)).bfloat16()
    found = torch.cat([product4(rows, weights, capability) for rows in x.split(32)])
    wanted = 16 * scale + (zero * scale).bfloat16().float()
    assert torch.equal(found, wanted.T.bfloat16().float())
print(capability)
"""


@pytest.mark.parametrize("capability", ["AVX512", "AVX2", "DEFAULT"])
def test_torch_alone_multiplies_the_mapped_weight_on_every_processor(capability):
    environment = {**os.environ, "ATEN_CPU_CAPABILITY": capability.lower()}
    run = subprocess.run([sys.executable, "-c", PRODUCTS], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    if run.stdout.strip() != capability:
        pytest.skip(f"this processor has no more than {run.stdout.strip()}")


# ---- attention


@pytest.mark.parametrize(("heads", "kv_heads", "size"), [(32, 32, 128), (32, 2, 128), (9, 3, 64), (4, 1, 192)])
def test_attention_of_one_token_is_torchs(kernels, heads, kv_heads, size):
    if kernels is None:
        pytest.skip("without kernels torch computes it")
    lengths = (1, 15, 16, 17, 700)
    q = matrix(len(lengths) * heads, size, 1).view(-1, heads, size).to(BF16)
    keys, values = (
        [matrix(kv_heads * 800, size, seed + n).view(kv_heads, 800, size).to(BF16)[:, :n] for n in lengths]
        for seed in (10, 20)
    )
    found = kernels.attend(q, keys, values, size**-0.5)
    for row, (key, value) in enumerate(zip(keys, values, strict=True)):
        wanted = scaled_dot_product_attention(
            q[row][None, :, None].float(), key[None].float(), value[None].float(), enable_gqa=True
        )[0, :, 0]
        assert off(found[row], wanted) < 0.006
        assert torch.equal(found[row : row + 1], kernels.attend(q[row : row + 1], [key], [value], size**-0.5))


@pytest.mark.parametrize(
    ("key", "value"),
    [((2, 5, 128), (2, 5, 64)), ((2, 5, 64), (2, 5, 64)), ((3, 5, 128), (3, 5, 128)), ((2, 5, 128), (2, 6, 128))],
)
def test_heads_that_the_kernel_would_read_past_are_refused(kernels, key, value):
    if kernels is None:
        pytest.skip("without kernels the library computes it")
    queries = torch.zeros(1, 4, 1, 128, dtype=BF16)
    with pytest.raises(ValueError, match=r"(differ in size|not supported)"):
        decode_attention(kernels, queries, [(torch.zeros(key, dtype=BF16), torch.zeros(value, dtype=BF16))], 1.0)


@pytest.mark.parametrize("kind", ["Qwen2", "Qwen3", "Qwen3_5", "Glm", "Glm4", "Llama"])
@pytest.mark.parametrize("size", [8, 100, 4096])
def test_a_norm_is_the_librarys(kernels, kind, size):
    if kernels is None:
        pytest.skip("without kernels the library computes it")
    module = importlib.import_module(f"transformers.models.{kind.lower()}.modeling_{kind.lower()}")
    norm = getattr(module, f"{kind}RMSNorm")(size, eps=1e-5)
    norm.weight.data = matrix(1, size, 2)[0].to(BF16)
    model = with_quick_norms(torch.nn.Sequential(norm), kernels)
    assert type(model[0]) is RmsNorm
    x = (matrix(5, size, 3) * torch.tensor([[1.0], [100], [0.001], [0], [5]])).to(BF16)
    wanted, found = norm(x).float(), model[0](x).float()
    # Sums in another order: at most the last bit of the quotient, twice rounded.
    assert torch.allclose(found, wanted, rtol=0.016, atol=1e-30)
    assert float((found != wanted).float().mean()) < 0.01


def test_reading_reads_all_of_it(kernels):
    if kernels is None:
        pytest.skip("without kernels nothing is measured")
    memory = torch.zeros(1 << 20, dtype=torch.uint8)
    memory.view(torch.int64)[:: 1 << 10] = 3
    assert kernels.read_lines(memory) == 3 * (1 << 20) // 8 // (1 << 10)


def test_rows_are_filled_up_to_a_block():
    packed, scales, units = pack4(round4(matrix(65, 128), 32))
    assert packed.shape == (2, 128, 32) and scales.shape == (2, 4, BLOCK, 2) and units.shape == (2, BLOCK)


AVX2 = """
import torch
from backends.packed.scheme import pack4
from backends.packed.linear import Linear4
from backends.packed.scheme import round4

assert torch.backends.cpu.get_cpu_capability() == "AVX2"
rounded = round4(torch.randn(130, 256), 32)
layer = Linear4(pack4(rounded), 130, None, None)
for rows in (1, 5, 70):
    x = torch.randn(rows, 256).to(torch.bfloat16)
    wanted = x.float() @ rounded.floats().T
    print(float((layer(x).float() - wanted).norm() / wanted.norm()))
"""


def test_a_processor_with_avx2_alone_gets_the_same_weights_in_its_own_order():
    environment = {**os.environ, "ATEN_CPU_CAPABILITY": "avx2"}
    done = subprocess.run([sys.executable, "-c", AVX2], env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(float(line) < 0.012 for line in done.stdout.split()) and len(done.stdout.split()) == 3
