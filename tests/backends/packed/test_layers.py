"""Whole layers by the compiled kernel: what the library's compute with the same weights, alone and in company."""

import gc
import weakref
from functools import partial

import pytest
import torch
from torch import nn

from backends.packed.kernels import find_kernels
from backends.packed.layers import QuickLayer, decode_attention, with_quick_layers, with_quick_norms
from backends.packed.linear import Linear4, Linear8
from backends.packed.open import quick_rows
from backends.packed.scheme import pack4, round4, round8
from backends.stepping.batched import Rows
from backends.stepping.cache import TokenCache

BF16 = torch.bfloat16
SIZES = {
    "vocab_size": 300,
    "hidden_size": 192,
    "intermediate_size": 320,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 64,
    "max_position_embeddings": 1024,
    "pad_token_id": None,
}
KINDS = {
    "Qwen2": {},
    "Qwen2 a head each": {"num_key_value_heads": 4},
    "Llama": {},
    "Llama with biases": {"attention_bias": True, "mlp_bias": True},
    "Qwen3": {},
    "Glm": {"attention_bias": True},
    "Glm4": {},
    "Glm4 with biases": {"attention_bias": True},
}


@pytest.fixture(scope="module")
def kernels():
    return find_kernels() or pytest.skip("no kernels on this machine")


def bare(kind, **changes):
    """A small model of the library with random weights, some of them large enough to turn signs."""
    import transformers

    name = kind.split()[0]
    config = getattr(transformers, f"{name}Config")(**{**SIZES, **KINDS.get(kind, {}), **changes})
    torch.manual_seed(1)
    model = getattr(transformers, f"{name}ForCausalLM")(config).to(BF16).eval()
    for parameter in model.parameters():
        # Biases and norms of a new model would be zeros and ones.
        parameter.data += torch.randn_like(parameter) * (0.3 if parameter.dim() == 1 else 0.05)
    return model


def packed(model, kernels, group=32, precision=4):
    for place, module in list(model.named_modules()):
        if isinstance(module, nn.Linear) and place != "lm_head":
            parent, _, own = place.rpartition(".")
            weight, bias = module.weight.float(), module.bias
            if precision == 4:
                layer = Linear4(pack4(round4(weight, group)), weight.shape[0], bias, kernels)
            else:
                rounded = round8(weight)
                layer = Linear8((rounded.q, rounded.scale), bias, kernels)
            setattr(model.get_submodule(parent), own, layer)
    return with_quick_norms(model, kernels)


def quick_layers(model):
    return [layer for layer in model.model.layers if isinstance(layer.__dict__.get("forward"), QuickLayer)]


def ids(count, seed):
    return torch.randint(0, 300, (count,), generator=torch.Generator().manual_seed(seed)).tolist()


def decoded(rows, lengths, steps=3):
    """Scores of some steps of conversations of such lengths together, and their caches."""
    caches = [TokenCache(400) for _ in lengths]
    for length, cache in zip(lengths, caches, strict=True):
        rows.read(cache, ids(length, length))
    return [rows.decode(caches, [length % 300 for length in lengths]) for _ in range(steps)], caches


def off(found, wanted):
    return float((found.float() - wanted.float()).norm() / wanted.float().norm())


def in_floats(kind, group):
    """The same model in float32, with the weights as they are rounded."""
    model = bare(kind).float()
    for place, module in model.named_modules():
        if isinstance(module, nn.Linear) and place != "lm_head":
            module.weight.data = round4(module.weight.data, group).floats()
    return model


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("group", [32, 64])
def test_a_step_is_as_near_to_floats_as_the_librarys_with_the_same_weights(kernels, kind, group):
    attention = partial(decode_attention, kernels)
    lengths = (5, 256, 31, 255, 1)
    model = with_quick_layers(packed(bare(kind), kernels, group), kernels)
    assert len(quick_layers(model)) == 2
    found, caches = decoded(Rows(model, 1, attention), lengths)
    library, _ = decoded(Rows(packed(bare(kind), kernels, group), 1, attention), lengths)
    wanted, exact = decoded(Rows(in_floats(kind, group), None), lengths)
    bound, error = (off(torch.cat(scores), torch.cat(wanted)) for scores in (library, found))
    assert error < min(1.15 * bound, 0.03)
    for one, other in zip(caches, exact, strict=True):
        assert one.ids == other.ids
        for layer in range(2):
            for part, same in zip(one.places(layer), other.places(layer), strict=True):
                assert off(part[:, : one.n], same[:, : one.n]) < 0.03


@pytest.mark.parametrize("kind", ["Qwen2", "Qwen3", "Glm", "Glm4"])
def test_a_conversation_is_bitwise_the_same_alone_and_in_company(kernels, kind):
    rows = Rows(with_quick_layers(packed(bare(kind), kernels), kernels), 1, partial(decode_attention, kernels))
    lengths = (7, 90, 3, 40, 12, 66, 2, 8)
    together, _ = decoded(rows, lengths)
    for number, length in enumerate(lengths):
        alone, _ = decoded(rows, (length,))
        for step, scores in enumerate(alone):
            assert torch.equal(scores[0], together[step][number])


@pytest.mark.parametrize("threads", [1, 3])
def test_the_number_of_threads_changes_nothing(kernels, threads):
    rows = Rows(with_quick_layers(packed(bare("Glm"), kernels), kernels), 1, partial(decode_attention, kernels))
    before = torch.get_num_threads()
    wanted, _ = decoded(rows, (9, 20))
    # Prompts are summed by the library in an order of its own for each number of threads.
    caches = [TokenCache(400) for _ in range(2)]
    for length, cache in zip((9, 20), caches, strict=True):
        rows.read(cache, ids(length, length))
    torch.set_num_threads(threads)
    try:
        found = [rows.decode(caches, [9, 20]) for _ in range(3)]
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(one, other) for one, other in zip(found, wanted, strict=True))


def test_a_prompt_of_one_token_and_pieces_go_the_librarys_way(kernels):
    plain = Rows(packed(bare("Qwen2"), kernels), 1)
    quick = Rows(with_quick_layers(packed(bare("Qwen2"), kernels), kernels), 1)
    for pieces in ([1], [3, 70], [40]):
        caches = TokenCache(400), TokenCache(400)
        for number, size in enumerate(pieces):
            one, other = (
                rows.read(cache, ids(size, number)) for rows, cache in zip((plain, quick), caches, strict=True)
            )
        assert torch.equal(one, other)


@pytest.mark.parametrize(
    ("kind", "changes", "precision"),
    [
        ("Qwen2", {"head_dim": 32, "num_attention_heads": 6, "num_key_value_heads": 6}, 4),
        ("Qwen2", {"intermediate_size": 352}, 4),
        ("Qwen2", {"hidden_size": 160}, 4),
        ("Qwen2", {}, 8),
        ("Qwen2", {"hidden_act": "gelu"}, 4),
        ("Granite", {}, 4),
    ],
)
def test_layers_of_other_sizes_and_kinds_stay_the_librarys(kernels, kind, changes, precision):
    model = with_quick_layers(packed(bare(kind, **changes), kernels, precision=precision), kernels)
    assert quick_layers(model) == []
    decoded(Rows(model, 1), (5, 9), steps=1)


def test_without_kernels_there_are_no_quick_layers():
    assert quick_layers(quick_rows(bare("Qwen2"), None).model) == []


def test_a_step_without_the_projects_cache_is_the_librarys(kernels):
    model = with_quick_layers(packed(bare("Llama"), kernels), kernels)
    plain = packed(bare("Llama"), kernels)
    given = torch.tensor([ids(6, 1)])
    with torch.inference_mode():
        assert torch.equal(model(given).logits, plain(given).logits)
        assert torch.equal(model(given, use_cache=False).logits, plain(given, use_cache=False).logits)


def test_a_model_that_is_dropped_is_gone_at_once(kernels):
    model = with_quick_layers(packed(bare("Qwen2"), kernels), kernels)
    weight = weakref.ref(model.model.layers[0].mlp)
    gc.collect()
    gc.disable()
    try:
        del model
        assert weight() is None
    finally:
        gc.enable()
