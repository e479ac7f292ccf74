"""How far a rounded model is from its original: small cases by hand, and channels in another order."""

import math

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("gguf")

from quantization_quality import TEXT, best_copy, compare, permute, quality, rounded_copy, schemes  # noqa: E402

from backends.packed.calibrate import CALIBRATION, passages  # noqa: E402


def always(*probabilities):
    """Logits of the same probabilities at every position."""
    return lambda ids: torch.tensor(probabilities).log().expand(len(ids), -1)


def tiny():
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=99,
        hidden_size=128,
        intermediate_size=192,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=64,
        tie_word_embeddings=True,
        pad_token_id=0,
    )
    model = transformers.LlamaForCausalLM(config).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "norm" in name:
                weight.copy_(torch.rand_like(weight) + 0.5)
            else:
                # Large enough that attention is not the same everywhere and a wrong order is seen.
                weight.mul_(5)
    return model


def logits_of(model, ids):
    with torch.inference_mode():
        return model(input_ids=torch.tensor([ids])).logits[0]


def test_a_model_does_not_differ_from_itself():
    same = quality(compare(always(0.5, 0.25, 0.25), always(0.5, 0.25, 0.25), [[0, 1, 2], [2, 2]]))
    assert (same["positions"], same["kl"], same["same_top_share"]) == (5, 0.0, 1.0)


def test_a_small_case_by_hand():
    other = quality(compare(always(0.5, 0.5), always(0.25, 0.75), [[0, 0, 1]]))
    assert other["kl"] == pytest.approx(0.5 * math.log(0.5 / 0.25) + 0.5 * math.log(0.5 / 0.75))
    # The guesses are the second and third token, with 1/4 and 3/4.
    assert other["perplexity"] == pytest.approx((0.25 * 0.75) ** -0.5)


def test_the_best_token_is_compared_at_every_position():
    item = torch.tensor([[3.0, 1.0], [1.0, 3.0], [3.0, 1.0], [3.0, 1.0]])
    other = torch.tensor([[2.0, 1.0], [2.0, 1.0], [2.0, 1.0], [2.0, 1.0]])
    assert quality(compare(lambda ids: item, lambda ids: other, [[0, 0, 0, 0]]))["same_top_share"] == 0.75


def test_parts_are_compared_as_the_whole_is_and_nothing_has_no_mean():
    item, other = always(0.5, 0.5), always(0.25, 0.75)
    parts = torch.cat([compare(item, other, [[0, 1]]), compare(item, other, [[1, 1, 0]])])
    assert quality(parts) == quality(compare(item, other, [[0, 1], [1, 1, 0]]))
    assert math.isnan(quality(parts[:0])["kl"])


def test_another_order_of_channels_computes_the_same():
    model, ids = tiny(), list(range(40))
    before, weight = logits_of(model, ids), model.model.layers[0].mlp.down_proj.weight.detach().clone()
    permute(model, seed=3)
    assert not torch.equal(model.model.layers[0].mlp.down_proj.weight, weight)
    assert not torch.equal(model.model.layers[0].self_attn.o_proj.weight[:, :32].sort(1)[0], weight[:, :32])
    assert (logits_of(model, ids) - before).abs().max() < 1e-4 * before.abs().max()


def test_another_order_puts_other_weights_into_a_group():
    model, other = tiny(), tiny()
    permute(other, seed=3)
    for name in ("self_attn.q_proj", "self_attn.o_proj", "mlp.up_proj", "mlp.down_proj"):
        first, second = (item.model.layers[1].get_submodule(name).weight for item in (model, other))
        groups = [{tuple(sorted(row)) for row in w.detach().view(-1, 32).tolist()} for w in (first, second)]
        assert not groups[0] & groups[1], name


@pytest.mark.parametrize("scheme", [s for s in schemes() if not s.name.startswith("llama.cpp")], ids=lambda s: s.name)
def test_a_rounded_copy_is_near_and_leaves_the_model_alone(scheme):
    model = tiny().to(torch.bfloat16)
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    other = rounded_copy(model, scheme)
    assert all(torch.equal(weight, before[name]) for name, weight in model.named_parameters())
    assert torch.equal(other.model.embed_tokens.weight, before["model.embed_tokens.weight"])
    assert not torch.equal(other.lm_head.weight, other.model.embed_tokens.weight)
    for name, weight in other.model.layers.named_parameters():
        old = before[f"model.layers.{name}"]
        assert torch.equal(weight, old) == ("norm" in name)
        assert (weight - old).norm() < 0.15 * old.norm()


def test_the_best_copy_is_near_as_well():
    model = tiny().to(torch.bfloat16)
    seen = []
    other = best_copy(model, [list(range(99))], lambda done, layers: seen.append((done, layers)))
    assert seen == [(0, 2), (1, 2), (2, 2)]
    for name, weight in other.model.layers.named_parameters():
        old = model.get_parameter(f"model.layers.{name}")
        assert weight.shape == old.shape and torch.equal(weight, old) == ("norm" in name)


def test_what_is_measured_on_was_not_calibrated_on():
    measured, calibrated_on = passages(TEXT), "\n".join(passages(CALIBRATION))
    assert len(measured) >= 16
    assert not any(text.split("\n")[0] in calibrated_on for text in measured)
