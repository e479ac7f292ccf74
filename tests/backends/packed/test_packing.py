"""Packed folders: made slice by slice, gone on with, opened, and refused when they are not whole."""

import json
import mmap
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import pytest
import torch
from model_folders import DATA, copied, edit_json
from native_folders import native_folder
from opened import open_backends
from packing_jobs import ORIGINALS, job_for, silent
from safetensors.torch import load_file, save_file

from arena.errors import BackendError, InputError
from arena.generation_config import GenerationConfig
from arena.types import Message
from backends.families.native import NativeChat
from backends.families.weights import architecture_of, load_weights, map_weights
from backends.folder.contents import read_checkpoint
from backends.folder.packed import PACKED, read_packed
from backends.folder.verified import verify_listed
from backends.memory.estimate import need_of
from backends.models.resolve import folder_spec, packed_spec, resolve
from backends.packed import calibrate
from backends.packed.calibrate import calibrated, calibration_ids
from backends.packed.linear import Linear4, Linear8, OutputLayer
from backends.packed.open import fill, load_packed
from backends.packed.pack import pack
from backends.packed.residual import BEST, residual_floats, round_output
from backends.packed.scheme import fitting_group, round4, round8, unpack4
from backends.stepping import PREFILL_CHUNK

IDS = [[5, 17, 900, 33, 2, 1500, 44]]


@pytest.fixture
def packed(original):
    job = job_for(original)
    pack(job, silent)
    return job.target


def floats_in(model, packed_model):
    """Puts what the packed layers stand for into the float model."""
    for name, module in packed_model.named_modules():
        if isinstance(module, Linear4):
            weight = unpack4(module.packed, module.out_features).floats()
            if isinstance(module, OutputLayer):
                weight += residual_floats(*module.residual)
        elif isinstance(module, Linear8):
            weight = module.weight.float() * module.scale[:, None]
        else:
            continue
        model.get_submodule(name).weight.data = weight


def opened(folder):
    return load_packed(architecture_of(folder))


# ---- made and opened


@pytest.mark.parametrize("precision", ["int4", "int8"])
@pytest.mark.parametrize("name", ORIGINALS)
def test_an_original_packed_and_opened_computes_what_its_rounded_weights_say(tmp_path, name, precision):
    source = copied(DATA / name, tmp_path / name)
    job = job_for(source, precision)
    pack(job, silent)
    model = opened(job.target)
    floats = load_weights(architecture_of(source), "fp32")
    floats_in(floats, model)
    with torch.inference_mode():
        wanted, found = floats(torch.tensor(IDS)).logits, model(torch.tensor(IDS)).logits
    # bfloat16 and activations of 8 bits through three layers.
    assert float((found.float() - wanted).norm() / wanted.norm()) < 0.05


@pytest.mark.parametrize("precision", ["int4", "int8"])
def test_every_weight_of_the_file_is_the_nearest_to_the_originals(original, precision):
    job = job_for(original, precision)
    pack(job, silent)
    model = opened(job.target)
    floats, _ = map_weights(architecture_of(original))
    for name, module in model.named_modules():
        if isinstance(module, Linear4):
            found = unpack4(module.packed, module.out_features)
            wanted = round4(floats.get_submodule(name).weight, found.group)
            assert torch.equal(found.q, wanted.q) and torch.equal(found.scale, wanted.scale), name
        if isinstance(module, Linear8):
            assert torch.equal(module.weight, round8(floats.get_submodule(name).weight).q), name
    kinds = {type(module) for module in model.modules()} & {Linear4, Linear8}
    assert kinds == ({Linear4, Linear8} if precision == "int4" else {Linear8})
    assert type(model.lm_head) is Linear8
    assert torch.equal(model.model.embed_tokens.weight, floats.model.embed_tokens.weight.to(torch.bfloat16))


MANY = 4 * BEST + 70


def with_many_tokens(folder):
    """The folder with an output layer and an embedding of MANY rows."""
    tensors = load_file(folder / "model.safetensors")
    random = torch.Generator().manual_seed(5)
    for name in ("lm_head.weight", "model.embed_tokens.weight"):
        old = tensors[name]
        tensors[name] = (torch.randn(MANY, old.shape[1], generator=random) * old.float().std()).to(old.dtype)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    edit_json(folder / "config.json", vocab_size=MANY)
    return folder


@pytest.mark.parametrize("precision", ["int4", "int8"])
def test_a_large_output_layer_has_four_bits_and_a_residual_in_int4_alone(tmp_path, precision):
    source = with_many_tokens(native_folder(tmp_path / "native"))
    job = job_for(source, precision)
    pack(job, silent)
    model, floats = opened(job.target), load_weights(architecture_of(source), "fp32")
    assert type(model.lm_head) is (OutputLayer if precision == "int4" else Linear8)
    floats_in(floats, model)
    with torch.inference_mode():
        wanted, found = floats(torch.tensor(IDS)).logits[0], model(torch.tensor(IDS)).logits[0].float()
    best = wanted.topk(20).indices
    wrong = found.gather(1, best) - wanted.gather(1, best)
    assert wrong.square().mean().sqrt() < 0.05 * wanted.std()
    if precision == "int4":
        (own, _) = round_output(floats_of(source).lm_head.weight[:64], 32)
        assert torch.equal(unpack4(model.lm_head.packed, MANY).q[:64], own.q)


def floats_of(source):
    model, _ = map_weights(architecture_of(source))
    return model


def test_an_output_layer_of_eight_bits_from_before_still_opens(tmp_path):
    job = job_for(with_many_tokens(native_folder(tmp_path / "native")))
    pack(job, silent)
    weight = opened(job.target).lm_head
    eight = round8(unpack4(weight.packed, MANY).floats())
    changed = {"lm_head.weight8": eight.q, "lm_head.scale8": eight.scale}
    damaged(job.target, lambda tensors: (tensors.clear(), tensors.update(changed)), "packed-lm_head.safetensors")
    assert type(opened(job.target).lm_head) is Linear8


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda tensors: tensors.pop("lm_head.residual"), "unexpected tensors: 1, .*lm_head.residual_scale"),
        (lambda tensors: tensors.pop("lm_head.residual_scale"), "missing tensor: lm_head.residual_scale"),
        (
            lambda tensors: tensors.update({"lm_head.residual": torch.zeros(MANY, 31, dtype=torch.uint8)}),
            r"31\] instead",
        ),
        (lambda tensors: tensors.update({"lm_head.residual_scale": torch.zeros(MANY - 1)}), r"instead of float32 \["),
    ],
)
def test_a_damaged_residual_is_refused(tmp_path, change, words):
    job = job_for(with_many_tokens(native_folder(tmp_path / "native")))
    pack(job, silent)
    damaged(job.target, change, "packed-lm_head.safetensors")
    with pytest.raises(BackendError, match=words):
        opened(job.target)


def test_a_small_matrix_with_a_residual_is_refused(packed):
    """The kernel would look for more of the best than there are."""
    place = f"{LAYER}self_attn.q_proj"
    more = {f"{place}.residual": torch.zeros(64, 32, dtype=torch.uint8), f"{place}.residual_scale": torch.zeros(64)}
    damaged(packed, lambda tensors: tensors.update(more))
    with pytest.raises(BackendError, match="unexpected tensors: 2"):
        opened(packed)


def tied(folder):
    """The head is the embedding: the file has it once."""
    tensors = load_file(folder / "model.safetensors")
    del tensors["lm_head.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    edit_json(folder / "config.json", tie_word_embeddings=True)


@pytest.mark.parametrize("kind", ["Qwen2", "Qwen2 tied", "Qwen3", "Glm", "Glm4", "Llama"])
def test_every_native_kind_can_be_packed_and_answers(tmp_path, kind):
    source = native_folder(tmp_path / "native", kind.split()[0])
    if kind.endswith("tied"):
        tied(source)
    job = job_for(source)
    pack(job, silent)
    (backend,) = open_backends([folder_spec(job.target)])
    config = GenerationConfig(max_new_tokens=5, temperature=0)
    *_, last = backend.stream([Message("user", "Hello")], config)
    backend.close()
    assert last.finish_reason in ("stop", "length") and last.usage.prompt_tokens


def test_an_opened_folder_is_mapped_not_read(packed):
    files = {str(path.resolve()) for path in read_checkpoint(packed).weights().files}
    model = opened(packed)
    start = model.lm_head.weight.data_ptr()
    for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines():
        low, high = (int(part, 16) for part in line.split()[0].split("-"))
        if low <= start < high:
            assert line.split(maxsplit=5)[-1].strip() in files
            return
    raise AssertionError("the head lies nowhere")


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="this system does not say what is in memory")
def test_an_embedding_keeps_no_more_than_a_piece_has_looked_up(packed):
    """Each token needs one row, and the system maps what lies beside it as well; all of it is a gigabyte."""
    embedding = opened(packed).get_input_embeddings()
    ids = torch.arange(PREFILL_CHUNK - 1)[None]
    found = embedding(ids)
    assert resident(embedding.weight.data_ptr()) > 2 * mmap.PAGESIZE
    assert torch.equal(embedding(ids[:, 7:8])[0], found[0, 7:8])
    # The pages at both ends have something else in them too.
    assert resident(embedding.weight.data_ptr()) <= 2 * mmap.PAGESIZE
    assert torch.equal(embedding(ids), found)


def resident(address):
    """Bytes in memory of the mapping with the address."""
    here = False
    for line in Path("/proc/self/smaps").read_text(encoding="utf-8").splitlines():
        name, *values = line.split()
        if not name.endswith(":"):
            low, high = (int(part, 16) for part in name.split("-"))
            here = low <= address < high
        elif here and name == "Rss:":
            return int(values[0]) * 1024
    raise AssertionError("the address is mapped nowhere")


@pytest.mark.parametrize(
    ("shape", "group", "fits"),
    [
        ((64, 4096), 128, 128),
        ((64, 576), 128, 64),
        ((64, 96), 64, 32),
        ((64, 80), 32, 0),
        ((33, 64), 32, 32),
        ((32, 64), 32, 0),
    ],
)
def test_a_row_is_cut_into_the_largest_groups_that_divide_it_and_few_rows_stay_in_8_bits(shape, group, fits):
    assert fitting_group(shape, group) == fits


# ---- its place, name and revision


def test_a_packed_folder_says_what_it_is_and_copies_no_code(original, packed):
    (original / "modeling_evil.py").write_text("raise SystemExit", encoding="utf-8")
    spec = folder_spec(packed)
    assert (spec.id, spec.precision, spec.runtime, spec.family) == ("micro@int4", "int4", "transformers", "qwen")
    assert spec.revision.startswith("rev1+int4-g32-nearest:")
    names = {path.name for path in packed.iterdir()}
    assert "config.json" in names and "modeling_evil.py" not in names
    assert not any(name.endswith((".incomplete", ".py")) for name in names)
    assert {file.path for file in read_packed(packed).files} == names - {PACKED, ".verified"}


def test_code_beside_the_weights_is_not_copied(original):
    (original / "modeling_evil.py").write_text("raise SystemExit", encoding="utf-8")
    (original / "tokenizer.json").write_text("{}", encoding="utf-8")
    job = job_for(original)
    pack(job, silent)
    assert (job.target / "tokenizer.json").exists() and not (job.target / "modeling_evil.py").exists()


def test_the_suffix_finds_the_packed_folder_with_or_without_its_original(original, packed):
    assert resolve(f"{original}@int4") == folder_spec(packed) == resolve(str(packed))
    for path in original.iterdir():
        path.unlink()
    original.rmdir()
    assert resolve(f"{original}@int4").source == str(packed)


def test_a_catalog_model_in_fewer_bits_keeps_its_name_and_licence(original, packed, monkeypatch, tmp_path):
    monkeypatch.setenv("ARENA_MODELS_DIR", str(tmp_path / "models"))
    with pytest.raises(InputError, match=r"qwen-7b-chat@int4 is not here yet: python app.py fetch qwen-7b-chat@int4"):
        resolve("qwen-7b-chat@int4")
    (tmp_path / "models").mkdir()
    packed.rename(tmp_path / "models" / "qwen-7b-chat@int4")
    spec = resolve("qwen-7b-chat@int4")
    assert (spec.id, spec.name, spec.precision) == ("qwen-7b-chat@int4", "Qwen-7B-Chat (int4)", "int4")
    assert spec.licence and spec.revision.startswith("rev1+")


def test_what_is_not_packed_yet_says_how_to_do_it(original):
    with pytest.raises(InputError, match=rf"python app.py quantize {original} --precision int8") as error:
        resolve(f"{original}@int8")
    assert error.value.code == "not_fetched"


@pytest.mark.parametrize("precision", ["bf16", "fp32", "int8"])
def test_a_packed_folder_comes_in_no_other_precision(packed, precision):
    with pytest.raises(InputError):
        resolve(f"{packed}@{precision}")


def test_a_folder_that_calls_itself_int4_but_is_not_is_refused(original):
    original.rename(original.with_name("liar@int4"))
    with pytest.raises(InputError, match="holds no int4 weights"):
        packed_spec(str(original.with_name("liar")), "int4")


def test_memory_is_what_is_mapped_but_the_embedding(packed):
    need = need_of(folder_spec(packed))
    weights = sum(path.stat().st_size for path in read_checkpoint(packed).weights().files)
    embedding = load_file(packed / "packed-model-embed_tokens.safetensors")["model.embed_tokens.weight"]
    assert need.weights == weights - embedding.numel() * 2


# ---- going on, and being stopped


def test_a_stopped_run_goes_on_where_it_was_and_the_result_is_the_same(original, tmp_path):
    whole = job_for(original, "int8")
    pack(whole, silent)
    job = job_for(original, "int8", target=tmp_path / "again@int8")
    seen = []

    def stop(done, total, name):
        seen.append(name)
        # The first thing said is that the original is read.
        if len(set(seen)) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pack(job, stop)
    assert not job.target.exists()
    finished = {file.path: (job.part / file.path).stat().st_mtime_ns for file in read_packed(job.part).files}
    assert len(finished) == 2
    steps = []
    pack(job, lambda done, total, name: steps.append((done, total)))
    for name, time in finished.items():
        assert (job.target / name).stat().st_mtime_ns == time
    assert read_packed(job.target).files == read_packed(whole.target).files
    assert [done for done, _ in steps] == sorted(done for done, _ in steps) and steps[-1][0] == steps[-1][1]
    assert not job.part.exists()


def test_what_was_begun_in_another_way_is_made_anew(original):
    job = job_for(original)

    def stop(done, total, name):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pack(job, stop)
    (job.part / "left.over").touch()
    other = job_for(original, info=replace(job.info, revision="rev2"))
    pack(other, silent)
    assert read_packed(other.target).revision == "rev2" and not (other.target / "left.over").exists()


def test_a_file_cut_short_since_is_made_anew(original):
    job = job_for(original)
    pack(job, silent)
    job.target.rename(job.part)
    (job.part / "packed-lm_head.safetensors").write_bytes(b"cut")
    pack(job, silent)
    assert verify_listed(folder_spec(job.target), lambda name, size: None) == (
        PACKED,
        len(read_packed(job.target).files),
    )


def test_an_existing_target_is_kept_and_one_with_other_settings_is_refused(original, packed):
    assert pack(job_for(original), lambda *_: pytest.fail("made again")) == read_packed(packed)
    with pytest.raises(InputError, match="made with other settings"):
        pack(job_for(original, group=64), silent)


def test_a_full_disk_is_said_before_anything_is_written(original, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda folder: Mock(free=1000))
    with pytest.raises(InputError, match="Not enough disk space") as error:
        pack(job_for(original), silent)
    assert error.value.details["free"] == 1000
    assert not (original.with_name("micro@int4")).exists()


# ---- damage


def damaged(packed, change, name="packed-layer-000.safetensors"):
    path = packed / name
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)
    listed = json.loads((packed / PACKED).read_text(encoding="utf-8"))
    for entry in listed["files"]:
        if entry["path"] == path.name:
            entry["size"] = path.stat().st_size
    (packed / PACKED).write_text(json.dumps(listed), encoding="utf-8")


LAYER = "model.layers.0."


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda tensors: tensors.pop(f"{LAYER}input_layernorm.weight"), "missing tensor: .*input_layernorm"),
        (lambda tensors: tensors.update(extra=torch.zeros(1)), "unexpected tensors: 1, the first is extra"),
        (
            lambda tensors: tensors.update({f"{LAYER}input_layernorm.weight": torch.zeros(7, dtype=torch.bfloat16)}),
            r"bfloat16 \[7\] instead of bfloat16",
        ),
        (
            lambda tensors: tensors.update({f"{LAYER}self_attn.q_proj.scales": torch.zeros(2)}),
            "q_proj.scales do not fit",
        ),
        (
            lambda tensors: tensors.update(
                {f"{LAYER}input_layernorm.weight": tensors[f"{LAYER}input_layernorm.weight"].float()}
            ),
            "is float32",
        ),
    ],
)
def test_tensors_that_do_not_fit_are_refused_by_name(packed, change, words):
    damaged(packed, change)
    with pytest.raises(BackendError, match=words):
        opened(packed)


def test_a_short_file_is_refused_with_its_name_and_sizes(packed):
    path = packed / "packed-layer-001.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BackendError, match=r"packed-layer-001\.safetensors has [\d,]+ bytes instead of [\d,]+"):
        opened(packed)


def test_a_missing_file_is_refused(packed):
    (packed / "packed-model-norm.safetensors").unlink()
    with pytest.raises(BackendError, match=r"packed-model-norm\.safetensors is missing"):
        opened(packed)


def test_a_flipped_bit_is_found_by_its_hash(packed):
    path = packed / "packed-layer-001.safetensors"
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    with pytest.raises(BackendError, match=r"packed-layer-001\.safetensors is damaged.*quantize it again"):
        verify_listed(folder_spec(packed), lambda name, size: None)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format": 4}, "in format 4, and this version reads format 3"),
        ({"format": None}, "in format None"),
        ({"precision": "int3"}, "damaged"),
        ({"files": None}, "damaged"),
        ({"files": [{"path": "../x", "size": 1, "sha256": ""}]}, "damaged"),
        ({"files": [{"path": "a", "size": -1, "sha256": ""}]}, "damaged"),
        ({"group": "32"}, "damaged"),
        ({"group": 48}, "damaged"),
        ({"source": "a\nb"}, "damaged"),
        ({"revision": "x" * 201}, "damaged"),
        ({"more": 1}, "damaged"),
    ],
)
def test_an_implausible_packed_json_is_refused(packed, changes, words):
    edit_json(packed / PACKED, **changes)
    with pytest.raises(InputError, match=words):
        folder_spec(packed)


# ---- rounded better


@pytest.fixture
def chatty(tmp_path):
    return native_folder(tmp_path / "chatty")


def best(folder, **changes):
    job = job_for(folder, **changes)
    return replace(job, info=replace(job.info, method="gptq"))


def test_the_best_rounding_differs_from_the_nearest_and_is_what_calibration_gives(chatty):
    nearest, compensated = job_for(chatty), best(chatty, target=chatty.with_name("best@int4"))
    pack(nearest, silent)
    pack(compensated, silent)
    assert folder_spec(compensated.target).revision.startswith("rev1+int4-g32-gptq:")
    model, other = opened(compensated.target), opened(nearest.target)
    chat = NativeChat(chatty)
    floats, files = map_weights(architecture_of(chatty))
    with torch.inference_mode():
        wanted = {name: rounded for name, rounded in calibrated(floats, calibration_ids(chat.prompt_ids), 32, files)}
    assert len(wanted) == 2 * 6
    for name, rounded in wanted.items():
        layer = model.get_submodule(name)
        found = unpack4(layer.packed, layer.out_features)
        assert torch.equal(found.q, rounded.q) and torch.equal(found.scale, rounded.scale), name
        assert not torch.equal(layer.weight, other.get_submodule(name).weight)


def test_a_stopped_best_rounding_goes_on_and_comes_out_the_same(chatty, monkeypatch):
    whole, job = best(chatty, target=chatty.with_name("whole@int4")), best(chatty)
    pack(whole, silent)

    def stop(done, total, name):
        if "layer-001" in name:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pack(job, stop)
    # What lies outside the layers comes first.
    assert [file.path for file in read_packed(job.part).files][3:] == ["packed-layer-000.safetensors"]
    rounded = []
    compensate = calibrate.compensated
    monkeypatch.setattr(calibrate, "compensated", lambda *given: rounded.append(1) or compensate(*given))
    pack(job, silent)
    assert read_packed(job.target).files == read_packed(whole.target).files
    # The second layer alone: what shares an input is one, and rows of 48 are no whole groups.
    assert len(rounded) == 3


# ---- what a library raises, and what kernels do not know


def with_value(folder, ending, value):
    """Put a value into every weight of the original that ends so; how many there are."""
    changed = 0
    for file in folder.glob("*.safetensors"):
        tensors = load_file(file)
        for tensor in (tensor for key, tensor in tensors.items() if key.endswith(ending)):
            tensor.view(-1)[-3:] = value
            changed += 1
        save_file(tensors, file, metadata={"format": "pt"})
    return changed


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("ending", ["mlp.w1.weight", "h.1.ln_1.weight", "attn.c_attn.bias", "wte.weight"])
def test_weights_that_are_not_finite_are_not_packed(original, ending, value):
    """Rounded they would be numbers, and nobody would see it again."""
    assert with_value(original, ending, value)
    job = job_for(original)
    with pytest.raises(BackendError, match=r"^micro cannot be quantized: model\..* has values that are not finite$"):
        pack(job, silent)
    assert not job.target.exists()


def test_a_packed_model_whose_scores_are_not_finite_is_refused(original):
    """Each of its weights is a number, and what they make of each other is none."""
    assert with_value(original, "ln_1.weight", 3e38)
    job = job_for(original)
    with pytest.raises(BackendError, match=r"nothing was kept: it computes values that are not finite\.$"):
        pack(job, silent)
    assert not job.target.exists()


def test_what_a_library_raises_while_packing_is_one_line(original, monkeypatch):
    def fail(*given):
        raise RuntimeError("no space\nand more")

    monkeypatch.setattr("backends.packed.packing.save_file", fail)
    with pytest.raises(BackendError, match=r"^micro cannot be quantized: no space$"):
        pack(job_for(original), silent)


@pytest.mark.parametrize("size", [96, 160, 512])
def test_groups_that_the_kernels_do_not_know_are_refused(size):
    tensors = {"x.packed": torch.zeros(1, 7680, 32, dtype=torch.uint8)}
    tensors["x.scales"] = torch.zeros(1, 7680 // size, 64, 2, dtype=torch.uint8)
    model = torch.nn.ModuleDict({"x": torch.nn.Linear(7680, 64, bias=False)})
    with pytest.raises(BackendError, match=r"x\.scales do not fit 7680 columns"):
        fill(model, tensors, "micro", None)
