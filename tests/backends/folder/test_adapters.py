"""A LoRA folder on top of a base: the weights come out as W + scale * B A, whatever the base's own names are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from model_folders import DATA, copied, edit_json, rewrite
from native_folders import CHATML, native_folder
from opened import open_backends
from packing_jobs import job_for, silent
from safetensors.torch import load_file, save_file

from arena.errors import BackendError, InputError
from arena.types import Message
from backends.families import qwen
from backends.families.lora import merge_adapter, read_changes
from backends.families.weights import load_weights
from backends.folder.adapter import read_adapter, split_adapter
from backends.folder.checkpoint import ADAPTER_CONFIG as CONFIG
from backends.hf.engine import architecture_of, open_engine
from backends.models.resolve import resolve
from backends.packed.open import load_packed, packed_rows
from backends.packed.pack import pack
from backends.stepping.batched import Rows
from backends.stepping.cache import TokenCache
from backends.stepping.scheduler import Scheduler

QWEN, CHATGLM = DATA / "qwen-micro-vocab2048", DATA / "chatglm3-micro-vocab2048"
# Of every kind that the mapping turns into something else: names alone, and one matrix into three.
TARGETS = {
    QWEN: ("attn.c_attn", "attn.c_proj", "mlp.w1", "mlp.w2", "mlp.c_proj"),
    CHATGLM: ("self_attention.query_key_value", "self_attention.dense", "mlp.dense_h_to_4h", "mlp.dense_4h_to_h"),
}
RANK, ALPHA = 2, 6
IDS = [5, 17, 90, 33, 2, 150, 44]


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    return {name: value for file in sorted(folder.glob("*.safetensors")) for name, value in load_file(file).items()}


def write_adapter(folder: Path, base: Path, targets: tuple[str, ...], **changes: Any) -> Path:
    """A random LoRA for the layers' matrices that end in these names, as the peft library writes it."""
    folder.mkdir()
    torch.manual_seed(3)
    halves = {}
    for name, value in tensors(base).items():
        if any(name.endswith(f"{target}.weight") for target in targets):
            module = f"base_model.model.{name.removesuffix('.weight')}"
            halves[f"{module}.lora_A.weight"] = 0.3 * torch.randn(RANK, value.shape[1])
            halves[f"{module}.lora_B.weight"] = 0.3 * torch.randn(value.shape[0], RANK)
    save_file(halves, folder / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "r": RANK, "lora_alpha": ALPHA, "target_modules": list(targets), "bias": "none"}
    (folder / CONFIG).write_text(json.dumps({**config, **changes}), encoding="utf-8")
    return folder


def changed_by_hand(base: Path, adapter: Path, target: Path, scale: float) -> Path:
    """The base with the changes in its own files."""
    halves = load_file(adapter / "adapter_model.safetensors")
    folder = copied(base, target)

    def change(values: dict[str, torch.Tensor]) -> None:
        for name in list(values):
            module = f"base_model.model.{name.removesuffix('.weight')}"
            if f"{module}.lora_A.weight" in halves:
                change = halves[f"{module}.lora_B.weight"] @ halves[f"{module}.lora_A.weight"]
                values[name] = (values[name].float() + scale * change).to(torch.float32)
            else:
                values[name] = values[name].float()

    rewrite(folder, change)
    return folder


@pytest.mark.parametrize("rslora", [False, True])
@pytest.mark.parametrize("base", [QWEN, CHATGLM], ids=["qwen", "chatglm"])
def test_an_adapter_of_an_original_changes_what_it_was_trained_on(base: Path, rslora: bool, tmp_path: Path) -> None:
    adapter = write_adapter(tmp_path / "adapter", base, TARGETS[base], use_rslora=rslora)
    scale = ALPHA / RANK**0.5 if rslora else ALPHA / RANK
    by_hand = changed_by_hand(base, adapter, tmp_path / "by-hand", scale)
    expected = load_weights(architecture_of(by_hand), "fp32").state_dict()
    plain = load_weights(architecture_of(base), "fp32")
    before = {name: value.clone() for name, value in plain.state_dict().items()}
    merged = merge_adapter(plain, architecture_of(base).family, adapter).state_dict()
    assert set(merged) == set(expected)
    for name in expected:
        torch.testing.assert_close(merged[name], expected[name], rtol=1e-5, atol=1e-5)
    changed = [name for name in before if not torch.equal(before[name], merged[name])]
    assert len(changed) >= 5 and not any("norm" in name or "embed" in name for name in changed)


def test_a_base_and_its_adapter_are_two_models_and_the_base_files_stay_unchanged(tmp_path: Path) -> None:
    base = copied(QWEN, tmp_path / "base")
    before = {path.name: path.read_bytes() for path in base.iterdir()}
    adapter = write_adapter(tmp_path / "tuned", base, TARGETS[QWEN])
    plain, tuned = resolve(str(base)), resolve(f"{base}+{adapter}")
    assert (tuned.id, tuned.name, tuned.source) == ("base+tuned", "base + tuned", plain.source)
    assert tuned.adapter == str(adapter) and tuned.revision.startswith(f"{plain.revision}+sha256:")
    assert resolve(f"{base}@fp32+{adapter}").precision == resolve(f"{base}+{adapter}@fp32").precision == "fp32"
    backends = open_backends([plain, tuned])
    assert backends[0]._load is not backends[1]._load
    assert {path.name: path.read_bytes() for path in base.iterdir()} == before


def test_another_adapter_is_another_revision(tmp_path: Path) -> None:
    adapter = write_adapter(tmp_path / "tuned", QWEN, TARGETS[QWEN])
    first = resolve(f"{QWEN}+{adapter}").revision
    rewrite(adapter, lambda values: next(iter(values.values())).add_(1e-3))
    assert resolve(f"{QWEN}+{adapter}").revision != first


def test_a_folder_with_a_plus_in_its_name_is_a_folder(tmp_path: Path) -> None:
    base = copied(QWEN, tmp_path / "a+b")
    adapter = write_adapter(tmp_path / "c+d", base, TARGETS[QWEN])
    assert resolve(str(base)).id == "a+b"
    assert resolve(f"{base}+{adapter}").id == "a+b+c+d"
    assert split_adapter(str(base)) is None


@pytest.mark.parametrize(
    "name", ["modules_to_save", "target_parameters", "layer_replication", "alora_invocation_tokens"]
)
@pytest.mark.parametrize("empty", [[], None, {}])
def test_an_empty_list_of_what_is_more_than_plain_lora_means_none(name: str, empty: Any, tmp_path: Path) -> None:
    adapter = write_adapter(tmp_path / "adapter", QWEN, TARGETS[QWEN], **{name: empty})
    assert resolve(f"{QWEN}+{adapter}").adapter == str(adapter)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"use_dora": True}, "use_dora"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"bias": "all"}, "bias"),
        ({"peft_type": "PREFIX_TUNING"}, "peft_type"),
        ({"peft_type": None}, "peft_type"),
        ({"r": 0}, "no rank"),
        ({"fan_in_fan_out": True}, "fan_in_fan_out"),
        ({"alora_invocation_tokens": [1, 2]}, "alora_invocation_tokens"),
        ({"use_qalora": True}, "use_qalora"),
        ({"lora_bias": True}, "lora_bias"),
        ({"target_parameters": ["experts.w"]}, "target_parameters"),
        ({"kasa_config": {"beta": 1}}, "kasa_config"),
        ({"a_later_kind": True}, "a_later_kind"),
    ],
)
def test_settings_beyond_plain_lora_are_refused_by_name(changes: dict[str, Any], reason: str, tmp_path: Path) -> None:
    adapter = write_adapter(tmp_path / "adapter", QWEN, TARGETS[QWEN], **changes)
    with pytest.raises(InputError, match=reason):
        resolve(f"{QWEN}+{adapter}")


def test_a_base_that_is_not_a_folder_takes_no_adapter(tmp_path: Path) -> None:
    adapter = write_adapter(tmp_path / "adapter", QWEN, TARGETS[QWEN])
    with pytest.raises(InputError, match="cannot take an adapter"):
        resolve(f"smollm2-135m+{adapter}")


FAULTS = {
    "rank": "halves of",
    "another base": "does not have",
    "pattern": "one rank and one alpha",
    "cut": "bytes instead of",
    "foreign tensor": "not part of a plain LoRA",
    "no weights": "no weights",
    "one half": "lora_A alone",
    "one layer": "is missing|are missing",
    "one target": "its target_modules name",
    "not finite": "not finite",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_adapter_that_does_not_fit_gives_one_clear_line(fault: str, tmp_path: Path) -> None:
    base = CHATGLM if fault == "another base" else QWEN
    adapter = write_adapter(tmp_path / "adapter", base, TARGETS[base])
    file = adapter / "adapter_model.safetensors"
    halves = load_file(file)
    match fault:
        case "rank":
            edit_json(adapter / CONFIG, r=RANK + 1)
        case "pattern":
            edit_json(adapter / CONFIG, rank_pattern={"c_attn": 4})
        case "cut":
            file.write_bytes(file.read_bytes()[:-8])
        case "foreign tensor":
            save_file({**halves, "base_model.model.lm_head.weight": torch.zeros(2, 2)}, file)
        case "no weights":
            file.unlink()
        case "one half":
            save_file({key: value for key, value in halves.items() if "h.1.mlp.w1.lora_B" not in key}, file)
        case "one layer":
            save_file({key: value for key, value in halves.items() if ".h.1." not in key}, file)
        case "one target":
            save_file({key: value for key, value in halves.items() if ".mlp.w1." not in key}, file)
        case "not finite":
            next(iter(halves.values()))[0, 0] = float("nan")
            save_file(halves, file)
    model = load_weights(architecture_of(QWEN), "fp32")
    with pytest.raises(BackendError, match=FAULTS[fault]) as refused:
        merge_adapter(model, qwen, adapter)
    assert "adapter cannot be loaded" in str(refused.value) and "\n" not in str(refused.value)


def test_layers_that_were_not_to_be_changed_are_not_missing(tmp_path: Path) -> None:
    adapter = write_adapter(tmp_path / "adapter", QWEN, TARGETS[QWEN], layers_to_transform=[0])
    file = adapter / "adapter_model.safetensors"
    save_file({key: value for key, value in load_file(file).items() if ".h.0." in key}, file)
    before = load_weights(architecture_of(QWEN), "fp32").state_dict()
    after = merge_adapter(load_weights(architecture_of(QWEN), "fp32"), qwen, adapter).state_dict()
    changed = {name.split(".")[2] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"0"}


@pytest.mark.parametrize(
    ("changes", "targets"),
    [
        ({}, ["q_proj", "v_proj", "down_proj"]),
        ({"use_rslora": True}, ["q_proj", "o_proj"]),
        ({"rank_pattern": {"layers.1.self_attn.q_proj": 4}, "alpha_pattern": {"q_proj": 3}}, ["q_proj", "up_proj"]),
        ({"exclude_modules": ["layers.0.self_attn.q_proj"]}, ["q_proj", "up_proj"]),
        ({"layers_to_transform": [1]}, ["k_proj", "gate_proj"]),
        ({}, "all-linear"),
        ({}, r".*self_attn\.(q|k)_proj"),
        ({}, ["lm_head", "q_proj"]),
    ],
    ids=str,
)
def test_what_peft_saves_gives_what_peft_merges(changes: dict[str, Any], targets: Any, tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
    base = native_folder(tmp_path / "base")
    config = peft.LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=targets, **changes)
    tuned = peft.get_peft_model(load_weights(architecture_of(base), "fp32"), config)
    torch.manual_seed(5)
    for name, value in tuned.named_parameters():
        if "lora_" in name:
            value.data = 0.3 * torch.randn_like(value)
    tuned.save_pretrained(tmp_path / "tuned")
    expected = tuned.merge_and_unload().state_dict()
    merged = merge_adapter(load_weights(architecture_of(base), "fp32"), None, tmp_path / "tuned").state_dict()
    assert set(merged) == set(expected)
    for name, value in expected.items():
        torch.testing.assert_close(merged[name], value, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["pissa", "pissa_niter_4", "olora", "corda", "loftq", "lora_ga"])
def test_a_kind_that_changes_its_base_is_refused_by_name(kind: str, tmp_path: Path) -> None:
    adapter = write_adapter(tmp_path / "adapter", QWEN, TARGETS[QWEN], init_lora_weights=kind)
    with pytest.raises(InputError, match=f"{kind}.*path_initial_model_for_weight_conversion"):
        resolve(f"{QWEN}+{adapter}")


@pytest.mark.parametrize(
    ("trained_on", "fits"),
    [
        ("Qwen/Qwen2.5-0.5B-Instruct", True),
        ("unsloth/qwen2.5-0.5b-instruct-unsloth-bnb-4bit", True),
        ("/cache/models--Qwen--Qwen2.5-0.5B-Instruct/snapshots/7ae557604adf", True),
        ("/home/me/checkpoints/base", True),
        (None, True),
        ("Qwen/Qwen2.5-0.5B", False),
        ("Qwen/Qwen2.5-7B-Instruct", False),
        ("/cache/models--Qwen--Qwen3-0.6B/snapshots/abc", False),
    ],
)
def test_the_base_is_the_one_that_the_adapter_was_trained_on(
    trained_on: str | None, fits: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARENA_MODELS_DIR", str(tmp_path))
    native_folder(tmp_path / "qwen2.5-0.5b")
    adapter = write_adapter(
        tmp_path / "tuned", tmp_path / "qwen2.5-0.5b", ("q_proj",), base_model_name_or_path=trained_on
    )
    name = f"qwen2.5-0.5b+{adapter}"
    if fits:
        assert resolve(name).adapter == str(adapter)
        return
    with pytest.raises(InputError, match=r"Qwen/Qwen2\.5-0\.5B-Instruct") as refused:
        resolve(name)
    assert refused.value.code == "adapter_other_base"


@pytest.mark.parametrize("precision", ["int4", "int8"])
def test_a_packed_base_answers_with_the_adapter_beside_its_weights(precision: str, tmp_path: Path) -> None:
    base = native_folder(tmp_path / "base")
    job = job_for(base, precision)
    pack(job, silent)
    adapter = write_adapter(tmp_path / "tuned", base, ("q_proj", "v_proj", "down_proj", "lm_head"))
    spec = resolve(f"{base}@{precision}+{adapter}")
    assert (spec.precision, spec.id) == (precision, f"base@{precision}+tuned")
    rows = packed_rows(architecture_of(job.target), adapter)
    expected = load_packed(architecture_of(job.target))
    for name, change in read_changes(expected, None, adapter).items():
        linear = expected.get_submodule(name)
        by_hand = change.scale * (change.b.float() @ change.a.float())
        linear.register_forward_hook(
            lambda module, arguments, output, by_hand=by_hand: (output.float() + arguments[0].float() @ by_hand.T).to(
                output.dtype
            )
        )
    scores = rows.read(TokenCache(64), IDS, 0)
    by_hand_scores = Rows(expected, 1).read(TokenCache(64), IDS, 0)
    plain = packed_rows(architecture_of(job.target)).read(TokenCache(64), IDS, 0)
    torch.testing.assert_close(scores, by_hand_scores, rtol=0.02, atol=0.02)
    assert (scores - plain).abs().max() > 0.5


def test_a_conversation_with_an_adapter_is_bitwise_the_same_alone_and_in_company(tmp_path: Path) -> None:
    base = native_folder(tmp_path / "base")
    job = job_for(base)
    pack(job, silent)
    adapter = write_adapter(tmp_path / "tuned", base, ("q_proj", "v_proj", "down_proj"))
    rows = packed_rows(architecture_of(job.target), adapter)
    caches = [TokenCache(64) for _ in range(5)]
    for number, cache in enumerate(caches):
        rows.read(cache, IDS[number:])
    alone = TokenCache(64)
    rows.read(alone, IDS[3:])
    for token in (4, 90, 17):
        together = rows.decode(caches, [1, 2, 3, token, 5])
        assert torch.equal(together[3], rows.decode([alone], [token])[0])


def test_the_adapters_own_chat_template_is_used(tmp_path: Path) -> None:
    base = native_folder(tmp_path / "base")
    adapter = write_adapter(tmp_path / "tuned", base, ("q_proj",))
    before = resolve(f"{base}+{adapter}").revision
    (adapter / "chat_template.jinja").write_text(CHATML.replace("<|im_start|>", "<|user|>"), encoding="utf-8")
    spec = resolve(f"{base}+{adapter}")
    assert spec.revision != before
    engine = open_engine(spec, Scheduler())
    plain = open_engine(resolve(str(base)), Scheduler())
    hello = [Message("user", "Hello")]
    marks = [engine.chat.prompt_ids(hello)[0], plain.chat.prompt_ids(hello)[0]]
    assert [engine.chat._tokenizer.decode(mark) for mark in marks] == ["<|user|>", "<|im_start|>"]


def test_code_in_a_bin_file_is_not_run(tmp_path: Path) -> None:
    adapter = write_adapter(tmp_path / "adapter", QWEN, TARGETS[QWEN])
    (adapter / "adapter_model.safetensors").unlink()
    ran = tmp_path / "ran"

    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (ran,))

    torch.save({"base_model.model.x.lora_A.weight": Evil()}, adapter / "adapter_model.bin")
    assert read_adapter(adapter)[1].name == "adapter_model.bin"
    with pytest.raises(BackendError):
        merge_adapter(load_weights(architecture_of(QWEN), "fp32"), qwen, adapter)
    assert not ran.exists()


@pytest.mark.parametrize("kind", ["Qwen3", "Glm"])
def test_a_native_base_and_its_adapter_answer_side_by_side(kind: str, tmp_path: Path, ask, answer_of) -> None:
    base = native_folder(tmp_path / "base", kind)
    adapter = write_adapter(tmp_path / "tuned", base, ("q_proj", "v_proj", "down_proj"), target_modules=["q_proj"])
    by_hand = changed_by_hand(base, adapter, tmp_path / "by-hand", ALPHA / RANK)
    names = (f"{base}@fp32", f"{base}@fp32+{adapter}", f"{by_hand}@fp32")
    backends = open_backends([resolve(name) for name in names])
    plain, tuned, expected = (answer_of(ask(backend, "Hello world", max_new_tokens=12)).text for backend in backends)
    for backend in backends:
        backend.close()
    assert tuned == expected != plain
