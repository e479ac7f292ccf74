"""Qwen3.5 in 4 and 8 bits: the kernel of its layers, and a packed folder against floats with the same weights."""

from dataclasses import replace

import pytest
import torch
from native_folders import qwen35_folder
from opened import open_backends
from packing_jobs import job_for, silent
from torch import nn

from arena.generation_config import GenerationConfig
from arena.types import Message
from backends.families.qwen35 import FLOAT32
from backends.families.weights import architecture_of, load_weights
from backends.folder.checkpoint import read_tensors
from backends.folder.packed import packed_weights, read_packed
from backends.memory.estimate import need_of
from backends.models.resolve import folder_spec
from backends.packed import slices
from backends.packed.kernels import BF16, find_kernels
from backends.packed.layers import QuickDelta, QuickLayer, QuickStateLayer, with_quick_deltas
from backends.packed.linear import Linear4, Linear8
from backends.packed.open import packed_rows
from backends.packed.pack import pack
from backends.packed.scheme import unpack4
from backends.stepping.batched import Rows
from backends.stepping.cache import TokenCache
from backends.stepping.delta import DeltaRows, state_of

# What the kernels support: heads of 128 in the layers with states, of 64 in the others.
SIZES = {
    "hidden_size": 128,
    "intermediate_size": 192,
    "head_dim": 64,
    "linear_key_head_dim": 128,
    "linear_value_head_dim": 128,
    "linear_num_key_heads": 1,
    "linear_num_value_heads": 2,
}


@pytest.fixture(scope="module")
def kernels():
    return find_kernels() or pytest.skip("no kernels on this machine")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    place = tmp_path_factory.mktemp("qwen35")
    source = qwen35_folder(place / "qwen35", **SIZES)
    jobs = {precision: job_for(source, precision) for precision in ("int4", "int8")}
    for job in jobs.values():
        pack(job, silent)
    return {"source": source, **{precision: job.target for precision, job in jobs.items()}}


def ids_of(length, seed=1):
    return torch.randint(0, 250, (length,), generator=torch.Generator().manual_seed(seed)).tolist()


# ---- the kernel


def layer_of(key_heads, value_heads):
    """A layer of the library in float32, whose numbers bfloat16 holds but for those that stay in 32 bits."""
    from transformers import Qwen3_5TextConfig
    from transformers.models.qwen3_5.modeling_qwen3_5 import Qwen3_5GatedDeltaNet

    torch.manual_seed(5)
    heads = {"linear_num_key_heads": key_heads, "linear_num_value_heads": value_heads}
    layer = Qwen3_5GatedDeltaNet(Qwen3_5TextConfig(hidden_size=64, num_hidden_layers=4, **heads), 0).eval()
    layer.A_log.data.uniform_(0.01, 0.5).log_()
    layer.norm.weight.data += 0.3 * torch.randn(128)
    layer.dt_bias.data = torch.randn(value_heads).to(BF16).float()
    layer.conv1d.weight.data = torch.randn_like(layer.conv1d.weight).to(BF16).float()
    return layer


def inputs_of(layer, tokens, seed=1):
    sizes = (layer.conv_dim, layer.value_dim, layer.num_v_heads, layer.num_v_heads)
    random = torch.Generator().manual_seed(seed)
    return [torch.randn(tokens, size, generator=random).to(BF16) for size in sizes]


def mixed(mix, layer, inputs, counts, cuts=(1000,)):
    """What conversations of `counts` tokens give, all read in pieces of these sizes."""
    caches, rows = [TokenCache(1) for _ in counts], [[] for _ in counts]
    own = list(zip(*(part.split(list(counts)) for part in inputs), strict=True))
    start = 0
    for size in cuts:
        pieces = [[part[start : start + size] for part in parts] for parts in own]
        new = [len(parts[0]) for parts in pieces]
        projected = [torch.cat([parts[kind] for parts in pieces]) for kind in range(4)]
        for row, result in zip(rows, mix(layer, projected, caches, new).split(new), strict=True):
            row.append(result)
        start += size
    return [torch.cat(row) for row in rows], caches


@pytest.mark.parametrize("heads", [(1, 1), (2, 2), (2, 4), (3, 9)])
@pytest.mark.parametrize("counts", [(1,), (2,), (70,), (1, 1, 1), (3, 131, 1, 64)])
def test_the_kernel_computes_what_the_library_does(kernels, heads, counts):
    layer = layer_of(*heads)
    inputs = inputs_of(layer, sum(counts))
    found, _ = mixed(QuickDelta(layer, kernels).mix, layer, inputs, counts)
    wanted, _ = mixed(DeltaRows(layer).mix, layer, [part.float() for part in inputs], counts)
    for own, exact in zip(found, wanted, strict=True):
        # Only the result is rounded.
        assert own.dtype == BF16
        assert ((own.float() - exact).abs() <= exact.abs() * 2**-8 + 1e-4).all()


@pytest.mark.parametrize("cuts", [(1,) * 40, (7, 1, 32), (39, 1), (2, 2, 2, 34)])
def test_the_kernel_is_bitwise_the_same_wherever_a_prompt_is_cut(kernels, cuts):
    layer = layer_of(2, 4)
    quick, inputs = QuickDelta(layer, kernels), inputs_of(layer, 40)
    (whole,), (cache,) = mixed(quick.mix, layer, inputs, (40,))
    (pieces,), (other,) = mixed(quick.mix, layer, inputs, (40,), cuts)
    assert torch.equal(whole, pieces)
    assert all(torch.equal(*parts) for parts in zip(state_of(cache, layer), state_of(other, layer), strict=True))


@pytest.mark.parametrize("threads", [1, 3])
def test_the_kernel_is_bitwise_the_same_in_company_and_with_other_threads(kernels, threads):
    layer, counts = layer_of(2, 4), (5, 1, 90, 2)
    quick, inputs = QuickDelta(layer, kernels), inputs_of(layer, sum(counts))
    together, _ = mixed(quick.mix, layer, inputs, counts)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for number, own in enumerate(zip(*(part.split(list(counts)) for part in inputs), strict=True)):
            (alone,), _ = mixed(quick.mix, layer, own, counts[number : number + 1])
            assert torch.equal(alone, together[number])
    finally:
        torch.set_num_threads(before)


def test_what_is_not_finite_stays_in_its_conversation(kernels):
    layer, counts = layer_of(2, 2), (3, 3)
    inputs = inputs_of(layer, 6)
    inputs[0][1, 300] = torch.nan
    found, _ = mixed(QuickDelta(layer, kernels).mix, layer, inputs, counts)
    assert found[0].isnan().any() and found[1].isfinite().all()


@pytest.mark.parametrize("sizes", [{"linear_key_head_dim": 64}, {"linear_conv_kernel_dim": 2}, {"hidden_act": "gelu"}])
def test_layers_of_other_sizes_stay_the_librarys(kernels, sizes):
    from transformers import Qwen3_5TextConfig
    from transformers.models.qwen3_5.modeling_qwen3_5 import Qwen3_5GatedDeltaNet

    layer = Qwen3_5GatedDeltaNet(Qwen3_5TextConfig(hidden_size=64, num_hidden_layers=4, **sizes), 0)
    assert "forward" not in vars(with_quick_deltas(nn.Sequential(layer), kernels)[0])


# ---- a packed folder


def rounded_floats(folders, precision):
    """The float model with the packed weights, and the packed rows."""
    rows = packed_rows(architecture_of(folders[precision]))
    model = load_weights(architecture_of(folders["source"]), "fp32")
    for name, module in rows.model.named_modules():
        if isinstance(module, Linear4):
            weight = unpack4(module.packed, module.out_features).floats()
        elif isinstance(module, Linear8):
            weight = module.weight.float() * module.scale[:, None]
        else:
            continue
        target = model.get_submodule(name)
        target.weight = nn.Parameter(weight, requires_grad=False)
    return model, rows


def scores_of(rows, ids, sizes):
    cache, scores = TokenCache(512), []
    for size in sizes:
        piece = ids[cache.n : cache.n + size]
        scores.append(rows.read(cache, piece, 0) if size > 1 else rows.decode([cache], piece))
    return torch.cat(scores).float().log_softmax(-1)


@pytest.mark.parametrize("compiled", [True, False], ids=["kernels", "torch alone"])
@pytest.mark.parametrize("precision", ["int4", "int8"])
def test_a_packed_folder_is_near_to_floats_with_its_weights(folders, precision, compiled, monkeypatch, request):
    if compiled:
        request.getfixturevalue("kernels")
    else:
        monkeypatch.setattr("backends.packed.open.find_kernels", lambda: None)
    model, rows = rounded_floats(folders, precision)
    kinds = [type(vars(layer).get("forward")) for layer in rows.model.model.layers]
    # In 8 bits no layer is computed as a whole.
    whole = [QuickStateLayer] * 3 + [QuickLayer]
    assert kinds == (whole if compiled and precision == "int4" else [type(None)] * 4)
    assert isinstance(rows.model.model.layers[0].linear_attn.forward, QuickDelta) == compiled
    ids = ids_of(150)
    exact = scores_of(Rows(model, None), ids, [150])
    for sizes in ([150], [64, 1, 85], [100] + 50 * [1]):
        own = scores_of(rows, ids, sizes)
        assert (exact.exp() * (exact - own)).sum(-1).mean() < 0.0005
    assert exact.std() > 0.3


def test_a_packed_conversation_is_bitwise_the_same_alone_and_in_company(folders):
    rows = packed_rows(architecture_of(folders["int4"]))

    def decoded(lengths):
        caches = [TokenCache(512) for _ in lengths]
        for length, cache in zip(lengths, caches, strict=True):
            rows.read(cache, ids_of(length, length))
        return [rows.decode(caches, [length % 250 for length in lengths]) for _ in range(4)]

    together = decoded((70, 1, 9, 33))
    for number, length in enumerate((70, 1, 9, 33)):
        for step, scores in enumerate(decoded((length,))):
            assert torch.equal(scores[0], together[step][number])


@pytest.mark.parametrize("precision", ["int4", "int8"])
def test_what_a_packed_folder_holds(folders, precision):
    info = read_packed(folders[precision])
    tensors = read_tensors(packed_weights(folders[precision], info).files)
    wide = {name: entry["dtype"] for name, entry in tensors.items() if name.endswith(FLOAT32)}
    assert len(wide) == 2 * 3 and set(wide.values()) == {"F32"}
    place = "model.layers.0.linear_attn.in_proj_"
    # Two rows would fill a block of 64.
    assert tensors[f"{place}a.weight8"]["shape"] == [2, 128]
    assert (f"{place}qkv.packed" in tensors) == (precision == "int4")
    assert not any("visual" in name or "mtp" in name for name in tensors)


def test_a_packed_folder_answers_and_takes_the_memory_that_is_promised(folders):
    spec = folder_spec(folders["int4"])
    assert need_of(spec).cache == 8 * (2 * 2 * 64 * 2 * 1024 + 3 * (3 * (2 * 128 * 128 + 3 * 4 * 128) * 4))
    (backend,) = open_backends([spec])
    *_, last = backend.stream([Message("user", "Hello")], GenerationConfig(max_new_tokens=5, temperature=0))
    backend.close()
    assert last.finish_reason in ("stop", "length") and last.usage.prompt_tokens


def test_it_can_be_rounded_better(folders, monkeypatch):
    monkeypatch.setattr(slices, "calibration_ids", lambda prompt_ids: [ids_of(60, 2), ids_of(50, 3)])
    job = job_for(folders["source"], target=folders["source"].with_name("better@int4"))
    job = replace(job, info=replace(job.info, method="gptq"))
    pack(job, silent)
    tensors = read_tensors(packed_weights(job.target, read_packed(job.target)).files)
    assert "model.layers.0.linear_attn.in_proj_b.weight8" in tensors
    rows = packed_rows(architecture_of(job.target))
    assert scores_of(rows, ids_of(20), [20]).isfinite().all()
