"""Rows in one pass: the library's own numbers and a kernel of one's own for the attention."""

from types import SimpleNamespace

import pytest
import torch
from micro_engines import CHATGLM, QWEN, computed, greedy, micro_engine, prompt, scores_after, tokens
from transformers.integrations.sdpa_attention import repeat_kv, sdpa_attention_forward

from backends.stepping import ROWS
from backends.stepping.batched import Rows, _mask, rows_attention
from backends.stepping.cache import TokenCache
from backends.stepping.step import LayerRows, Step


@pytest.mark.parametrize("name", [QWEN, CHATGLM])
@pytest.mark.parametrize("pieces", [[50], [20, 30], [1] * 50, [49, 1]])
def test_the_scores_are_the_librarys_own_for_pieces_of_any_size(name, pieces):
    engine = micro_engine(name, "fp32")
    ids, cache, found = prompt(50), TokenCache(8192), []
    for size in pieces:
        found.append(scores_after(engine, ids[cache.n : cache.n + size], cache))
    assert cache.ids == ids
    engine._rows.model.set_attn_implementation("sdpa")
    with torch.inference_mode():
        wanted = engine._rows.model(torch.tensor([ids])).logits[0]
    # Fifty passes of one row sum in another order; what the originals compute is held to less in test_exactness.
    assert (torch.cat(found) - wanted).abs().max() < 2e-5


@pytest.mark.parametrize("heads", [2, 8])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_later_chunk_attends_bitwise_as_the_library_does(heads, dtype):
    keys, values, query = torch.randn(2, 100, 64), torch.randn(2, 100, 64), torch.randn(1, heads, 40, 64)
    keys, values, query = keys.to(dtype), values.to(dtype), query.to(dtype)
    module, mask = SimpleNamespace(num_key_value_groups=heads // 2), _mask(60, 40)
    rows = LayerRows(Step(None, counts=[40], masks=[mask]), [(keys, values)])
    wanted, _ = sdpa_attention_forward(module, query, keys[None], values[None], mask, scaling=0.1)
    assert torch.equal(rows_attention(module, query, rows, rows, None, scaling=0.1)[0], wanted)


@pytest.mark.parametrize(("width", "rows"), [(None, 3), (1, 3), (ROWS, 3), (ROWS, ROWS)])
def test_rows_of_different_lengths_get_the_scores_of_each_alone(width, rows):
    engine = micro_engine(QWEN, "fp32")
    glue = Rows(engine._rows.model, width)
    lengths = [3 + 7 * number for number in range(rows)]
    caches, alone = ([TokenCache(8192) for _ in lengths] for _ in range(2))
    for length, one, other in zip(lengths, caches, alone, strict=True):
        scores_after(engine, prompt(length), one), scores_after(engine, prompt(length), other)
    together = computed(engine._scheduler, lambda: glue.decode(caches, range(rows)))
    singly = [scores_after(engine, [token], cache)[0] for token, cache in enumerate(alone)]
    assert together.shape == (rows, 2048)
    assert (together - torch.stack(singly)).abs().max() < 1e-5
    assert [cache.n for cache in caches] == [length + 1 for length in lengths]


def plain_attention(calls):
    """The attention of a step, written out."""

    def attend(queries, parts, scaling):
        calls.append(([keys.shape[1] for keys, _ in parts], queries.shape[2]))
        rows = []
        for number, part in enumerate(parts):
            keys, values = (one[None] for one in part)
            groups = queries.shape[1] // keys.shape[1]
            scores = queries[:, :, number : number + 1] @ repeat_kv(keys, groups).transpose(2, 3) * scaling
            rows.append(scores.softmax(-1) @ repeat_kv(values, groups))
        return torch.cat(rows, 2).transpose(1, 2)

    return attend


@pytest.mark.parametrize("name", [QWEN, CHATGLM])
@pytest.mark.parametrize("width", [1, ROWS])
def test_another_attention_may_take_the_steps_in_which_each_row_has_one_token(name, width):
    engine, calls = micro_engine(name, "fp32"), []
    wanted = tokens(engine.generate(prompt(30), greedy(8)))
    engine.forget()
    engine._rows._width = width
    engine._rows._step.decode = plain_attention(calls)
    assert tokens(engine.generate(prompt(30), greedy(8))) == wanted
    assert calls == [([31 + number], 1) for number in range(7) for _ in range(3)]


def test_a_pass_that_fails_leaves_the_next_one_alone():
    engine = micro_engine(QWEN, "fp32")
    wanted = scores_after(engine, prompt(9), TokenCache(8192))
    with pytest.raises(IndexError):
        scores_after(engine, [5000] * 4, TokenCache(8192))
    assert torch.equal(scores_after(engine, prompt(9), TokenCache(8192)), wanted)
    assert engine._rows._step.caches == ()
