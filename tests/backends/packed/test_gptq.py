"""Rounding that makes up for its errors, on small matrices, and a tiny model rounded layer by layer."""

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from backends.folder.packed import GROUPS  # noqa: E402
from backends.packed.calibrate import (  # noqa: E402
    CALIBRATION,
    calibrated,
    calibration_ids,
    conversations,
    passages,
)
from backends.packed.gptq import compensated, toward  # noqa: E402
from backends.packed.scheme import round4  # noqa: E402


def correlated(rows=33, columns=256, seed=0):
    """A weight with an odd number of rows, and inputs that say much about each other."""
    random = torch.Generator().manual_seed(seed)
    weight = torch.randn(rows, columns, generator=random) / 16
    few = torch.randn(600, columns // 4, generator=random)
    inputs = few @ torch.randn(columns // 4, columns, generator=random)
    return weight, inputs + torch.randn(600, columns, generator=random)


def lost(weight, other, inputs):
    return float(((weight - other) @ inputs.T).norm() / (weight @ inputs.T).norm())


@pytest.mark.parametrize("group", GROUPS)
def test_outputs_change_far_less_than_by_rounding_to_nearest(group):
    weight, inputs = correlated()
    rounded = compensated(weight, inputs.T @ inputs, group)
    assert rounded.q.shape == weight.shape and rounded.group == group
    assert (rounded.q.dtype, rounded.scale.dtype, rounded.zero.dtype) == (torch.uint8, torch.uint8, torch.int8)
    assert int(rounded.q.max()) <= 15
    plain = lost(weight, round4(weight, group).floats(), inputs)
    assert lost(weight, rounded.floats(), inputs) < 0.6 * plain


def test_a_block_that_is_not_whole_is_rounded_as_well():
    weight, inputs = correlated(columns=160)
    rounded = compensated(weight, inputs.T @ inputs, 32)
    assert lost(weight, rounded.floats(), inputs) < 0.6 * lost(weight, round4(weight, 32).floats(), inputs)


def test_inputs_that_are_always_0_disturb_nothing():
    weight, inputs = correlated()
    inputs[:, 5] = 0
    inputs[:, 64:96] = 0
    rounded = compensated(weight, inputs.T @ inputs, 32).floats()
    assert torch.isfinite(rounded).all()
    assert lost(weight, rounded, inputs) < 0.6 * lost(weight, round4(weight, 32).floats(), inputs)


def test_without_any_input_it_is_rounding_to_nearest_of_what_is_left():
    weight, _ = correlated()
    assert not compensated(weight, torch.zeros(256, 256), 32).floats().abs().gt(1e-4).any()


def test_inputs_without_correlation_are_rounded_to_nearest():
    weight, _ = correlated()
    rounded, nearest = compensated(weight, torch.eye(256), 32), round4(weight, 32)
    assert torch.equal(rounded.q, nearest.q)
    assert (weight - rounded.floats()).norm() < 1.001 * (weight - nearest.floats()).norm()


def test_fewer_inputs_than_columns_are_enough():
    weight, inputs = correlated()
    few = inputs[:40]
    rounded = compensated(weight, few.T @ few, 32).floats()
    assert lost(weight, rounded, few) < 0.5 * lost(weight, round4(weight, 32).floats(), few)


def test_a_weight_is_adjusted_for_the_errors_of_earlier_layers():
    weight, exact = correlated()
    random = torch.Generator().manual_seed(2)
    wrong = exact @ round4(torch.eye(256) + torch.randn(256, 256, generator=random) / 50, 32).floats().T
    bent = toward(weight, wrong.T @ wrong, exact.T @ wrong)
    meant = weight @ exact.T
    assert (bent @ wrong.T - meant).norm() < 0.5 * (weight @ wrong.T - meant).norm()


def test_a_weight_whose_inputs_are_right_stays_as_it_is():
    weight, exact = correlated()
    gram = exact.T @ exact
    assert torch.equal(toward(weight, gram, gram.clone()), weight)


def test_the_same_comes_out_every_time_and_the_weight_stays_as_it_was():
    weight, inputs = correlated()
    before = weight.clone()
    first, second = (compensated(weight, inputs.T @ inputs, 64) for _ in range(2))
    assert torch.equal(first.q, second.q) and torch.equal(first.scale, second.scale)
    assert torch.equal(first.zero, second.zero)
    assert torch.equal(weight, before)


KINDS = ("Llama", "Qwen2", "Qwen3", "Glm", "Glm4")


def tiny(kind, seed=0):
    """A model of two layers, in float32; every row is one that groups of 32 divide."""
    torch.manual_seed(seed)
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=99,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=32,
        pad_token_id=0,
        attn_implementation="sdpa",
    )
    return getattr(transformers, f"{kind}ForCausalLM")(config).eval()


def texts(count=4, length=50):
    return torch.randint(0, 99, (count, length), generator=torch.Generator().manual_seed(1)).tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_every_linear_of_every_layer_is_rounded_once(kind):
    model = tiny(kind)
    weights = {
        f"model.layers.{name}": module.weight.detach().clone()
        for name, module in model.model.layers.named_modules()
        if isinstance(module, torch.nn.Linear)
    }
    seen = []
    rounded = dict(calibrated(model, texts(), 32, progress=lambda done, layers: seen.append((done, layers))))
    assert rounded.keys() == weights.keys()
    assert seen == [(0, 2), (1, 2), (2, 2)]
    for name, weight in weights.items():
        assert (rounded[name].floats() - weight).norm() < 0.2 * weight.norm(), name


def test_a_layer_is_freed_when_the_next_one_begins():
    model = tiny("Llama")
    names = [name for name, _ in zip((name for name, _ in calibrated(model, texts(), 32)), range(8), strict=False)]
    assert names[-1].startswith("model.layers.1.")
    assert not any(parameter.numel() for parameter in model.model.layers[0].parameters())
    assert all(parameter.numel() for parameter in model.model.layers[1].parameters())


def test_a_model_is_rounded_the_same_way_every_time():
    first, second = (dict(calibrated(tiny("Glm"), texts(), 32)) for _ in range(2))
    assert all(torch.equal(first[name].q, second[name].q) for name in first)


def test_the_shipped_text_is_used_whole_in_both_languages():
    chats = conversations(passages(CALIBRATION))
    whole = "\n".join(message.content for chat in chats for message in chat)
    for text in passages(CALIBRATION):
        for line in text.removeprefix("> ").split("\n"):
            assert line in whole
    chinese = sum("一" <= letter <= "鿿" for letter in whole)
    assert chinese > 3000 and sum(letter.isascii() and letter.isalpha() for letter in whole) > 8000
    for chat in chats:
        assert [message.role for message in chat[:3]] == ["user", "assistant", "user"] and chat[-1].role == "user"
    assert calibration_ids(lambda chat: [len(chat)]) == [[len(chat)] for chat in chats]
