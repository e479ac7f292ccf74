"""The memory check: what a model needs (numbers worked out by hand), what is refused, and what two loads may share."""

import gc
import json
import struct
import sys
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from model_folders import DATA, copied, edit_json
from opened import open_backends

from arena.errors import BackendError, InputError
from arena.types import ModelSpec
from backends.folder.checkpoint import find_weights
from backends.memory.estimate import Need, folder_shape, need_of
from backends.models import budget
from backends.models.budget import MemoryBudget, check_memory
from backends.models.catalog import EMBEDDED, Published
from backends.models.resolve import resolve
from backends.streaming.loading import BackgroundLoad
from ui.texts import error_text

GB = 1_000_000_000
# 300 MB of imports and 160 MB for opening, see backends/memory/estimate.py.
LIBRARIES = 460_000_000
QWEN_CONFIG = {
    "model_type": "qwen",
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "kv_channels": 128,
    "intermediate_size": 22016,
    "vocab_size": 151936,
    "seq_length": 8192,
}
CHATGLM_CONFIG = {
    "_name_or_path": "THUDM/chatglm3-6b",
    "model_type": "chatglm",
    "hidden_size": 4096,
    "num_layers": 28,
    "num_attention_heads": 32,
    "multi_query_group_num": 2,
    "kv_channels": 128,
    "ffn_hidden_size": 13696,
    "padded_vocab_size": 65024,
    "seq_length": 8192,
    "multi_query_attention": True,
    "rmsnorm": True,
    "post_layer_norm": True,
    "add_qkv_bias": True,
    "add_bias_linear": False,
    "apply_residual_connection_post_layernorm": False,
    "fp32_residual_connection": False,
    "torch_dtype": "float16",
}
NATIVE_CONFIG = {
    "model_type": "qwen3",
    "hidden_size": 1024,
    "num_hidden_layers": 28,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "intermediate_size": 3072,
    "vocab_size": 151936,
    "max_position_embeddings": 40960,
}


@pytest.fixture(autouse=True)
def libraries_not_imported(monkeypatch):
    """As in a fresh process, whatever tests ran before, on a machine whose memory limits no context."""
    monkeypatch.setattr("backends.memory.estimate.limit_bytes", lambda: None)
    monkeypatch.delitem(sys.modules, "backends.hf.engine", raising=False)


@pytest.fixture
def folder(tmp_path):
    """Writes a folder whose one tensor is a hole in a file, so that it can be as large as a real model."""

    def write(config, dtype, shape, name="model"):
        place = tmp_path / name
        place.mkdir()
        (place / "config.json").write_text(json.dumps(config))
        (place / "generation_config.json").write_text(json.dumps({"chat_format": "chatml"}))
        size = {"F32": 4, "F16": 2, "BF16": 2}[dtype]
        for length in shape:
            size *= length
        header = json.dumps({"w": {"dtype": dtype, "shape": shape, "data_offsets": [0, size]}}).encode()
        with (place / "model.safetensors").open("wb") as file:
            file.write(struct.pack("<Q", len(header)) + header)
            file.truncate(8 + len(header) + size)
        return place

    return write


@pytest.fixture
def qwen(folder):
    return resolve(str(folder(QWEN_CONFIG, "BF16", [1885089, 4096], "qwen-7b-chat")))


@pytest.fixture
def chatglm(folder):
    return resolve(str(folder(CHATGLM_CONFIG, "F16", [6243584, 1000], "chatglm3-6b")))


# ---- what a model needs


def test_qwen_7b_in_bf16(qwen):
    cache = 2 * 32 * 32 * 128 * 8192 * 2
    piece = 512 * (4 * 11008 + 8 * 4096) * 2
    attention = 2 * 32 * 128 * 8192 * 2 + 512 * 8192 * 3
    scores = 8 * 151936 * 2 + 8 * 151936 * 4
    assert need_of(qwen) == Need(15_442_649_088, cache, LIBRARIES + piece + attention + scores)
    assert need_of(qwen).total == 15_442_649_088 + 4_294_967_296 + 692_736_768


def test_in_fp32_everything_of_the_models_precision_doubles(qwen):
    half, full = need_of(qwen), need_of(replace(qwen, precision="fp32"))
    assert (full.weights, full.cache) == (2 * half.weights, 2 * half.cache)
    # Which tokens see which is known as truths too, and the sampler has 32 bits of its own.
    always = LIBRARIES + 512 * 8192 + 8 * 151936 * 4
    assert full.overhead - always == 2 * (half.overhead - always)


def test_chatglm3_6b_has_two_heads_of_keys_and_is_converted(chatglm):
    """Eight full contexts of 235 MB are more than a gigabyte, so a gigabyte is what there is for keys and values."""
    piece = 512 * (4 * 13696 + 8 * 4096) * 2
    scores = 8 * 65024 * 2 + 8 * 65024 * 4
    assert need_of(chatglm) == Need(
        12_487_168_000, 1_000_000_000, LIBRARIES + piece + 134_217_728 + 512 * 8192 * 3 + scores
    )


def test_a_native_folder_by_its_own_keys(folder):
    spec = resolve(f"{folder(NATIVE_CONFIG, 'BF16', [596049, 1000])}?ctx=8192")
    assert spec.context_length == 8192
    cache = 2 * 28 * 8 * 128 * 8192 * 2
    assert 940_000_000 > cache > 1_000_000_000 / 8  # more than one, and less than eight fit into a gigabyte
    working = 512 * (4 * 3072 + 8 * 1024) * 2 + 2 * 16 * 128 * 8192 * 2 + 512 * 8192 * 3 + 8 * 151936 * (2 + 4)
    assert need_of(spec) == Need(1_192_098_000, 1_000_000_000, LIBRARIES + working)


def test_a_native_folder_that_nests_its_text_part_or_says_little(folder):
    inner = {key: value for key, value in NATIVE_CONFIG.items() if key not in ("head_dim", "num_key_value_heads")}
    spec = resolve(str(folder(inner, "F32", [1000, 10])))
    assert folder_shape({"model_type": "some", "text_config": inner}) == folder_shape(inner)
    # Heads of 1024 / 16, each with keys of its own; stored in 32 bits, wanted in 16.
    assert need_of(spec).cache == max(2 * 28 * 16 * 64 * spec.context_length * 2, 1_000_000_000)
    assert need_of(spec).weights == 20_000


@pytest.mark.parametrize(("precision", "element"), [("bf16", 2), ("fp32", 4)])
def test_the_micro_folders(precision, element):
    qwen, chatglm = (resolve(f"{DATA / name}-micro-vocab2048@{precision}") for name in ("qwen", "chatglm3"))
    assert need_of(qwen).weights == 367_616 * element
    assert need_of(qwen).cache == 8 * 2 * 3 * 4 * 16 * 8192 * element
    assert need_of(chatglm).weights == 355_140 * element
    assert need_of(chatglm).cache == 8 * 2 * 3 * 2 * 16 * 8192 * element


def parameters(spec):
    """Counted by the library, which the check itself does not use."""
    from safetensors import safe_open

    total = 0
    for file in find_weights(DATA / spec.name.split(" ")[0]).files:
        with safe_open(file, "np") as opened:
            for name in opened.keys():  # noqa: SIM118 (no mapping)
                length = 1
                for size in opened.get_slice(name).get_shape():
                    length *= size
                total += length
    return total


@pytest.mark.parametrize("name", ["qwen-micro-vocab2048", "chatglm3-micro-vocab2048"])
def test_weights_are_every_parameter_once(name):
    spec = resolve(str(DATA / name))
    assert need_of(spec).weights == 2 * parameters(spec)


def test_bin_files_are_taken_by_their_size():
    spec = resolve(str(DATA / "chatglm3-micro-bin"))
    assert need_of(spec).weights == 328_516 + 392_897 - 1  # whole numbers of two bytes
    assert need_of(replace(spec, precision="fp32")).weights == 2 * (328_516 + 392_897 - 1)


def test_bin_files_of_32_bits_halve(tmp_path):
    place = copied(DATA / "chatglm3-micro-bin", tmp_path / "wide")
    edit_json(place / "config.json", torch_dtype="float32")
    assert need_of(resolve(str(place))).weights == (328_516 + 392_897) // 4 * 2


def test_libraries_that_are_there_already_need_nothing(qwen, monkeypatch):
    fresh = need_of(qwen)
    monkeypatch.setitem(sys.modules, "backends.hf.engine", object())
    assert fresh.total - need_of(qwen).total == 300_000_000


@pytest.mark.parametrize("name", ["qwen-micro-vocab2048", "chatglm3-micro-vocab2048"])
@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_the_cache_is_what_the_engine_gives_out(name, precision):
    from backends.families.weights import architecture_of, load_weights
    from backends.hf.engine import HfEngine
    from backends.stepping.batched import stock_rows
    from backends.stepping.scheduler import Scheduler

    class NoStops:
        stop_ids = frozenset()

    model = load_weights(architecture_of(DATA / name), precision)
    engine = HfEngine(stock_rows(model), NoStops(), Scheduler(1), context_length=8192)
    assert engine.slots.amount == need_of(resolve(f"{DATA / name}@{precision}")).cache


def test_a_script_needs_nothing():
    assert need_of(ModelSpec("s", "s", "s", "x.json", "scripted", "")) is None


# ---- GGUF


def test_the_embedded_model_by_its_head():
    """SmolLM2-135M: 30 layers, 3 heads of keys of 64 numbers in 16 bits, and four conversations of 4096 tokens."""
    cache = 2 * 30 * 3 * 64 * (4 * 4096) * 2
    buffers = 128 * (49152 + 4 * 1536 + 8 * 576) * 4
    assert need_of(EMBEDDED["smollm2-135m"]) == Need(98_362_432, cache, 60_000_000 + buffers)


def string(text):
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def gguf(metadata, tensors=()):
    """A GGUF file's bytes; values are strings, whole numbers or lists of them."""
    data = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    for key, value in metadata.items():
        data += string(key)
        if isinstance(value, str):
            data += struct.pack("<I", 8) + string(value)
        elif isinstance(value, list):
            data += struct.pack(f"<IIQ{len(value)}I", 9, 4, len(value), *value)
        else:
            data += struct.pack("<II", 4, value)
    for name, kind, shape in tensors:
        data += string(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, 0)
    return data


HEAD = {
    "tokenizer.chat_template": "{{ messages }}",
    "general.architecture": "toy",
    "toy.block_count": 4,
    "toy.embedding_length": 64,
    "toy.feed_forward_length": 100,
    "toy.attention.head_count": 8,
    "toy.attention.head_count_kv": 2,
    "toy.attention.key_length": 32,
    "toy.vocab_size": 1000,
}


@pytest.fixture
def gguf_spec(tmp_path):
    def write(data, name="toy.gguf"):
        (tmp_path / name).write_bytes(data)
        return resolve(str(tmp_path / name))

    return write


@pytest.mark.parametrize(
    ("changes", "cache"),
    [
        ({}, 2 * 4 * 2 * 32 * 16384 * 2),
        ({"toy.attention.key_length": None}, 2 * 4 * 2 * 8 * 16384 * 2),
        ({"toy.attention.head_count_kv": None}, 2 * 4 * 8 * 32 * 16384 * 2),
        ({"toy.attention.head_count_kv": [2, 0, 2, 0]}, 2 * 4 * 1 * 32 * 16384 * 2),
    ],
)
def test_a_gguf_files_cache(gguf_spec, changes, cache):
    head = {key: value for key, value in {**HEAD, **changes}.items() if value is not None}
    need = need_of(gguf_spec(gguf(head)))
    assert need == Need(len(gguf(head)), cache, 60_000_000 + 128 * (1000 + 4 * 100 + 8 * 64) * 4)


def test_a_gguf_files_layers_with_states_keep_no_keys(gguf_spec):
    """Measured with a file of eight layers of Qwen3.5-0.8B: 4,148 bytes for a token, where these are 4,096."""
    states = {"conv_kernel": 4, "state_size": 128, "group_count": 16, "inner_size": 2048}
    head = HEAD | {f"toy.ssm.{name}": value for name, value in states.items()}
    head |= {"toy.block_count": 8, "toy.full_attention_interval": 4, "toy.attention.key_length": 256}
    cache = need_of(gguf_spec(gguf(head))).cache
    assert cache == 4096 * 16384 + 4 * 6 * 4 * (3 * (2048 + 2 * 16 * 128) + 128 * 2048)


@pytest.mark.parametrize(("trained", "length"), [(256, 256), (99_999, 99_999), (0, 4096), ("x", 4096), (None, 4096)])
def test_a_gguf_file_has_the_context_it_was_trained_for(gguf_spec, trained, length):
    head = HEAD | ({} if trained is None else {"toy.context_length": trained})
    assert (gguf_spec(gguf(head)).context_length, gguf_spec(gguf(head)).context_limit) == (length, "")


def test_a_gguf_file_without_a_chat_template_is_refused_with_a_way_out(gguf_spec):
    head = {key: value for key, value in HEAD.items() if key != "tokenizer.chat_template"}
    with pytest.raises(InputError, match=r"no chat template.*--chat-template") as refused:
        gguf_spec(gguf(head))
    assert refused.value.code == "gguf_no_template"


@pytest.mark.parametrize(("memory", "length"), [(8192, 10_000), (1024, 8192), (512, 4096), (300, 2304), (200, 1024)])
def test_llama_cpp_takes_an_eighth_of_memory_for_its_cache(gguf_spec, monkeypatch, memory, length):
    """A token takes 2 * 4 * 2 * 32 * 2 bytes in each of four conversations, 4096 in all; 61 MB are for the rest."""
    monkeypatch.setattr("backends.memory.estimate.limit_bytes", lambda: memory * 4096 * 64)
    spec = gguf_spec(gguf(HEAD | {"toy.context_length": 10_000}))
    assert (spec.context_length, spec.context_limit) == (length, "" if length == 10_000 else "memory")


def test_all_parts_of_a_split_file_count(gguf_spec, tmp_path):
    (tmp_path / "toy-00002-of-00002.gguf").write_bytes(bytes(5000))
    spec = gguf_spec(gguf(HEAD), "toy-00001-of-00002.gguf")
    assert need_of(spec).weights == len(gguf(HEAD)) + 5000


@pytest.mark.parametrize("length", [4, 20, 60, 200])
def test_of_a_damaged_head_only_the_size_is_known(gguf_spec, length):
    assert need_of(gguf_spec(gguf(HEAD)[:length])) == Need(length, 0, 60_000_000)


# ---- refusing


@pytest.fixture
def no_others(monkeypatch, tmp_path):
    """A catalog without any model that is here."""
    monkeypatch.setenv("ARENA_MODELS_DIR", str(tmp_path / "none"))
    monkeypatch.setattr(budget, "EMBEDDED", {})
    monkeypatch.setattr(budget, "PUBLISHED", {})


def refusal(spec, free, need=None):
    with pytest.raises(BackendError) as failure:
        check_memory(spec, need or need_of(spec), free)
    assert len(str(failure.value).splitlines()) == 1
    return failure.value


def test_what_fits_to_the_byte_is_not_refused(qwen):
    need = need_of(qwen)
    check_memory(qwen, need, need.total)
    assert refusal(qwen, need.total - 1)


def test_the_refusal_says_the_numbers(qwen, no_others):
    error = refusal(qwen, 16 * GB - 1)
    assert error.code == "memory_short"
    assert str(error) == (
        "qwen-7b-chat needs 20.5 GB of memory (weights 15.4, cache 4.3, other 0.8), and 15.9 GB is free. "
        "Models that fit: qwen-7b-chat@int8."
    )
    zh, en = error_text("zh", error), error_text("en", error)
    for number in ("20.5", "15.4", "4.3", "0.8", "15.9"):
        assert number in zh and number in en
    assert "qwen-7b-chat" in zh and "内存不足" in zh


@pytest.mark.parametrize("weights", [5_000_000_000, 5_010_000_000, 5_049_000_000, 5_099_999_999])
def test_rounding_never_says_that_the_same_does_not_fit(qwen, no_others, weights):
    details = refusal(qwen, weights - 1, Need(weights, 0, 0)).details
    assert float(details["needed"]) > float(details["free"])


def test_bf16_is_named_where_fp32_does_not_fit(qwen):
    error = refusal(resolve(f"{qwen.source}@fp32"), 24 * GB)
    assert error.code == "memory_short" and str(error.details["fits"]).startswith("qwen-7b-chat@bf16")
    assert "Models that fit: qwen-7b-chat@bf16" in str(error)
    assert "内存足够运行的模型：qwen-7b-chat@bf16" in error_text("zh", error)
    assert "fit" in error_text("en", error) and "qwen-7b-chat@bf16" in error_text("en", error)


@pytest.mark.parametrize("asked", ["", "@fp32"])
def test_of_fewer_bits_the_most_that_fit_are_named(qwen, no_others, asked):
    spec = resolve(f"{qwen.source}{asked}")
    assert refusal(spec, 16 * GB).details["fits"] == "qwen-7b-chat@int8"
    assert refusal(spec, 11 * GB).details["fits"] == "qwen-7b-chat@int4"
    assert refusal(spec, 9 * GB).code == "memory_short_for_all"


def test_a_shorter_context_is_named_where_it_fits(qwen, no_others):
    error = refusal(qwen, 20 * GB)
    assert error.details["fits"].split(", ")[0] == "qwen-7b-chat?ctx=4096"
    # A name with a context gets another one.
    shorter = resolve(f"{qwen.source}?ctx=6000")
    assert refusal(shorter, 18 * GB).details["fits"].split(", ")[0] == "qwen-7b-chat?ctx=2048"


def test_the_embedded_model_is_named_once(qwen, monkeypatch, tmp_path):
    monkeypatch.setenv("ARENA_MODELS_DIR", str(tmp_path / "none"))
    monkeypatch.setattr(budget, "PUBLISHED", {})
    assert refusal(qwen, 1 * GB).details["fits"] == "smollm2-135m"
    assert refusal(qwen, need_of(EMBEDDED["smollm2-135m"]).total - 1).code == "memory_short_for_all"
    # Itself at another temperature is no way out for the embedded model.
    error = refusal(EMBEDDED["smollm2-135m-t1.0"], 1000)
    assert error.code == "memory_short_for_all"


def test_the_largest_of_the_catalog_come_first(qwen, monkeypatch, no_others):
    sizes = {"qwen3-0.6b": 1, "qwen2.5-1.5b": 2, "qwen3-1.7b": 3, "qwen3-4b": 6, "qwen3-8b": 60}
    published = {name: Published({}, weight_bytes=size * GB) for name, size in sizes.items()}
    monkeypatch.setattr(budget, "PUBLISHED", published)
    # qwen3-4b: 6 GB and a third for the cache, and 0.46 for the libraries.
    assert refusal(qwen, 8_460_000_000).details["fits"] == "qwen3-4b, qwen3-1.7b, qwen2.5-1.5b"
    assert refusal(qwen, 8_459_999_999).details["fits"] == "qwen3-1.7b, qwen2.5-1.5b, qwen3-0.6b"


def test_a_folder_that_is_here_is_named_by_its_real_need(qwen, chatglm, monkeypatch, no_others, tmp_path):
    monkeypatch.setenv("ARENA_MODELS_DIR", str(tmp_path))
    monkeypatch.setattr(budget, "PUBLISHED", {chatglm.id: Published({}, weight_bytes=1)})
    enough = need_of(chatglm).total
    assert refusal(qwen, enough).details["fits"] == "qwen-7b-chat@int8, chatglm3-6b"
    assert refusal(qwen, enough - 1).details["fits"] == "qwen-7b-chat@int8"


# ---- loads that share the memory


class Engine:
    """Something that is loaded."""


class Machine:
    """A machine with `free` bytes, and this process with `own` bytes that are no file's."""

    def __init__(self, free):
        self.free = free
        self.own = 50_000_000

    def budget(self, residents=tuple):
        return MemoryBudget(residents)

    def take(self, size):
        self.own += size
        self.free -= size


@pytest.fixture
def machine(monkeypatch):
    machine = Machine(24 * GB)
    monkeypatch.setattr(budget, "available_bytes", lambda: machine.free)
    monkeypatch.setattr(budget, "own_bytes", lambda: machine.own)
    return machine


def test_a_load_that_fits_is_opened_and_one_that_does_not_is_not(machine, qwen):
    opened = []
    budget = machine.budget()
    assert budget.load(qwen, lambda spec: opened.append(spec) or Engine())
    machine.free = 1000
    with pytest.raises(BackendError, match=r"needs 20\.5 GB"):
        machine.budget().load(qwen, lambda spec: opened.append(spec) or Engine())
    assert opened == [qwen]


def test_unknown_free_memory_refuses_nothing(qwen, monkeypatch):
    monkeypatch.setattr(budget, "available_bytes", lambda: None)
    assert MemoryBudget().load(qwen, lambda spec: Engine())


def test_two_loads_under_way_do_not_count_on_the_same_memory(machine, qwen, chatglm, in_background):
    budget = machine.budget()
    gate = threading.Event()
    reading = threading.Event()

    def slowly(spec):
        reading.set()
        assert gate.wait(60)
        return Engine()

    first = in_background(budget.load, qwen, slowly)
    assert reading.wait(60)
    with pytest.raises(BackendError) as failure:
        budget.load(chatglm, slowly)
    assert failure.value.details["free"] == "3.5"  # 24 - 20.43
    gate.set()
    assert first.result()


def test_of_many_at_once_as_many_are_loaded_as_fit(machine, chatglm, in_background):
    machine.free = 30 * GB  # two of 14.2 GB
    budget = machine.budget()
    start = threading.Barrier(8)

    def load():
        start.wait(60)
        try:
            return budget.load(chatglm, lambda spec: Engine())
        except BackendError:
            return None

    results = [waiter.result() for waiter in [in_background(load) for _ in range(8)]]
    assert sum(result is not None for result in results) == 2


def test_mapped_weights_stay_claimed_while_the_model_is_there(machine, qwen, chatglm):
    """The system calls pages of a mapped file available; giving them to another model would stop the first."""
    budget = machine.budget()
    engine = budget.load(qwen, lambda spec: Engine())
    assert budget._free() == 24 * GB - need_of(qwen).total
    with pytest.raises(BackendError):
        budget.load(chatglm, lambda spec: Engine())
    del engine
    gc.collect()
    assert budget._free() == 24 * GB
    assert budget.load(chatglm, lambda spec: Engine())


def test_what_a_model_has_taken_already_counts_once(machine, chatglm):
    budget = machine.budget()
    engine = budget.load(chatglm, lambda spec: machine.take(12 * GB) or Engine())
    assert machine.free == 12 * GB
    assert budget._free() == 24 * GB - need_of(chatglm).total
    # What the process takes beyond all claims is not the models'.
    machine.take(5 * GB)
    assert budget._free() == machine.free
    assert engine


@pytest.mark.parametrize("error", [BackendError("load_failed", "No."), RuntimeError("no"), MemoryError()])
def test_a_load_that_fails_gives_its_claim_back(machine, qwen, error):
    budget = machine.budget()

    def fail(spec):
        raise error

    with pytest.raises(type(error)):
        budget.load(qwen, fail)
    assert budget._free() == 24 * GB
    assert budget.load(qwen, lambda spec: Engine())


def test_an_engine_may_be_collected_where_the_ledger_is_looked_at(machine, qwen, monkeypatch):
    """Asking for memory makes objects, and that may run the collector; it must not wait for what its thread holds."""
    engines = []

    def available():
        engines.clear()
        return 24 * GB

    monkeypatch.setattr("backends.models.budget.available_bytes", available)
    budget = machine.budget()
    engines.append(budget.load(qwen, lambda spec: Engine()))
    assert budget._free() == 24 * GB - need_of(qwen).total
    assert budget._free() == 24 * GB


def test_damaged_weights_are_named_before_anything_is_read(machine, qwen):
    file = Path(qwen.source) / "model.safetensors"
    with file.open("r+b") as opened:
        opened.truncate(1000)
    with pytest.raises(BackendError, match=r"model\.safetensors has 1,000 bytes instead of 15,442,"):
        machine.budget().load(qwen, lambda spec: pytest.fail("was opened"))


# ---- more models than fit


@pytest.fixture
def loads(machine, folder):
    """Loads of three models of 14.2 GB, of which one fits; all share one ledger."""
    loads = []
    budget = machine.budget(lambda: loads)
    for name in "abc":
        spec = resolve(str(folder(CHATGLM_CONFIG, "F16", [6243584, 1000], name)))
        loads.append(BackgroundLoad(partial(budget.load, spec, lambda spec: Engine())))
    return loads


def loaded(load):
    """Loads it, as a stream does."""
    for _ in load.wait():
        pass
    return load.value is not None


def test_the_model_that_has_been_idle_longest_makes_room(machine, loads):
    machine.free = 30 * GB
    a, b, c = loads
    assert loaded(a) and loaded(b)
    with a.in_use():
        pass
    assert loaded(c) and b.value is None and a.value
    assert loaded(b) and a.value is None and c.value


def test_a_model_in_use_stays_and_the_other_waits_for_it(loads):
    a, b, _ = loads
    assert loaded(a)
    with a.in_use():
        b.start()
        assert next(b.wait()).stage == "loading" and b.value is None and a.value
    assert loaded(b) and a.value is None


def test_one_that_is_being_loaded_is_waited_for(loads, machine, in_background):
    a, b, _ = loads
    running = [in_background(loaded, load) for load in (a, b)]
    assert all(result.result() for result in running)
    assert (a.value is None) != (b.value is None)


def test_what_cannot_fit_unloads_nothing(machine, chatglm, qwen):
    loads = []
    budget = machine.budget(lambda: loads)
    loads.append(a := BackgroundLoad(partial(budget.load, chatglm, lambda spec: Engine())))
    machine.free = 20 * GB
    assert loaded(a)
    with pytest.raises(BackendError, match=r"needs 20\.5 GB"):
        budget.load(qwen, lambda spec: Engine())
    assert a.value


def test_two_models_must_fit_beside_each_other(machine, monkeypatch, folder):
    """They answer at the same time: neither may be unloaded for the other."""
    seen = []
    monkeypatch.setattr(budget, "MemoryBudget", lambda residents: seen.append(residents) or machine.budget(residents))
    specs = [resolve(str(folder(CHATGLM_CONFIG, "F16", [10, 1000], name))) for name in "abc"]
    open_backends(specs[:2])
    open_backends(specs)
    assert [len(residents()) for residents in seen] == [0, 3]


# ---- on the way to the page


@pytest.mark.parametrize("runtime", ["llama.cpp", "transformers"])
def test_every_load_is_checked_and_can_be_tried_again(runtime, machine, monkeypatch, ask, no_others):
    """Refused in its pane while the memory is short; the next try looks again."""
    spec = EMBEDDED["smollm2-135m"] if runtime == "llama.cpp" else resolve(str(DATA / "qwen-micro-vocab2048"))
    machine.free = 1_000_000
    monkeypatch.setattr(budget, "MemoryBudget", machine.budget)
    (backend,) = open_backends([spec])
    for _ in range(2):
        with pytest.raises(BackendError) as failure:
            list(ask(backend))
        assert failure.value.code == "memory_short_for_all"
    assert backend.load_state.error.code == "memory_short_for_all"
    if runtime == "transformers":
        machine.free = 24 * GB
        with pytest.raises(BackendError, match=r"qwen\.tiktoken is missing"):
            list(ask(backend))


def test_models_that_are_opened_together_share_one_ledger(machine, monkeypatch):
    created = []
    monkeypatch.setattr(budget, "MemoryBudget", lambda residents: created.append(machine.budget()) or created[-1])
    open_backends([EMBEDDED["smollm2-135m"], resolve(str(DATA / "qwen-micro-vocab2048"))])
    assert len(created) == 1


def test_an_embedded_model_that_is_missing_is_still_named(machine):
    spec = replace(EMBEDDED["smollm2-135m"], source="package:no_such_package/x.gguf")
    with pytest.raises(InputError, match="requirements-model"):
        machine.budget().load(spec, lambda spec: Engine())
