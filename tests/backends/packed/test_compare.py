"""Packed models of many families: all of their state, experts as matrices, and nothing kept that computes otherwise."""

import json
import shutil
from pathlib import Path

import pytest
import torch
import transformers
from family_folders import family_folder
from model_folders import edit_json
from packing_jobs import job_for, silent
from safetensors.torch import load_file, save_file

from arena.errors import BackendError, InputError
from backends.families.experts import Experts, is_expert, with_experts
from backends.families.support import COMPARED
from backends.families.weights import Architecture, architecture_of, bare_model, load_weights, map_weights
from backends.folder.checkpoint import read_json
from backends.folder.contents import Checkpoint
from backends.folder.packed import PACKED
from backends.models.resolve import folder_spec
from backends.packed import compare, packing
from backends.packed import open as opening
from backends.packed.compare import BOUND
from backends.packed.open import load_packed, quick_rows
from backends.packed.pack import pack
from backends.packed.scheme import PARTS4, fitting_group, round4, round8
from backends.packed.slices import slices_of
from backends.stepping.cache import TokenCache

IDS = [token % 250 for token in range(3, 3 + 40 * 7, 7)]
STATE = "e_score_correction_bias"
BIASED = ("glm4_moe", "minimax_m2")


@pytest.fixture
def folder(tmp_path):
    return lambda model_type, **changes: family_folder(tmp_path / "tiny", model_type, **changes)


def packed(source, precision="int4"):
    job = job_for(source, precision)
    pack(job, silent)
    return job.target


def rounded(weight, bits):
    group = fitting_group(weight.shape, 32) if bits == 4 else 0
    return (round4(weight, group) if group else round8(weight)).floats()


def reference(source, bits):
    """The library's own scores after each id, in float32, with every matrix rounded here."""
    model = load_weights(architecture_of(source), "fp32")
    with torch.inference_mode():
        for place, module in model.named_modules():
            if type(module) is torch.nn.Linear:
                module.weight.copy_(rounded(module.weight, 8 if place == "lm_head" else bits))
            elif hasattr(module, "gate_up_proj") and module.down_proj.__class__ is torch.nn.Parameter:
                for expert in module.gate_up_proj:
                    expert.copy_(torch.cat([rounded(half, bits) for half in expert.chunk(2)]))
                for expert in module.down_proj:
                    expert.copy_(rounded(expert, bits))
        return model(input_ids=torch.tensor([IDS]), use_cache=False).logits[0].double().log_softmax(-1)


def median_divergence(wanted, rows):
    scores = rows.read(TokenCache(len(IDS)), IDS, 0).double().log_softmax(-1)
    return float((wanted.exp() * (wanted - scores)).sum(-1).median())


@pytest.mark.parametrize(
    ("model_type", "precision"),
    [
        ("llama", "int4"),
        ("qwen3", "int4"),
        ("qwen3_moe", "int4"),
        ("glm4_moe", "int4"),
        ("glm4_moe", "int8"),
        ("minimax_m2", "int4"),
        ("minimax_m2", "int8"),
        ("ernie4_5_moe", "int4"),
        ("granitemoe", "int8"),
        ("phimoe", "int4"),
        ("apertus", "int4"),
        ("gemma", "int4"),
        ("gemma3_text", "int8"),
        ("glm4", "int4"),
        # Its router looks at the dtype of its weight.
        ("hunyuan_v1_moe", "int4"),
    ],
)
def test_a_packed_model_computes_what_the_library_does_with_its_rounded_weights(folder, model_type, precision):
    source = folder(model_type)
    model = load_packed(architecture_of(packed(source, precision)))
    originals = load_weights(architecture_of(source), "bf16")
    buffers = {name: value for name, value in originals.state_dict().items() if STATE in name}
    assert bool(buffers) == (model_type in (*BIASED, "ernie4_5_moe"))
    for name, value in buffers.items():
        assert value.any() and torch.equal(model.state_dict()[name].float(), value.float())
    rows = quick_rows(model, opening.find_kernels())
    assert median_divergence(reference(source, int(precision[-1])), rows) <= BOUND


def test_a_missing_state_is_refused_on_opening(folder):
    target = packed(folder("minimax_m2"))
    file = target / "packed-layer-001.safetensors"
    tensors = load_file(file)
    del tensors[f"model.layers.1.mlp.{STATE}"]
    save_file(tensors, file)
    listed = json.loads((target / PACKED).read_text(encoding="utf-8"))
    sizes = [dict(entry, size=(target / entry["path"]).stat().st_size) for entry in listed["files"]]
    edit_json(target / PACKED, files=sizes)
    with pytest.raises(BackendError, match=rf"missing tensor: model\.layers\.1\.mlp\.{STATE}"):
        load_packed(architecture_of(target))


@pytest.fixture(params=["kernels", "no kernels"])
def runtime(request, monkeypatch):
    if request.param == "no kernels":
        for module in (compare, opening):
            monkeypatch.setattr(module, "find_kernels", lambda: None)


def forgetful(monkeypatch, ending, change):
    """Lets packing spoil the tensors whose name ends so."""
    right = packing.packed_tensors

    def wrong(*given):
        return {name: change(value) if name.endswith(ending) else value for name, value in right(*given).items()}

    monkeypatch.setattr(packing, "packed_tensors", wrong)


@pytest.mark.parametrize("model_type", BIASED)
def test_a_model_packed_with_zeros_for_its_state_is_not_kept(folder, model_type, runtime, monkeypatch):
    job = job_for(folder(model_type))
    forgetful(monkeypatch, STATE, torch.zeros_like)
    with pytest.raises(
        BackendError, match=r"nothing was kept: it differs from its float twin by 0?\.\d+|by \d"
    ) as error:
        pack(job, silent)
    assert error.value.code == "quantize_differs"
    assert not job.target.exists() and not job.part.exists()


def test_it_is_compared_alike_without_kernels(folder, runtime):
    assert folder_spec(packed(folder("glm4_moe", num_hidden_layers=2))).precision == "int4"


def test_weights_that_are_not_the_originals_are_not_kept(folder, monkeypatch):
    job = job_for(folder("qwen3"), "int8")
    forgetful(monkeypatch, "q_proj.weight8", lambda value: value.flip(0).contiguous())
    with pytest.raises(BackendError, match=r"layers\.0\.self_attn\.q_proj .* weights that are not the original's"):
        pack(job, silent)


def test_one_layer_of_each_kind_is_compared_before_the_others_are_packed(folder, monkeypatch):
    job = job_for(folder("glm4_moe", num_hidden_layers=5, first_k_dense_replace=2))
    compared = []

    def stop(model):
        compared.append((model.layers, {path.name for path in job.part.glob("packed-layer*")}))
        if len(compared) == 2:
            raise compare.Differs("it is enough")

    monkeypatch.setattr(packing, "divergence", stop)
    with pytest.raises(BackendError, match=r"it is enough\.$"):
        pack(job, silent)
    assert compared == [({0, 2}, set()), (None, {f"packed-layer-00{number}.safetensors" for number in range(5)})]


def test_a_model_that_magnifies_roundings_is_measured_by_its_own(folder):
    """Four times the scores of attention and ten times those of ids: the library in bfloat16 differs as much."""
    source = folder("llama")
    file = source / "model.safetensors"
    tensors = load_file(file)
    for name, value in tensors.items():
        value.mul_(10 if "lm_head" in name else 4 if name.endswith(("q_proj.weight", "k_proj.weight")) else 1)
    save_file(tensors, file, metadata={"format": "pt"})
    assert folder_spec(packed(source)).precision == "int4"


# ---- experts


@pytest.mark.parametrize("model_type", ["qwen3_moe", "mixtral", "granitemoe"])
def test_experts_as_matrices_compute_what_the_librarys_stacks_do(folder, model_type):
    source = folder(model_type)
    stacked = load_weights(architecture_of(source), "fp32")
    model, _ = map_weights(architecture_of(source), experts=True)
    experts = [module for module in model.modules() if isinstance(module, Experts)]
    assert len(experts) == 3 and len(experts[0]) == 8
    assert {value.dtype for value in model.parameters()} == {torch.bfloat16}
    with torch.inference_mode():
        wanted, scores = (one.float()(input_ids=torch.tensor([IDS])).logits for one in (stacked, model))
    assert torch.allclose(scores, wanted, atol=1e-4)


def test_experts_are_mapped_from_their_files_and_not_copied(folder):
    model, _ = map_weights(architecture_of(folder("mixtral")), experts=True)
    maps = Path("/proc/self/maps")
    if not maps.exists():
        pytest.skip("this system does not say what is mapped")
    lines = [line for line in maps.read_text(encoding="utf-8").splitlines() if "model.safetensors" in line]
    ranges = [[int(end, 16) for end in line.split()[0].split("-")] for line in lines]
    for place, module in model.named_modules():
        if is_expert(place):
            assert any(start <= module.weight.data_ptr() < end for start, end in ranges), place


def test_experts_are_packed_and_answer_the_same_in_company(folder):
    target = packed(folder("qwen3_moe"))
    layer = load_file(target / "packed-layer-001.safetensors")
    assert {name for name in layer if ".experts.7." in name} == {
        f"model.layers.1.mlp.experts.7.{matrix}.{part}"
        for matrix in ("gate_proj", "up_proj", "down_proj")
        for part in PARTS4
    }
    rows = quick_rows(load_packed(architecture_of(target)), opening.find_kernels())

    def talk(company):
        caches = [TokenCache(64) for _ in range(company)]
        for number, cache in enumerate(caches):
            rows.read(cache, IDS[number : number + 9])
        return [rows.decode(caches, [token + number for number in range(company)])[0] for token in IDS[:6]]

    for alone, together in zip(talk(1), talk(5), strict=True):
        assert torch.equal(alone, together)


def test_experts_that_cannot_be_packed_are_refused_at_the_start_with_their_share(folder):
    job = job_for(folder("llama4_text"))
    with pytest.raises(InputError, match=r"its experts, \d\d% of the weights, .* Use it in bf16, or a GGUF") as error:
        pack(job, silent)
    assert error.value.code == "quantize_experts" and not job.target.exists() and not job.part.exists()


# ---- formats


@pytest.mark.parametrize(("precision", "old", "needed"), [("int8", 1, 2), ("int4", 1, 3), ("int4", 2, 3)])
def test_a_folder_of_an_older_format_is_refused_and_made_anew(folder, precision, old, needed):
    source = folder("glm4_moe", num_hidden_layers=2)
    target = packed(source, precision)
    edit_json(target / PACKED, format=old, group=64, method="gptq")
    (target / "left.over").touch()
    command = f"python app.py quantize {source} --precision {precision} --best"
    with pytest.raises(InputError, match=rf"in format {old}, .* reads format {needed}\. .*: {command}$"):
        folder_spec(target)
    pack(job_for(source, precision), silent)
    assert read_json(target, PACKED)["format"] == needed and not (target / "left.over").exists()


def test_without_its_original_a_folder_of_an_older_format_is_fetched_anew(folder):
    target = packed(folder("glm4_moe", num_hidden_layers=2), "int4")
    edit_json(target / PACKED, format=2, source="hf:zai-org/GLM-4.5")
    shutil.rmtree(target.with_name(target.name.removesuffix("@int4")))
    with pytest.raises(InputError, match=r"python app.py fetch hf:zai-org/GLM-4\.5@int4$"):
        folder_spec(target)
    edit_json(target / PACKED, source="a\nb")
    with pytest.raises(InputError, match=r"python app.py quantize MODEL$"):
        folder_spec(target)


# ---- every supported class


@pytest.mark.parametrize("model_type", sorted(COMPARED))
def test_slices_hold_all_state_that_a_checkpoint_of_the_class_has(model_type):
    rope = {"rope_parameters": {"rope_type": "default", "rope_theta": 10_000.0}}
    config = transformers.CONFIG_MAPPING[model_type](
        **(rope if model_type.startswith(("hunyuan", "ministral")) else {})
    )
    text = config.get_text_config() if model_type == "qwen3_5" else config
    text.num_hidden_layers = 4
    text.head_dim = getattr(text, "head_dim", None) or 16
    text.num_key_value_heads = getattr(text, "num_key_value_heads", None) or text.num_attention_heads
    if getattr(text, "layer_types", None):
        text.layer_types = text.layer_types[:4]
    model = with_experts(bare_model(Architecture(Checkpoint(Path("tiny"), {}, {}, None), text, None)))
    names = {
        f"{place}.{name}"
        for part in slices_of(model)
        for place, module in part.modules
        for name in (*module._parameters, *module._buffers)
        if name not in module._non_persistent_buffers_set
    }
    assert names >= model.state_dict().keys()
    assert not [place for place, value in model.named_buffers() if not value.is_meta and value.isnan().any()]
    stacks = [name for name, value in model.named_parameters() if value.dim() == 3 and "conv" not in name]
    assert bool(stacks) == (model_type == "llama4_text")


def test_a_published_mixture_of_30_billion_weights_fits_into_24_gb_in_4_bits():
    config = transformers.Qwen3MoeConfig(
        vocab_size=151_936,
        hidden_size=2048,
        intermediate_size=6144,
        moe_intermediate_size=768,
        num_hidden_layers=1,
        num_attention_heads=32,
        num_key_value_heads=4,
        head_dim=128,
        num_experts=128,
        num_experts_per_tok=8,
        tie_word_embeddings=False,
    )
    model = with_experts(bare_model(Architecture(Checkpoint(Path("tiny"), {}, {}, None), config, None)))
    bits = dict.fromkeys(model.state_dict(), 16)
    for place, module in model.named_modules():
        if type(module) is torch.nn.Linear:
            assert place == "lm_head" or fitting_group(module.weight.shape, 32) == 32
            bits[f"{place}.weight"] = 8 if place == "lm_head" else 5
    layer, rest = (
        sum(
            value.numel() * bits[name] / 8 for name, value in model.state_dict().items() if ("layers" in name) == inside
        )
        for inside in (True, False)
    )
    assert 18e9 < 48 * layer + rest < 20e9
