"""What is kept between turns: used again where the answer stays the same to the bit, and given up for room."""

import random
from pathlib import Path

import pytest
import torch
from micro_engines import CHATGLM, QWEN, Record, greedy, held, micro_engine, prompt, seeded, tokens

from backends.stepping import GROWTH, PREFILL_CHUNK, stepper
from backends.stepping.cache import CachePool, TokenCache, reusable

# One layer with one head of two numbers in 32 bits: 16 bytes a token, room for 256 at a time.
UNIT = 16 * GROWTH


def fill(cache, ids):
    """Write tokens whose keys and values are the ids themselves."""
    numbers = torch.tensor(ids, dtype=torch.float32)[None, :, None].expand(1, len(ids), 2)
    seen = cache.write(0, numbers, -numbers)
    cache.ids += ids
    return seen


def cached(ids, before=(), marks=(0,)):
    cache = TokenCache(8 * GROWTH)
    fill(cache, list(ids))
    cache.prompt, cache.marks = tuple(before), {mark: {} for mark in marks}
    return cache


# ---- one cache


def test_a_cache_counts_in_steps_and_keeps_what_it_holds():
    cache, chosen, written = TokenCache(8 * GROWTH), random.Random(1), []
    sizes = []
    while cache.n < 3 * GROWTH:
        new = [chosen.randrange(1000) for _ in range(chosen.choice([1, 1, 5, 200]))]
        written += new
        keys, values = fill(cache, new)
        assert keys[0, :, 0].tolist() == written
        assert values[0, :, 1].tolist() == [-number for number in written]
        sizes.append(cache.bytes)
    assert set(sizes) <= {UNIT * steps for steps in (1, 2, 3, 4)}
    assert cache.ids == written


def test_what_is_cut_off_gives_its_room_back():
    cache = cached(range(3 * GROWTH), marks=(0, 5, GROWTH, GROWTH + 1))
    assert cache.bytes == 3 * UNIT
    cache.truncate(2 * GROWTH + 1)
    assert cache.bytes == 3 * UNIT
    cache.truncate(GROWTH)
    assert (cache.n, cache.bytes, list(cache.marks)) == (GROWTH, UNIT, [0, 5, GROWTH])
    keys, _ = fill(cache, [7])
    assert keys[0, :, 0].tolist() == [*range(GROWTH), 7]


def resident(*tensors):
    """Bytes of the mappings that the tensors lie in which really are in memory; the system may join some."""
    here, total = False, []
    for line in Path("/proc/self/smaps").read_text(encoding="utf-8").splitlines():
        if not line.split()[0].endswith(":"):
            low, high = (int(part, 16) for part in line.split()[0].split("-"))
            here = any(low <= tensor.data_ptr() < high for tensor in tensors)
        elif here and line.startswith("Rss:"):
            total.append(int(line.split()[1]) * 1024)
    assert total, "the tensors are mapped nowhere"
    return sum(total)


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="this system does not say")
def test_only_what_was_written_takes_memory_and_never_moves():
    # 64 heads of 4 kB a token.
    cache = TokenCache(4096)
    token = torch.ones(64, 1, 1024)
    keys, values = cache.write(0, token, token)
    place = keys.data_ptr()
    before = resident(keys, values)
    cache.ids += [1]
    assert before < 1 << 20 < cache.bytes
    for number in range(2 * GROWTH):
        keys, values = cache.write(0, token, token)
        cache.ids += [number]
    assert keys.data_ptr() == place
    grown_to = resident(keys, values)
    assert grown_to - before == pytest.approx(2 * 64 * 2 * GROWTH * 4096, rel=0.05)
    cache.truncate(1)
    assert resident(keys, values) - before == pytest.approx(2 * 64 * GROWTH * 4096, rel=0.05)
    assert (keys[:, 0] == 1).all()


def test_more_tokens_than_there_is_room_for_are_refused_and_written_nowhere():
    cache = TokenCache(10)
    fill(cache, list(range(8)))
    with pytest.raises(ValueError, match="11 tokens do not fit into a cache of 10"):
        fill(cache, [1, 2, 3])
    keys, _ = fill(cache, [8, 9])
    assert keys[0, :, 0].tolist() == list(range(10))
    with pytest.raises(ValueError, match="11 tokens"):
        cache.places(0)


# ---- what is used again


@pytest.mark.parametrize(
    ("held_ids", "last_prompt", "marks", "asked", "wanted"),
    [
        ([1, 2, 3, 8, 9], [1, 2, 3], (0,), [1, 2, 3, 8, 9, 4, 5], 5),
        ([1, 2, 3, 8, 9], [1, 2, 3], (0,), [1, 2, 3, 8, 7, 4, 5], 4),
        ([1, 2, 3, 8, 9], [1, 2, 3], (0,), [1, 2, 3, 8, 9], 4),
        ([1, 2, 3, 8, 9], [1, 2, 3], (0,), [1, 2, 3], 0),
        ([1, 2, 3, 8, 9], [1, 2, 3], (0, 2), [1, 2, 3], 2),
        ([1, 2, 3, 8, 9], [1, 2, 3], (0, 2), [1, 2, 4, 5], 2),
        ([1, 2, 3, 8, 9], [1, 2, 3], (0, 2, 3), [1, 2, 4, 5], 2),
        ([1, 2, 3, 8, 9], [1, 2, 3], (0, 2), [1, 5, 4, 5], 0),
        ([1, 2], [1, 2, 3, 4], (0,), [1, 2, 3, 4, 5], 2),
        ([1, 2, 3], [1, 2, 3], (0, 2), [1, 2], 0),
    ],
    ids=["goes on", "answer told otherwise", "goes on with what was said", "again", "again, second turn",
         "other question", "mark in what differs", "other talk", "was stopped while read", "shorter"],
)  # fmt: skip
def test_how_much_of_a_cache_a_prompt_may_use(held_ids, last_prompt, marks, asked, wanted):
    assert reusable(cached(held_ids, last_prompt, marks), asked) == wanted


# ---- the budget


@pytest.fixture
def kept():
    return CachePool(3 * UNIT, 8 * GROWTH)


def used(kept, ids, amount=UNIT):
    """A conversation that has come to its end."""
    cache = kept.take(ids, amount)
    fill(cache, list(ids)[cache.n :])
    kept.give_back(cache, amount)
    return cache


def test_the_least_recently_used_cache_is_evicted_first(kept):
    one, two, three = used(kept, [1, 2, 3]), used(kept, [4, 5, 6]), used(kept, [7, 8, 9])
    assert kept._idle == [one, two, three]
    assert used(kept, [1, 2, 3, 4]) is one
    four = used(kept, [10, 11])
    assert kept._idle == [three, one, four]
    assert kept.bytes == 3 * UNIT


def test_running_conversations_reserve_their_bytes_in_advance(kept):
    used(kept, [1, 2, 3]), used(kept, [4, 5, 6])
    running = kept.take([7, 8], 2 * UNIT)
    assert [cache.ids for cache in kept._idle] == [[4, 5, 6]]
    another = kept.take([9], UNIT)
    assert kept._idle == []
    kept.give_back(running, 2 * UNIT, keep=False)
    kept.give_back(another, UNIT)
    assert (kept.bytes, kept._idle) == (0, [])


def test_a_cache_in_use_is_not_counted_twice(kept):
    used(kept, range(2 * GROWTH), 2 * UNIT), used(kept, [1000])
    cache = kept.take(range(2 * GROWTH + 5), 3 * UNIT)
    assert cache.n == 2 * GROWTH
    assert (kept.bytes, kept._idle) == (3 * UNIT, [])


def test_one_cache_is_never_used_by_two(kept):
    used(kept, [1, 2, 3])
    first, second = kept.take([1, 2, 3, 4], UNIT), kept.take([1, 2, 3, 4], UNIT)
    assert (first.n, second.n) == (3, 0)


# ---- on a model


@pytest.fixture(params=[(QWEN, "bf16"), (CHATGLM, "fp32")], ids=str)
def engine(request):
    return micro_engine(*request.param)


def turns(engine, count, config):
    """A conversation of some turns, each prompt what was said so far and something new; and its prompts."""
    said, prompts = [], []
    for number in range(count):
        said = said + prompt(20 + 300 * (number % 2), number)
        prompts.append(said)
        said = said + tokens(engine.generate(said, config))
    return prompts, said


def test_the_fifth_turn_reads_only_what_is_new(engine):
    _, said = turns(engine, 4, greedy(9))
    record = Record(engine)
    fifth = said + prompt(33)
    events = list(engine.generate(fifth, greedy(2)))
    # The last id that was said has not been read by the model yet.
    assert record.fed == 33 + 1
    assert events[0] == ("kept", len(fifth) - 34)
    assert events[1] == ("read", len(fifth))


@pytest.mark.parametrize("turn", [1, 4])
def test_a_turn_asked_again_with_its_seed_is_the_same_to_the_bit(engine, turn):
    prompts, said = turns(engine, turn, seeded(40, 5))
    asked = said[: len(prompts[-1])]
    first = said[len(asked) :]
    record = Record(engine)
    again = [tokens(engine.generate(asked, seeded(40, 5))) for _ in range(2)]
    assert again == [first, first]
    scores = record.scores[tuple(asked)]
    assert all(torch.equal(one, other) for one, other in zip(scores[:40], scores[40:], strict=True))
    began = len(prompts[-2]) + 40 - 1 if turn > 1 else 0
    assert record.fed == 2 * (len(asked) - began)


def test_a_turn_is_the_same_in_company_too(engine):
    def talk():
        return turns(engine, 3, seeded(12, 3))[1]

    alone = talk()
    engine.forget()
    with held(engine._scheduler):
        beside = [engine.begin(prompt(PREFILL_CHUNK + n), seeded(100, n)) for n in range(3)]
    assert talk() == alone
    for other in beside:
        other.close()


def test_a_stopped_prompt_is_resumed_where_it_stopped(engine):
    long = prompt(4 * PREFILL_CHUNK)
    record = Record(engine)
    talk = engine.begin(long, greedy(5))
    record.before = lambda number: talk.cancelled.set() if number == 1 else None
    list(talk.until_the_end())
    assert record.fed == 2 * PREFILL_CHUNK
    list(engine.generate([*long, 5], greedy(1)))
    assert record.fed == 4 * PREFILL_CHUNK + 1


def test_under_a_small_budget_nothing_is_kept_and_the_answers_are_the_same(monkeypatch):
    large = micro_engine()
    monkeypatch.setattr(stepper, "cache_budget", lambda full: large.cache_bytes(1))
    small = micro_engine()
    record = Record(small)
    # Each in turn takes the other's room.
    for number in range(3):
        for length in (30, 40):
            ids = [*prompt(length), *range(number)]
            assert tokens(small.generate(ids, greedy(5))) == tokens(large.generate(ids, greedy(5)))
    assert record.fed == sum(length + number for length in (30, 40) for number in range(3))
    assert small._caches.bytes == small.cache_bytes(1)
