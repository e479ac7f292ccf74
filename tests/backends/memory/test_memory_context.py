"""How long a context is: the model's own, what the machine's memory holds, and what was asked for."""

import pytest
from model_folders import DATA, edit_json
from native_folders import native_folder

from arena.errors import InputError
from backends.memory import estimate as context
from backends.memory.estimate import need_of
from backends.models.resolve import in_precision, resolve

MB = 1_000_000


@pytest.fixture
def memory(monkeypatch):
    """Sets how much memory the machine has."""
    return lambda size: monkeypatch.setattr(context, "limit_bytes", lambda: size)


@pytest.fixture
def folder(tmp_path):
    """A model that claims a million tokens, each of which takes 128 bytes in the cache of a conversation in bf16."""
    place = native_folder(tmp_path / "long")
    edit_json(place / "config.json", max_position_embeddings=1_000_000)
    return place


def test_a_model_takes_its_own_context_where_memory_suffices(folder, memory):
    for size in (None, 10**12):
        memory(size)
        spec = resolve(str(folder))
        assert (spec.context_length, spec.context_limit) == (1_000_000, "")


def test_memory_limits_the_context_to_half_of_the_machine(folder, memory):
    memory(2500 * MB)
    spec = resolve(str(folder))
    assert spec.context_limit == "memory" and spec.context_length % 256 == 0
    assert need_of(spec).total <= 1250 * MB
    longer = resolve(str(folder)).context_length + 256
    assert context.needs_of(spec, fresh=True)(longer).total > 1250 * MB
    # The same in every command, whatever is free now and whatever the process has loaded.
    assert resolve(str(folder)) == spec


def test_a_large_model_may_take_more_than_half_for_a_usual_context(folder, memory):
    least = context.needs_of(resolve(str(folder)), fresh=True)(8192).total
    memory(int(least / 0.9) + 1)
    assert resolve(str(folder)).context_length == 8192
    memory(int(least / 0.9) - MB)
    assert 1024 <= resolve(str(folder)).context_length < 8192


def test_a_machine_that_is_too_small_leaves_the_refusal_to_loading(folder, memory):
    memory(50 * MB)
    assert resolve(str(folder)).context_length == 1024


def test_a_damaged_folder_keeps_its_own_context_and_is_refused_by_loading(folder, memory):
    memory(2500 * MB)
    (folder / "model.safetensors").write_bytes(b"cut")
    assert resolve(str(folder)).context_length == 1_000_000


def test_twice_the_precision_holds_half_the_context(folder, memory):
    memory(4000 * MB)
    spec = resolve(str(folder))
    assert resolve(f"{folder}@fp32").context_length < spec.context_length
    assert in_precision(spec, "fp32") == resolve(f"{folder}@fp32")


@pytest.mark.parametrize(
    ("asked", "tokens", "limit"), [(128, 128, "ctx"), (511, 511, "ctx"), (512, 512, ""), (9000, 512, "")]
)
def test_a_context_may_be_asked_for_up_to_the_models_own(tmp_path, memory, asked, tokens, limit):
    memory(None)
    place = native_folder(tmp_path / "short")
    spec = resolve(f"{place}@fp32?ctx={asked}")
    assert (spec.context_length, spec.context_limit, spec.precision) == (tokens, limit, "fp32")
    assert spec.id == f"short@fp32?ctx={asked}" and spec.name == f"short (fp32) (ctx {asked})"


def test_the_context_of_an_embedded_model_may_be_asked_for():
    assert resolve("smollm2-135m?ctx=2048").context_length == 2048
    assert resolve("smollm2-135m?ctx=9999").context_length == resolve("smollm2-135m").context_length


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ("ctx=127", "setting_range"),
        ("ctx=x", "setting_range"),
        ("ctx=", "setting_range"),
        ("ctx=-5", "setting_range"),
        ("cxt=512", "unknown_setting"),
        ("ctx=512&heat=1", "unknown_setting"),
        ("think=maybe", "setting_thinking"),
        ("think=", "setting_thinking"),
        ("think=99999", "setting_range"),
        ("think=off", "think_unavailable"),
    ],
)
def test_a_setting_that_is_not_valid_is_refused_by_name(settings, code):
    with pytest.raises(InputError) as refusal:
        resolve(f"smollm2-135m?{settings}")
    assert refusal.value.code == code


def test_a_server_keeps_its_own_context():
    with pytest.raises(InputError) as refusal:
        resolve("openai:http://127.0.0.1:1/v1#m?ctx=512")
    assert refusal.value.code == "ctx_unavailable"
    # What comes before the # belongs to the address.
    assert resolve("openai:http://127.0.0.1:1/v1?ctx=512#m").id.endswith("m")


def test_the_originals_end_at_their_table_of_positions(memory):
    memory(10**12)
    assert resolve(str(DATA / "qwen-micro-vocab2048")).context_length == 8192
