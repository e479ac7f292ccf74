"""What config.json decides before a weight is read: what runs, up to which context, and what is refused and why."""

import json
import re
from pathlib import Path

import pytest
from model_folders import DATA, ORACLES, TINY, copied, edit_json, needs_oracles
from native_folders import native_folder
from opened import open_backends

from arena.errors import InputError
from backends.families.support import REFUSED, checked_support, support_of
from backends.folder.checkpoint import text_part
from backends.folder.contents import Checkpoint
from backends.models.resolve import resolve
from commands.quantize import packing_job
from ui.texts import error_text

TRAINED = "original_max_position_embeddings"


def support(model_type="llama", generation=None, tokenizer=None, **config):
    """The support of a folder with this config.json."""
    config = {"model_type": model_type, "max_position_embeddings": 32768} | config
    return support_of(Checkpoint(Path("model"), config, generation or {}, tokenizer or {}))


# ---- contexts


@pytest.mark.parametrize(
    ("model_type", "config", "context", "limit"),
    [
        ("llama", {}, 32768, ""),
        ("llama", {"max_position_embeddings": 256}, 256, ""),
        # Without a length of its own, what every model has.
        ("llama", {"max_position_embeddings": None}, 4096, ""),
        ("mistral", {"sliding_window": 4096}, 4096, "window"),
        ("mistral", {"sliding_window": None}, 32768, ""),
        # The library's class has a window if config.json does not say.
        ("mistral", {}, 4096, "window"),
        ("mistral", {"sliding_window": 40_000}, 32768, ""),
        ("phi3", {"max_position_embeddings": 4096, "sliding_window": 2047}, 2047, "window"),
        ("phi3", {"max_position_embeddings": 4096, "sliding_window": 4096}, 4096, ""),
        ("qwen2", {"sliding_window": 4096, "use_sliding_window": False}, 32768, ""),
        ("qwen2", {"sliding_window": 4096}, 32768, ""),
        ("qwen2", {"sliding_window": 4096, "use_sliding_window": True}, 4096, "window"),
        ("cohere2", {"layer_types": ["full_attention"] * 2}, 32768, ""),
        ("cohere2", {"layer_types": ["full_attention", "sliding_attention"]}, 4096, "window"),
        ("exaone4", {"sliding_window": None}, 32768, ""),
        ("gemma3_text", {"sliding_window": 512}, 512, "window"),
        ("llama4_text", {"layer_types": ["chunked_attention", "full_attention"]}, 8192, "window"),
        ("phi3", {"rope_scaling": {"type": "longrope"}, TRAINED: 4096}, 4096, "positions"),
        ("phi3", {"rope_parameters": {"rope_type": "dynamic", TRAINED: 99}}, 99, "positions"),
        ("gemma3_text", {"sliding_window": 512, "rope_parameters": {"x": {"type": "su", TRAINED: 9}}}, 9, "positions"),
        ("qwen3_5", {"text_config": {"max_position_embeddings": 999, "layer_types": ["linear_attention"]}}, 999, ""),
        ("llama", {"rope_scaling": {"rope_type": "llama3", TRAINED: 8192}}, 32768, ""),
    ],
)
def test_the_context_ends_where_answers_would_stop_being_exact(model_type, config, context, limit):
    result = support(model_type, **config)
    assert (result.context, result.limit, result.refused) == (context, limit, None)


WINDOWS = ("mistral", "ministral", "phi3", "starcoder2", "mixtral", "qwen2", "qwen3", "cohere2", "exaone4", "olmo3")
SETTINGS = (
    {},
    {"sliding_window": None},
    {"sliding_window": 100},
    {"sliding_window": 100, "use_sliding_window": True, "max_window_layers": 0},
    {"sliding_window": 100, "use_sliding_window": False},
    {"sliding_window": 100, "layer_types": ["full_attention"] * 4},
    {"sliding_window": 100, "layer_types": ["full_attention", "sliding_attention"] * 2, "use_sliding_window": True},
)


# The library's class of EXAONE 4 fails where there is no window.
CASES = [(kind, given) for kind in WINDOWS for given in SETTINGS if (kind, given) != ("exaone4", SETTINGS[1])]


@pytest.mark.parametrize(("model_type", "settings"), CASES, ids=str)
def test_the_window_is_the_one_of_the_librarys_own_class(model_type, settings):
    import transformers

    known = transformers.CONFIG_MAPPING[model_type](num_hidden_layers=4, **settings)
    kinds = getattr(known, "layer_types", None)
    window = known.sliding_window if kinds is None or "sliding_attention" in kinds else None
    assert support(model_type, num_hidden_layers=4, **settings).context == (window or 32768)


def test_a_folder_with_a_window_runs_up_to_it(tmp_path, ask, answer_of):
    folder = native_folder(tmp_path / "slides", kind="Mistral")
    edit_json(folder / "config.json", sliding_window=64)
    spec = resolve(str(folder))
    assert (spec.context_length, spec.context_limit) == (64, "window")
    (backend,) = open_backends([spec])
    assert answer_of(ask(backend, max_new_tokens=3)).usage.new_tokens
    backend.close()


# ---- refusals


@pytest.mark.parametrize(
    ("model_type", "config", "words"),
    [
        ("gpt_oss", {}, "its attention has sinks"),
        ("gemma2", {}, "capped (softcap)"),
        ("llama", {"attn_logit_softcapping": 50.0}, "capped (softcap), which is not computed here"),
        ("mamba2", {}, "keep a state"),
        ("glm4_moe_lite", {}, "compresses keys and values (MLA)"),
        ("gemma3", {"text_config": {"model_type": "gemma3_text"}}, "pictures or sound"),
        ("bloom", {}, "ALiBi"),
        ("llamaphant", {}, "models of the type 'llamaphant' were never compared"),
        ("qwen3_5_moe", {"text_config": {"model_type": "qwen3_5_moe_text"}}, "keep a state"),
        ("qwen3_5", {"text_config": {"layer_types": ["mamba"]}}, "unsupported kind: mamba"),
        ("lfm2", {"layer_types": ["conv", "full_attention"]}, "keep a state"),
        ("qwen3", {"layer_types": ["linear_attention", "full_attention"]}, "unsupported kind: linear_attention"),
        ("qwen3", {"layer_types": ["chunked_attention"]}, "unsupported kind: chunked_attention"),
        ("gemma3_text", {"use_bidirectional_attention": True}, "see those after them"),
        ("qwen3", {"quantization_config": {"bits": 4}}, "the weights are quantized (quantization_config)"),
    ],
)
def test_what_would_not_be_exact_is_refused_by_name_with_a_way_out(model_type, config, words):
    checkpoint = Checkpoint(Path("my-model"), {"model_type": model_type} | config, {})
    with pytest.raises(InputError) as refusal:
        checked_support(checkpoint, "")
    assert refusal.value.code == "model_unsupported"
    assert words in str(refusal.value) and "my-model" in str(refusal.value)
    assert "GGUF file" in str(refusal.value) and len(str(refusal.value).splitlines()) == 1
    # Names and keys stay as they are; no English sentence does.
    chinese = error_text("zh", refusal.value)
    assert "不能在这里运行" in chinese and not re.search(r"[a-z]+ [a-z]+ [a-z]+", chinese)


def test_every_refusal_of_a_type_is_whole_in_chinese():
    reasons = {reason.code: error_text("zh", reason) for reason in REFUSED.values()}
    assert len(set(reasons.values())) == len(reasons) == 6
    assert not any(re.search(r"[a-z]+ [a-z]+", line) for line in reasons.values())


@pytest.mark.parametrize(
    ("tokenizer", "has_file", "fits"),
    [
        ({"chat_template": "{{ x }}"}, False, True),
        ({"chat_template": [{"name": "default", "template": "{{ x }}"}]}, False, True),
        ({"tokenizer_class": "X"}, False, False),
        ({"tokenizer_class": "X"}, True, True),
        ({"tokenizer_class": "X", "chat_template": None}, False, False),
        # Without the file that could lack it nothing is known.
        ({}, False, True),
    ],
)
def test_a_model_without_a_chat_template_is_refused_as_a_base_model(tmp_path, tokenizer, has_file, fits):
    if has_file:
        (tmp_path / "chat_template.jinja").write_text("{{ x }}")
    result = support_of(Checkpoint(tmp_path, {"model_type": "llama"}, {}, tokenizer))
    assert (result.refused is None) is fits
    assert fits or "base model" in str(result.refused)


@pytest.mark.parametrize(
    ("fault", "words"), [("capped", r"softcap.*GGUF file"), ("base", "no chat template.*Use the chat model")]
)
@pytest.mark.parametrize("place", ["resolve", "open", "quantize"])
def test_every_way_to_a_model_asks_before_it_reads_weights(tmp_path, place, fault, words):
    from backends.families.weights import architecture_of

    folder = native_folder(tmp_path / "tiny")
    spec = resolve(str(folder))
    if fault == "capped":
        edit_json(folder / "config.json", attn_logit_softcapping=50.0)
    else:
        (folder / "chat_template.jinja").unlink()
    (folder / "model.safetensors").unlink()
    with pytest.raises(InputError, match=words):
        match place:
            case "resolve":
                resolve(str(folder))
            case "open":
                architecture_of(folder)
            case "quantize":
                packing_job(spec, "int4")


def test_a_type_compared_in_floats_only_is_not_quantized(tmp_path):
    folder = native_folder(tmp_path / "chunked")
    spec = resolve(str(folder))
    edit_json(folder / "config.json", model_type="llama4_text")
    with pytest.raises(InputError, match=r"compared in bf16 and fp32 only. Use bf16 or fp32, or a GGUF file"):
        packing_job(spec, "int8")
    assert not list(tmp_path.glob("*@int8*"))


def test_a_nested_text_part_is_read():
    inner = {"vocab_size": 7}
    assert text_part({"model_type": "qwen3_5", "text_config": inner}) is inner
    assert text_part(inner) is inner
    assert text_part(inner | {"text_config": None}) == inner | {"text_config": None}


# ---- the originals and what looks like them

QWEN = {
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "intermediate_size": 22016,
    "vocab_size": 151936,
    "seq_length": 8192,
}
CHATGLM = {
    "hidden_size": 4096,
    "num_layers": 28,
    "num_attention_heads": 32,
    "multi_query_group_num": 2,
    "kv_channels": 128,
    "ffn_hidden_size": 13696,
    "padded_vocab_size": 65024,
    "seq_length": 32768,
    "multi_query_attention": True,
    "rmsnorm": True,
    "post_layer_norm": True,
    "add_qkv_bias": True,
    "add_bias_linear": False,
    "apply_residual_connection_post_layernorm": False,
    "fp32_residual_connection": False,
}


@pytest.mark.parametrize(
    ("config", "generation", "words"),
    [
        ({}, {"chat_format": "chatml"}, ""),
        ({}, {"chat_format": "raw"}, "it is Qwen-7B without a chat format (chat_format 'raw')"),
        (
            {"hidden_size": 5120, "num_hidden_layers": 40},
            {"chat_format": "raw"},
            "it is Qwen-14B without a chat format",
        ),
        ({"hidden_size": 64}, {"chat_format": "raw"}, "it is Qwen without a chat format"),
        ({}, {}, "generation_config.json has no chat_format"),
        ({"visual": {"layers": 48}}, {"chat_format": "chatml"}, "it is Qwen-VL"),
        ({"audio": {}}, {"chat_format": "chatml"}, "it is Qwen-Audio"),
    ],
)
def test_qwens_base_and_picture_models_are_not_the_chat_model(config, generation, words):
    result = support("qwen", generation, **(QWEN | config))
    assert words in str(result.refused)
    assert (result.refused is not None) is bool(words) is (result.way_out is not None)
    assert result.context == (0 if words else 8192)


@pytest.mark.parametrize(
    ("config", "tokenizer", "words"),
    [
        ({"_name_or_path": "THUDM/chatglm3-6b"}, {}, ""),
        ({}, {"name_or_path": "THUDM/chatglm3-6b-32k"}, ""),
        ({"_name_or_path": "/database/chatglm3-tuned"}, {}, ""),
        ({"_name_or_path": "./checkpoint-100"}, {"added_tokens_decoder": {"64795": {"content": "<|user|>"}}}, ""),
        ({"_name_or_path": "THUDM/chatglm2-6b"}, {}, "it is ChatGLM2-6B"),
        ({"_name_or_path": "./tuned"}, {"name_or_path": "THUDM/chatglm2-6b-32k"}, "it is ChatGLM2-6B"),
        ({"_name_or_path": "THUDM/chatglm3-6b-base"}, {}, "it is a base model, without a chat format"),
        ({"_name_or_path": "THUDM/codegeex2-6b"}, {}, "it is CodeGeeX2-6B"),
        ({"_name_or_path": "./checkpoint-100"}, {}, "ChatGLM2-6B looks the same"),
        ({"position_encoding_2d": True}, {}, "it is ChatGLM-6B"),
        (
            {"_name_or_path": "THUDM/glm-4-9b-chat", "padded_vocab_size": 151552},
            {},
            "it is GLM-4-9B (first layout)",
        ),
    ],
)
def test_what_shares_chatglm3s_layout_is_not_chatglm3(config, tokenizer, words):
    result = support("chatglm", None, tokenizer, **(CHATGLM | config))
    assert words in str(result.refused)
    assert (result.refused is not None) is bool(words) is (result.way_out is not None)
    assert result.context == (0 if words else 32768)


@needs_oracles
@pytest.mark.parametrize(
    ("shape", "licence"),
    [
        ({"hidden_size": 4096, "num_hidden_layers": 32}, "Tongyi Qianwen License Agreement"),
        ({"n_embd": 5120, "n_layer": 40}, "Tongyi Qianwen License Agreement"),
        ({"hidden_size": 2048, "num_hidden_layers": 24}, "Tongyi Qianwen Research License Agreement"),
        ({}, ""),
    ],
)
def test_a_folder_never_gets_the_licence_of_another_model(tmp_path, shape, licence):
    folder = copied(ORACLES / TINY["qwen"], tmp_path / "qwen")
    old = dict.fromkeys(("hidden_size", "num_hidden_layers")) if "n_embd" in shape else {}
    heads = {"num_attention_heads": 16, "kv_channels": None} if shape else {}
    edit_json(folder / "config.json", **(old | heads | shape))
    assert resolve(str(folder)).licence == licence


@pytest.mark.parametrize(("width", "layers", "fits"), [(4096, 32, True), (5120, 40, False), (16, 2, True)])
def test_a_folder_under_an_id_of_the_catalogue_is_not_another_published_size(
    tmp_path, monkeypatch, width, layers, fits
):
    monkeypatch.setenv("ARENA_MODELS_DIR", str(tmp_path))
    folder = copied(DATA / "qwen-micro-vocab2048", tmp_path / "qwen-7b-chat")
    shape = {"hidden_size": width, "num_hidden_layers": layers, "kv_channels": None}
    edit_json(folder / "config.json", **shape)
    if fits:
        assert resolve("qwen-7b-chat").licence == "Tongyi Qianwen License Agreement"
        return
    with pytest.raises(InputError, match="holds no Qwen-7B-Chat"):
        resolve("qwen-7b-chat")


# ---- what people use

SIZES = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads")
HUB = json.loads((DATA / "hub_configs.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("published", HUB, ids=[entry["name"] for entry in HUB])
def test_a_much_used_model_runs_or_is_refused_with_its_reason(published):
    import transformers

    config = published["config"]
    result = support_of(Checkpoint(Path("model"), config, {}))
    if words := published.get("refused"):
        assert words in str(result.refused) and "GGUF file" in str(result.way_out)
        return
    assert (result.context, result.limit, result.refused) == (published["context"], published["limit"], None)
    known = transformers.CONFIG_MAPPING[config["model_type"]].from_dict(dict(config)).get_text_config()
    own = text_part(config)
    # The library reads the same sizes from the keys that are written down.
    assert {key: getattr(known, key) for key in SIZES} == {key: own[key] for key in SIZES}
    kinds = getattr(known, "layer_types", None) or ["sliding_attention"]
    window = getattr(known, "sliding_window", None) if "sliding_attention" in kinds else None
    assert result.context == min(own["max_position_embeddings"], window or 10**9) or result.limit == "positions"


def test_the_list_names_twenty_models():
    assert len({entry["name"] for entry in HUB}) == len(HUB) >= 20
