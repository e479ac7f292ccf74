"""Rows in one pass: the library's own numbers, a kernel of one's own for the attention, and models that are refused."""

import pytest
import torch
from micro_engines import CHATGLM, QWEN, computed, greedy, micro_engine, prompt, scores_after, tokens
from model_folders import edit_json
from native_folders import native_folder
from transformers.integrations.sdpa_attention import repeat_kv

from arena.errors import BackendError
from backends import open_backends
from backends.models.resolve import resolve
from backends.stepping import ROWS
from backends.stepping.batched import Rows, check_attention
from backends.stepping.cache import TokenCache


class Config:
    """Some of what a model's configuration may say."""

    def __init__(self, **keys):
        self.__dict__.update(keys)


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


# ---- models in which a token does not see all before it


@pytest.mark.parametrize(
    "config",
    [
        Config(),
        Config(layer_types=["full_attention"] * 2, sliding_window=100),
        Config(layer_types=["full_attention", "sliding_attention"], sliding_window=4096),
        Config(sliding_window=4096),
        Config(sliding_window=None, layer_types=None),
    ],
)
def test_a_window_that_the_context_never_leaves_is_fine(config):
    check_attention(config, "model", 4096)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (Config(layer_types=["full_attention", "sliding_attention"], sliding_window=4095), "see only 4095 tokens"),
        (Config(sliding_window=512), "see only 512 tokens, and the context has 4096"),
        (Config(layer_types=["linear_attention", "full_attention"]), "linear_attention"),
        (Config(layer_types=["chunked_attention"], sliding_window=10_000), "chunked_attention"),
    ],
)
def test_others_are_refused_with_the_reason(config, words):
    with pytest.raises(BackendError, match=words) as refusal:
        check_attention(config, "model", 4096)
    assert refusal.value.code == "load_failed"


def test_a_folder_with_a_window_is_refused_as_it_is_loaded_and_runs_with_a_wider_one(tmp_path, ask, answer_of):
    folder = native_folder(tmp_path / "slides", kind="Mistral")
    for window in (64, 512):
        edit_json(folder / "config.json", sliding_window=window)
        (backend,) = open_backends([resolve(str(folder))])
        if window == 64:
            with pytest.raises(BackendError, match="see only 64 tokens, and the context has 512"):
                list(backend._load.wait())
        else:
            assert answer_of(ask(backend, max_new_tokens=3)).usage.new_tokens
        backend.close()
