"""Checkpoint folders that must not be loaded: each is refused in one line with the reason, and nothing in it runs."""

import json
import os
import pickle
import struct
import zipfile

import pytest
import torch
from model_folders import DATA, ORACLES, TINY, copied, edit_json, needs_oracles, rewrite
from opened import open_backends

from arena.errors import ArenaError
from backends.folder.checkpoint import find_weights, read_config
from backends.models.resolve import resolve

QWEN_SHARD = "model-00002-of-00002.safetensors"
QWEN_INDEX = "model.safetensors.index.json"
BIN_SHARD = "pytorch_model-00001-of-00002.bin"


def config(**changes):
    return lambda folder: edit_json(folder / "config.json", **changes)


def write(name, text):
    return lambda folder: (folder / name).write_text(text, encoding="utf-8")


def remove(name):
    return lambda folder: (folder / name).unlink()


def cut(name, share=0.5):
    def damage(folder):
        os.truncate(folder / name, int((folder / name).stat().st_size * share))

    return damage


def add_bytes(name):
    return lambda folder: (folder / name).open("ab").write(b"x")


def reindex(**names):
    """Other files for some tensors in the index of a Qwen folder."""

    def damage(folder):
        index = json.loads((folder / QWEN_INDEX).read_text())
        index["weight_map"] = {**index["weight_map"], **{name.replace("__", "."): file for name, file in names.items()}}
        (folder / QWEN_INDEX).write_text(json.dumps(index))

    return damage


def save(change, indexed=True):
    """The last shard of a Qwen folder with some tensors changed, the index with it or not."""

    def damage(folder):
        from safetensors.torch import load_file, save_file

        tensors = load_file(folder / QWEN_SHARD)
        change(tensors)
        save_file(tensors, folder / QWEN_SHARD)
        index = json.loads((folder / QWEN_INDEX).read_text())
        if indexed:
            kept = {name: file for name, file in index["weight_map"].items() if file != QWEN_SHARD}
            index["weight_map"] = kept | dict.fromkeys(tensors, QWEN_SHARD)
            (folder / QWEN_INDEX).write_text(json.dumps(index))

    return damage


def link(name, target):
    def damage(folder):
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target)

    return damage


def header(text):
    data = text.encode()
    return lambda folder: (folder / QWEN_SHARD).write_bytes(struct.pack("<Q", len(data)) + data)


CASES = {
    # What config.json says
    "no config": ("qwen", remove("config.json"), "config.json is missing"),
    "config no json": ("qwen", write("config.json", "{"), "config.json is damaged: it is not JSON"),
    "config a list": ("qwen", write("config.json", "[]"), "config.json is not a JSON object"),
    "config deep": ("qwen", write("config.json", "[" * 100_000), "config.json is damaged: it is not JSON"),
    "no kind": ("qwen", config(model_type=None), "has no model_type"),
    "kind unknown": ("qwen", config(model_type="llamaphant"), "llamaphant"),
    "gptq": ("qwen", config(quantization_config={"bits": 4}), "the weights are quantized (quantization_config)"),
    "int4": ("chatglm", config(quantization_bit=4), "the weights are quantized (quantization_bit)"),
    "qwen biases": ("qwen", config(no_bias=False), "no_bias False"),
    "qwen rotary": ("qwen", config(rotary_pct=0.5), "rotary_pct 0.5"),
    "qwen scale": ("qwen", config(scale_attn_weights=False), "scale_attn_weights False"),
    "qwen heads": ("qwen", config(kv_channels=32), "kv_channels is not hidden_size / num_attention_heads"),
    "qwen layers": ("qwen", config(num_hidden_layers="3"), "num_hidden_layers '3'"),
    "qwen no length": ("qwen", config(seq_length=None), "seq_length 'None'"),
    "qwen huge width": ("qwen", config(hidden_size=2 * 10**400), "hidden_size '2000"),
    "qwen huge base": ("qwen", config(rotary_emb_base=10**400), "rotary_emb_base '1000"),
    "qwen many layers": ("qwen", config(num_hidden_layers=100_000), "from 1 to 1,000"),
    "glm many layers": ("chatglm", config(num_layers=100_000), "from 1 to 1,000"),
    "qwen eps": ("qwen", config(layer_norm_epsilon="tiny"), "layer_norm_epsilon 'tiny'"),
    "glm attention": ("chatglm", config(multi_query_attention=False), "multi_query_attention False"),
    "glm norm": ("chatglm", config(rmsnorm=False), "rmsnorm False"),
    "glm no norm": ("chatglm", config(post_layer_norm=None), "post_layer_norm None"),
    "glm bias": ("chatglm", config(add_bias_linear=True), "add_bias_linear True"),
    "glm residual": (
        "chatglm",
        config(apply_residual_connection_post_layernorm=True),
        "apply_residual_connection_post_layernorm True",
    ),
    "glm fp32 residual": ("chatglm", config(fp32_residual_connection=True), "fp32_residual_connection True"),
    "glm prefix": ("chatglm", config(pre_seq_len=128), "pre_seq_len 128"),
    "glm qkv": ("chatglm", config(add_qkv_bias=None), "add_qkv_bias"),
    "glm ratio": ("chatglm", config(rope_ratio="x"), "rope_ratio 'x'"),
    "adapter": ("qwen", write("adapter_config.json", "{}"), "an adapter, not a whole model"),
    # Which files there are
    "no index": ("qwen", remove(QWEN_INDEX), "model.safetensors.index.json is missing"),
    "no index of bin": ("bin", remove("pytorch_model.bin.index.json"), "pytorch_model.bin.index.json is missing"),
    "no weights": ("qwen", lambda folder: [path.unlink() for path in folder.glob("model*")], "it has no weights"),
    "no shard": ("qwen", remove(QWEN_SHARD), f"{QWEN_SHARD} is missing"),
    "short shard": ("qwen", cut(QWEN_SHARD), "instead of"),
    "shard of nothing": ("qwen", cut(QWEN_SHARD, 0), "has 0 bytes"),
    "shard cut in its head": ("qwen", cut(QWEN_SHARD, 0.0001), "instead of over"),
    "long shard": ("qwen", add_bytes(QWEN_SHARD), "instead of"),
    "short bin": ("bin", cut(BIN_SHARD), "is truncated or not a PyTorch file"),
    "no bin": ("bin", remove(BIN_SHARD), f"{BIN_SHARD} is missing"),
    "index empty": ("qwen", write(QWEN_INDEX, "{}"), "has no weight_map"),
    "index no json": ("qwen", write(QWEN_INDEX, "?"), "is damaged: it is not JSON"),
    # What the files say
    "head no json": ("qwen", header("?" * 40), "is not a safetensors file"),
    "head a list": ("qwen", header("[]"), "is not a safetensors file"),
    "head without places": ("qwen", header('{"a": {"dtype": "F32"}}'), "has a damaged header"),
    "tensor gone": ("qwen", save(lambda tensors: tensors.pop("lm_head.weight")), "missing tensors"),
    "tensor gone but indexed": ("qwen", save(lambda t: t.pop("lm_head.weight"), indexed=False), "lacks lm_head.weight"),
    "unexpected tensor": ("qwen", save(lambda t: t.update({"extra.weight": torch.ones(2)})), "extra.weight"),
    "tensor of another shape": (
        "qwen",
        save(lambda t: t.update({"lm_head.weight": t["lm_head.weight"][:-1].clone()})),
        "lm_head.weight",
    ),
    # What leads elsewhere
    "index up": ("qwen", reindex(lm_head__weight="../x.safetensors"), "file of the folder"),
    "index absolute": ("qwen", reindex(lm_head__weight="/etc/passwd"), "file of the folder"),
    "index backslash": ("qwen", reindex(lm_head__weight="..\\x.safetensors"), "file of the folder"),
    "index number": ("qwen", reindex(lm_head__weight=3), "file of the folder"),
    "index other kind": ("qwen", reindex(lm_head__weight="config.json"), "file of the folder"),
    "shard linked out": (
        "qwen",
        link(QWEN_SHARD, DATA / "README.md"),
        "leads out of the folder",
    ),
    "config linked out": ("qwen", link("config.json", "/etc/passwd"), "leads out of the folder"),
    "settings linked out": ("qwen", link("generation_config.json", "/etc/passwd"), "leads out of the folder"),
    "link to itself": ("qwen", link(QWEN_SHARD, QWEN_SHARD), "is missing"),
}
SOURCES = {
    "qwen": (ORACLES, TINY["qwen"]),
    "chatglm": (ORACLES, TINY["chatglm"]),
    "bin": (DATA, "chatglm3-micro-bin"),
}


def refusal_of(folder):
    """The message when the model is resolved, or else when it is loaded."""
    try:
        (backend,) = open_backends([resolve(str(folder))])
        list(backend._load.wait())
    except ArenaError as error:
        return str(error)
    return ""


@needs_oracles
@pytest.mark.parametrize("case", CASES)
def test_an_unusable_folder_is_refused_with_the_reason(tmp_path, case):
    source, damage, words = CASES[case]
    place, name = SOURCES[source]
    folder = copied(place / name, tmp_path / "checkpoint")
    if source == "bin":  # the micro folders have no tokenizer
        (folder / "tokenizer.model").write_bytes((ORACLES / TINY["chatglm"] / "tokenizer.model").read_bytes())
    damage(folder)
    message = refusal_of(folder)
    assert words in message
    assert "checkpoint" in message
    assert len(message.splitlines()) == 1


@needs_oracles
@pytest.mark.parametrize(
    ("family", "damage", "words"),
    [
        ("qwen", remove("qwen.tiktoken"), "qwen.tiktoken is missing"),
        ("qwen", cut("qwen.tiktoken"), "qwen.tiktoken"),
        ("qwen", write("qwen.tiktoken", "IQ== 0\n"), "1 ranks instead of 151,643"),
        ("qwen", write("qwen.tiktoken", "no ranks at all"), "qwen.tiktoken is damaged"),
        ("qwen", link("qwen.tiktoken", ORACLES / TINY["qwen"] / "qwen.tiktoken"), "leads out of the folder"),
        ("chatglm", remove("tokenizer.model"), "tokenizer.model is missing"),
        ("chatglm", cut("tokenizer.model"), "tokenizer.model"),
        ("chatglm", write("tokenizer.model", "<html>"), "tokenizer.model is damaged"),
    ],
)
def test_a_damaged_tokenizer_is_refused(tmp_path, family, damage, words):
    folder = copied(ORACLES / TINY[family], tmp_path / "checkpoint")
    damage(folder)
    assert words in refusal_of(folder)


# ---- nothing in a folder runs


class Marks:
    """Writes a file when it is unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return (os.system, (f"touch '{self.marker}'",))


def zipped(path, data):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", data)
        archive.writestr("archive/version", "3\n")
        archive.writestr("archive/byteorder", "little")


@needs_oracles
@pytest.mark.parametrize("packed", [True, False], ids=["zip", "bare"])
def test_a_bin_file_that_would_run_code_is_refused_and_runs_nothing(tmp_path, packed):
    marker = tmp_path / "ran"
    folder = copied(DATA / "chatglm3-micro-bin", tmp_path / "checkpoint")
    (folder / "tokenizer.model").write_bytes((ORACLES / TINY["chatglm"] / "tokenizer.model").read_bytes())
    data = pickle.dumps({"transformer.output_layer.weight": Marks(marker)})
    if packed:
        zipped(folder / BIN_SHARD, data)
    else:
        (folder / BIN_SHARD).write_bytes(data)
    assert refusal_of(folder)
    assert not marker.exists()
    pickle.loads(data)
    assert marker.exists()  # it would have


CODE = "from pathlib import Path\nPath({marker!r}).touch()\n"


@needs_oracles
@pytest.mark.parametrize("kind", ["qwen", "chatglm", "unknown", "qwen2"])
def test_code_beside_the_weights_is_never_run(tmp_path, kind):
    marker = tmp_path / "ran"
    family = kind if kind in TINY else "qwen"
    folder = copied(ORACLES / TINY[family], tmp_path / "checkpoint")
    names = ("modeling_x", "configuration_x", "tokenization_x", "configuration_qwen", "tokenization_qwen")
    for name in names:
        (folder / f"{name}.py").write_text(CODE.format(marker=str(marker)))
    edit_json(
        folder / "config.json",
        model_type=kind,
        auto_map={"AutoConfig": "configuration_x.C", "AutoModelForCausalLM": "modeling_x.M"},
    )
    edit_json(folder / "tokenizer_config.json", auto_map={"AutoTokenizer": ["tokenization_x.T", None]})
    message = refusal_of(folder)
    assert bool(message) is (kind not in TINY)
    assert not marker.exists()


def test_a_config_is_read_through_a_link_to_its_folder(tmp_path):
    (tmp_path / "link").symlink_to(DATA / "qwen-micro-vocab2048")
    assert read_config(tmp_path / "link")["model_type"] == "qwen"


@needs_oracles
def test_a_repaired_folder_loads_at_the_next_prompt(tmp_path, ask, answer_of):
    folder = copied(ORACLES / TINY["qwen"], tmp_path / "checkpoint")
    whole = (folder / QWEN_SHARD).read_bytes()
    cut(QWEN_SHARD)(folder)
    (backend,) = open_backends([resolve(str(folder))])
    with pytest.raises(ArenaError, match="instead of"):
        list(ask(backend))
    (folder / QWEN_SHARD).write_bytes(whole)
    assert answer_of(ask(backend, max_new_tokens=2)).finish_reason in ("stop", "length")
    backend.close()


@needs_oracles
def test_weights_that_compute_nan_are_refused_while_loading(tmp_path):
    folder = copied(ORACLES / TINY["qwen"], tmp_path / "checkpoint")
    rewrite(folder, lambda tensors: tensors["transformer.ln_f.weight"].fill_(float("nan")))
    assert "computed" in refusal_of(folder)


@needs_oracles
@pytest.mark.parametrize("older", ["absent", "other numbers"])
def test_beside_a_whole_file_an_older_index_is_not_used(tmp_path, caplog, ask, answer_of, older):
    from safetensors.torch import load_file, save_file

    folder, plain = (copied(ORACLES / TINY["qwen"], tmp_path / name) for name in ("merged", "plain"))
    shards = sorted(folder.glob("model-*.safetensors"))
    tensors = {name: tensor for shard in shards for name, tensor in load_file(shard).items()}
    for target in (folder, plain):
        save_file(tensors, target / "model.safetensors", {"format": "pt"})
    for path in (*plain.glob("model-*"), plain / QWEN_INDEX):
        path.unlink()
    for shard in shards:
        if older == "absent":
            shard.unlink()
        else:
            save_file({name: tensor * 0 for name, tensor in load_file(shard).items()}, shard, {"format": "pt"})
    assert [path.name for path in find_weights(folder).files] == ["model.safetensors"]
    assert "model.safetensors.index.json is not used" in caplog.text
    texts = []
    for target in (folder, plain):
        [backend] = open_backends([resolve(str(target))])
        texts.append(answer_of(ask(backend, max_new_tokens=8)).text)
        backend.close()
    assert texts[0] == texts[1] != ""
