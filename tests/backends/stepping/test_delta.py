"""Qwen3.5's layers against the library's own forward: scores, pieces, company, marks, and what they take of memory."""

import shutil
from itertools import pairwise

import pytest
import torch
from micro_engines import NoText, Record, greedy, held, prompt, seeded, tokens
from native_folders import qwen35_folder, write_json
from opened import open_backends
from safetensors.torch import load_file

from arena.errors import ArenaError
from arena.types import Message, ModelSpec
from backends.families import open_chat
from backends.families.qwen35 import FLOAT32
from backends.families.weights import architecture_of, load_weights
from backends.hf.engine import HfEngine, open_engine
from backends.memory.estimate import need_of
from backends.models.resolve import resolve
from backends.stepping import GROWTH, MARKS
from backends.stepping.batched import stock_rows
from backends.stepping.cache import CachePool, TokenCache, reusable
from backends.stepping.scheduler import Scheduler

KINDS = {"tied": {}, "untied": {"tie_word_embeddings": False, "linear_num_value_heads": 2}}
# One memory of 4 heads in 3 layers, and the last inputs of the convolution.
STATES = 3 * (4 * 16 * 16 + 3 * 2 * (2 * 16 + 32)) * 4


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    place = tmp_path_factory.mktemp("qwen35")
    return {name: qwen35_folder(place / name, **changes) for name, changes in KINDS.items()}


def theirs(folder, dtype=torch.float32):
    """The library's own model."""
    from transformers import AutoConfig, Qwen3_5ForCausalLM

    outer = AutoConfig.from_pretrained(folder)
    config = outer.get_text_config()
    config.tie_word_embeddings = outer.tie_word_embeddings
    return Qwen3_5ForCausalLM.from_pretrained(folder, config=config, dtype=dtype).eval()


def ids_of(length, seed=0):
    return [token % 250 for token in prompt(length, seed)]


def rows_of(folder, precision="fp32"):
    return stock_rows(load_weights(architecture_of(folder), precision))


def engine_of(folder, precision="fp32"):
    return HfEngine(rows_of(folder, precision), NoText(), Scheduler(1), 1024)


def scores_of(rows, ids, sizes=(1000,)):
    cache, scores = TokenCache(1024), []
    for size in sizes:
        piece = ids[cache.n : cache.n + size]
        scores.append(rows.read(cache, piece, 0) if size > 1 else rows.decode([cache], piece))
    assert cache.ids == ids
    return torch.cat(scores)


# ---- what they compute


@pytest.mark.parametrize(
    "sizes", [[200], [50, 1, 149], [64, 64, 72], [2, 7] * 22 + [2], [1] * 200], ids=lambda sizes: f"{len(sizes)} pieces"
)
@pytest.mark.parametrize("kind", KINDS)
def test_the_scores_are_the_librarys_own_for_pieces_of_any_size(folders, kind, sizes):
    ids = ids_of(200)
    with torch.inference_mode():
        wanted = theirs(folders[kind])(torch.tensor([ids]), use_cache=False).logits[0]
    assert wanted.std() > 0.5
    assert (scores_of(rows_of(folders[kind]), ids, sizes) - wanted).abs().max() < 1e-5


def test_bf16_is_as_near_to_the_exact_scores_as_the_librarys_own(folders):
    ids = ids_of(200)
    with torch.inference_mode():
        exact, rounded = (
            theirs(folders["tied"], dtype)(torch.tensor([ids]), use_cache=False).logits[0].float().log_softmax(-1)
            for dtype in (torch.float32, torch.bfloat16)
        )
    own = scores_of(rows_of(folders["tied"], "bf16"), ids).float().log_softmax(-1)
    divergence, allowed = ((exact.exp() * (exact - other)).sum(-1).mean() for other in (own, rounded))
    assert 0 < divergence < 2 * allowed


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_what_is_stored_in_32_bits_is_not_rounded(folders, precision):
    model = load_weights(architecture_of(folders["tied"]), precision)
    stored = load_file(folders["tied"] / "model.safetensors")
    for name in FLOAT32:
        place = f"layers.0.{name if '.' in name else f'linear_attn.{name}'}"
        assert torch.equal(model.get_parameter(f"model.{place}"), stored[f"model.language_model.{place}"])
    others = {value.dtype for name, value in model.named_parameters() if not name.endswith(FLOAT32)}
    assert others == {torch.bfloat16 if precision == "bf16" else torch.float32}


def test_greedy_ids_of_several_at_once_are_what_the_library_generates(folders):
    prompts, model = [ids_of(length, length) for length in (3, 70, 131)], theirs(folders["untied"])
    wanted = [
        model.generate(
            torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long), max_new_tokens=30,
            do_sample=False, eos_token_id=None, pad_token_id=0,
        )[0, len(ids) :].tolist()
        for ids in prompts
    ]  # fmt: skip
    engine = engine_of(folders["untied"])
    with held(engine._scheduler):
        talks = [engine.begin(ids, greedy(30)) for ids in prompts]
    assert [tokens(talk.until_the_end()) for talk in talks] == wanted


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_a_conversation_is_bitwise_the_same_alone_and_in_company(folders, precision):
    engine = engine_of(folders["tied"], precision)
    prompts = [ids_of(length, length) for length in (1, 70, 600)]
    record = Record(engine)
    alone = [tokens(engine.generate(ids, seeded(20, 3))) for ids in prompts]
    engine.forget()
    with held(engine._scheduler):
        talks = [engine.begin(ids, seeded(20, 3)) for ids in prompts]
    assert [tokens(talk.until_the_end()) for talk in talks] == alone
    assert any(kind == "decode" and len(counts) == 3 for _, kind, counts in record.passes)
    for ids in prompts:
        scores = record.scores[tuple(ids)]
        half = len(scores) // 2
        assert all(torch.equal(one, other) for one, other in zip(scores[:half], scores[half:], strict=True))


# ---- from turn to turn


def with_states(ids, marks, before=()):
    """A cache whose state is the sum of its ids."""
    cache = TokenCache(1024)
    for token in ids:
        cache.state(0, (1,))[0].add_(token)
        cache.ids.append(token)
        if cache.n in marks:
            cache.mark()
    cache.prompt = tuple(before)
    return cache


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ([1, 2, 3, 8, 9, 4], 5),
        ([1, 2, 3, 8, 7, 4], 2),
        ([1, 2, 3], 2),
        ([1, 2, 4], 2),
        ([1, 5], 1),
        ([6, 5], 0),
    ],
    ids=["goes on", "answer told otherwise", "again", "other question", "other turn", "other talk"],
)
def test_states_go_back_to_marks_alone(asked, wanted):
    cache = with_states([1, 2, 3, 8, 9], (1, 2), [1, 2, 3])
    assert reusable(cache, asked) == wanted
    for _ in range(2):
        # A mark stays good for another answer.
        cache.truncate(wanted)
        cache.mark()
        assert cache.state(0, (1,))[0].item() == sum(asked[:wanted])
        cache.state(0, (1,))[0].add_(100)
        cache.ids.append(100)


def test_the_last_marks_are_kept_and_counted():
    cache = with_states(range(10), (1, 4, 6, 8))
    assert list(cache.marks) == [6, 8]
    assert cache.bytes == (1 + MARKS) * 4
    cache.truncate(6)
    assert (list(cache.marks), cache.bytes) == ([6], 2 * 4)


def test_a_pool_that_is_full_evicts_a_cache_with_its_states():
    pool = CachePool(3 * 4, 1024)
    cache = pool.take([1, 2], 4)
    cache.state(0, (1,))
    cache.ids += [1, 2]
    pool.give_back(cache, 4)
    assert pool.bytes == 4
    pool.take([5], 3 * 4)
    assert pool.bytes == 3 * 4


def talk(engine, chat, count):
    """Turns in the folder's own format, each with a question of another length; the record of each."""
    messages, records = [], []
    for number in range(count):
        messages.append(Message("user", "Hello world. " * (3 + number % 2)))
        ids = chat.prompt_ids(messages)
        events = list(engine.generate(ids, greedy(12), chat.steady_tokens(messages)))
        records.append((ids, events))
        messages.append(Message("assistant", f"I think so {number}."))
    return messages, records


def test_a_later_turn_reads_the_last_answer_and_the_question_alone(folders):
    engine, chat = engine_of(folders["tied"]), open_chat(architecture_of(folders["tied"]).checkpoint)
    _, records = talk(engine, chat, 5)
    asked = [Message("user", "Hi")]
    opening = len(chat.prompt_ids(asked)) - chat.steady_tokens(asked)
    assert opening > 4
    for (before, _), (ids, events) in pairwise(records):
        assert events[0] == ("kept", len(before) - opening)
        assert ids[: len(before) - opening] == before[:-opening]


def test_a_turn_asked_again_is_bitwise_the_same_and_reads_only_what_opens_the_answer(folders):
    engine, chat = engine_of(folders["tied"], "bf16"), open_chat(architecture_of(folders["tied"]).checkpoint)
    messages, _ = talk(engine, chat, 2)
    messages.append(Message("user", "today"))
    ids, steady = chat.prompt_ids(messages), chat.steady_tokens(messages)
    record = Record(engine)
    first, *others = (tokens(engine.generate(ids, seeded(20, 5), steady)) for _ in range(3))
    assert others == [first, first]
    scores = record.scores[tuple(ids)]
    assert len(scores) > 60
    reads = [counts for _, kind, counts in record.passes if kind == "read"]
    assert reads[1:] == 3 * [[len(ids) - steady]]


# ---- a folder


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"model_type": "qwen3_5_moe", "text_config": {"model_type": "qwen3_5_moe_text"}}, "keep a state"),
        ({"model_type": "qwen3_next", "hidden_size": 64}, "keep a state"),
        ({"model_type": "qwen3_5", "text_config": {"linear_num_key_heads": 0}}, "linear_num_key_heads '0'"),
    ],
)
def test_what_is_near_to_it_is_refused_in_a_plain_line_before_the_weights(folders, tmp_path, config, words, ask):
    place = tmp_path / "near"
    shutil.copytree(folders["tied"], place)
    write_json(place / "config.json", config)
    (place / "model.safetensors").write_bytes(b"not read")
    with pytest.raises(ArenaError, match=words) as refusal:
        open_engine(ModelSpec("x", "x", "x", str(place), "transformers", "bf16"), Scheduler(1))
    assert "\n" not in str(refusal.value)
    assert "attribute" not in str(refusal.value)


def test_a_folder_answers_like_any_other(folders, ask, answer_of):
    spec = resolve(str(folders["tied"]))
    assert (spec.family, spec.context_length) == ("qwen3_5", 1024)
    (backend,) = open_backends([spec])
    answer = answer_of(ask(backend))
    assert answer.finish_reason in ("stop", "length")
    backend.close()


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_the_memory_is_keys_and_values_of_attention_layers_and_states(folders, precision):
    element = 4 if precision == "fp32" else 2
    engine = engine_of(folders["tied"], precision)
    assert engine.state_bytes == STATES
    assert engine.cache_bytes(300) == 2 * 2 * 32 * 2 * GROWTH * element + (1 + MARKS) * STATES
    need = need_of(resolve(f"{folders['tied']}@{precision}"))
    assert engine.slots.amount == need.cache
    # Without what is left out: pictures and further tokens.
    assert need.weights == element * sum(value.numel() for value in engine._rows.model.parameters())
    for length in (40, 50):
        list(engine.generate(ids_of(50)[:length], greedy(3), steady=length - 10))
    assert engine._caches.bytes == engine.cache_bytes(53)
