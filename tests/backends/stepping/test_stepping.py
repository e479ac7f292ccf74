"""Several conversations on one model: each gets bitwise what it gets alone, whoever comes, goes or fails beside it."""

import gc
import threading
import weakref

import pytest
import torch
from micro_engines import CHATGLM, QWEN, Record, computed, greedy, held, micro_engine, prompt, seeded, tokens
from native_folders import native_folder
from opened import open_backends

from arena.errors import BackendError
from backends.models.resolve import resolve
from backends.stepping import PREFILL_CHUNK, ROWS
from backends.stepping import scheduler as scheduler_module
from backends.stepping.scheduler import Scheduler

LENGTHS = (7, 600, 40, 3, 1025, 256, 90, 513)


@pytest.fixture(scope="module", params=[(QWEN, "bf16"), (QWEN, "fp32"), (CHATGLM, "bf16"), (CHATGLM, "fp32")], ids=str)
def engine(request):
    return micro_engine(*request.param)


@pytest.fixture
def micro():
    return micro_engine()


def recorded(engine, talks):
    """What is said to each, begun in the same step, and the scores that it was chosen by."""
    record = Record(engine)
    try:
        with held(engine._scheduler):
            running = [engine.begin(ids, config) for ids, config in talks]
        said = [tokens(one.until_the_end()) for one in running]
    finally:
        engine._rows = record._rows
    engine.forget()
    return said, [record.scores[tuple(ids)] for ids, _ in talks]


def same(one, other):
    return len(one) == len(other) and all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("count", [2, 4, 8])
def test_ids_and_scores_are_bitwise_those_of_each_alone(engine, count):
    talks = [(prompt(n), seeded(10 + n % 5, n) if n % 2 else greedy(10 + n % 5)) for n in LENGTHS[:count]]
    alone = [recorded(engine, [talk]) for talk in talks]
    said, scores = recorded(engine, talks)
    assert said == [words for (words,), _ in alone]
    assert all(same(found, wanted) for found, (_, (wanted,)) in zip(scores, alone, strict=True))
    assert len({tuple(words) for words in said}) == count


def test_more_than_a_step_holds_come_to_their_end_too(micro):
    talks = [(prompt(5 + n), greedy(6)) for n in range(ROWS + 3)]
    alone = [recorded(micro, [talk])[0][0] for talk in talks]
    assert recorded(micro, talks)[0] == alone


def test_one_that_joins_and_one_that_leaves_midway_change_nothing(engine):
    long, late, short = (prompt(30), seeded(24, 1)), (prompt(700), seeded(5, 2)), (prompt(12), seeded(3, 3))
    alone = [recorded(engine, [talk])[1][0] for talk in (long, late, short)]
    record, joined = Record(engine), []
    record.before = lambda number: joined.append(engine.begin(*late)) if number == 9 else None
    with held(engine._scheduler):
        first, brief = engine.begin(*long), engine.begin(*short)
    list(brief.until_the_end())
    list(first.until_the_end())
    list(joined[0].until_the_end())
    engine._rows = record._rows
    engine.forget()
    rows = [len(counts) for _, kind, counts in record.passes if kind == "decode"]
    # The short one for two tokens, then the late one for four.
    assert rows == [1, 2, 2, *[1] * 6, *[2] * 4, *[1] * 10]
    for talk, wanted in zip((long, late, short), alone, strict=True):
        assert same(record.scores[tuple(talk[0])], wanted)


def test_a_prompt_is_read_between_the_tokens_of_another(micro):
    record = Record(micro)
    talker = micro.begin(prompt(5), greedy(12))
    joined = []
    record.before = lambda number: (
        joined.append(micro.begin(prompt(3 * PREFILL_CHUNK + 1), greedy(1))) if number == 3 else None
    )
    said = tokens(talker.until_the_end())
    list(joined[0].until_the_end())
    assert len(said) == 12
    kinds = [kind for _, kind, _ in record.passes]
    # A piece at a time, and a token after each.
    assert "".join(kind[0] for kind in kinds) == "rddd" + "rd" * 4 + "d" * 4
    assert [counts for _, kind, counts in record.passes if kind == "read"] == [
        [5],
        [PREFILL_CHUNK],
        [PREFILL_CHUNK],
        [PREFILL_CHUNK],
        [1],
    ]


def test_stopping_ends_within_a_token(micro):
    record = Record(micro)
    talk = micro.begin(prompt(5), greedy(1000))
    record.before = lambda number: talk.cancelled.set() if number == 6 else None
    assert len(tokens(talk.until_the_end())) == 1 + 6
    assert talk.left.is_set()
    assert len(record.passes) == 7


def test_stopping_ends_within_a_piece_of_the_prompt(micro):
    record = Record(micro)
    talk = micro.begin(prompt(5 * PREFILL_CHUNK), greedy(10))
    record.before = lambda number: talk.cancelled.set() if number == 1 else None
    assert [value for kind, value in talk.until_the_end() if kind == "read"] == [PREFILL_CHUNK, 2 * PREFILL_CHUNK]


def test_one_that_is_stopped_before_it_began_computes_nothing(micro):
    record = Record(micro)
    with held(micro._scheduler):
        talk = micro.begin(prompt(5), greedy(10))
        talk.cancelled.set()
    assert list(talk.until_the_end()) == []
    assert record.passes == []


# ---- what fails


def failing_for(bad, error):
    """Makes the passes of one prompt raise."""

    def install(record):
        read = record._rows.read

        def checked(cache, ids, last=1):
            if cache.prompt == tuple(bad):
                raise error
            return read(cache, ids, last)

        record._rows.read = checked

    return install


def test_a_prompt_that_cannot_be_read_fails_alone(micro):
    good, bad = prompt(40), prompt(41)
    wanted = recorded(micro, [(good, greedy(8))])[0][0]
    failing_for(bad, MemoryError("no room"))(Record(micro))
    with held(micro._scheduler):
        fine, broken = micro.begin(good, greedy(8)), micro.begin(bad, greedy(8))
    with pytest.raises(MemoryError, match="no room"):
        list(broken.until_the_end())
    assert tokens(fine.until_the_end()) == wanted
    assert broken.left.is_set()
    # Nothing of it is kept, and nothing stays reserved.
    assert micro._caches.bytes == sum(cache.bytes for cache in micro._caches._idle)
    assert [cache.prompt for cache in micro._caches._idle] == [tuple(good)]


def test_scores_that_are_not_finite_end_only_that_conversation(micro):
    good, bad = prompt(40), prompt(41)
    wanted = recorded(micro, [(good, greedy(8))])[0][0]
    rows = micro._rows
    decode = rows.decode

    def poisoned(caches, ids):
        scores = decode(caches, ids).clone()
        scores[[cache.prompt == tuple(bad) and cache.n > 44 for cache in caches], 7] = float("nan")
        return scores

    rows.decode = poisoned
    with held(micro._scheduler):
        fine, broken = micro.begin(good, greedy(8)), micro.begin(bad, greedy(8))
    with pytest.raises(BackendError, match="not finite"):
        tokens(broken.until_the_end())
    assert tokens(fine.until_the_end()) == wanted


def test_a_step_that_fails_ends_the_talks_of_that_engine_and_no_others(monkeypatch):
    scheduler = Scheduler(1)
    broken, fine = (micro_engine(scheduler=scheduler) for _ in range(2))
    wanted = tokens(fine.generate(prompt(9), greedy(12)))
    fine.forget()
    admit = broken._admit
    monkeypatch.setattr(broken, "_admit", lambda: (admit(), 1 / 0))
    with held(scheduler):
        talks = [broken.begin(prompt(n), greedy(5)) for n in (3, 4)]
        other = fine.begin(prompt(9), greedy(12))
    for talk in talks:
        with pytest.raises(ZeroDivisionError):
            list(talk.until_the_end())
    assert tokens(other.until_the_end()) == wanted
    monkeypatch.undo()
    assert len(tokens(broken.generate(prompt(3), greedy(5)))) == 5


def test_a_prompt_without_tokens_ends_alone(micro):
    wanted = tokens(micro.generate(prompt(9), greedy(8)))
    micro.forget()
    with held(micro._scheduler):
        empty, fine = micro.begin([], greedy(8)), micro.begin(prompt(9), greedy(8))
    with pytest.raises(ValueError, match="the prompt has no tokens"):
        list(empty.until_the_end())
    assert tokens(fine.until_the_end()) == wanted


def test_a_stream_raises_when_the_process_ends():
    engine = micro_engine()
    answer = engine.begin(prompt(9), greedy(4000)).until_the_end()
    next(answer)
    engine._scheduler.close()
    with pytest.raises(RuntimeError, match="the process ends"):
        list(answer)


# ---- several models, and the end


def test_two_models_get_a_step_in_turn():
    scheduler, passes = Scheduler(1), []
    one, other = micro_engine(QWEN, scheduler=scheduler), micro_engine(CHATGLM, scheduler=scheduler)
    Record(one, passes, "one"), Record(other, passes, "other")
    with held(scheduler):
        talks = [engine.begin(prompt(9), greedy(20)) for engine in (one, other) for _ in range(2)]
    for talk in talks:
        list(talk.until_the_end())
    names = [name for name, _, _ in passes]
    assert names == ["one", "other"] * (len(names) // 2)
    assert len(names) >= 2 * 20


def test_everything_computes_in_one_thread(micro):
    threads = set()
    record = Record(micro)
    record.before = lambda number: threads.add((threading.current_thread().name, torch.get_num_threads()))
    other = micro_engine(CHATGLM, scheduler=micro._scheduler)
    Record(other).before = record.before
    with held(micro._scheduler):
        talks = [engine.begin(prompt(9), greedy(4)) for engine in (micro, other) for _ in range(3)]
    for talk in talks:
        list(talk.until_the_end())
    assert threads == {("scheduler", 1)}


def test_an_unreferenced_engine_is_freed_with_its_caches(monkeypatch, eventually, threads_return):
    monkeypatch.setattr(scheduler_module, "IDLE_SECONDS", 0.05)
    engine = micro_engine()
    list(engine.generate(prompt(300), greedy(3)))
    (cache,) = engine._caches._idle
    gone = [weakref.ref(thing) for thing in (engine, engine._rows.model, cache)]
    scheduler = engine._scheduler
    del engine, cache
    # The thread may not have come to the end of its last step.
    assert eventually(lambda: gc.collect() is not None and [reference() for reference in gone] == [None] * 3)
    assert threads_return()
    assert computed(scheduler, lambda: 5) == 5
    assert not scheduler._members


def test_an_answer_that_is_read_keeps_its_engine():
    answer = micro_engine().generate(prompt(9), greedy(5))
    gc.collect()
    assert len(tokens(answer)) == 5


def test_a_backend_that_is_closed_frees_its_engine(tmp_path, ask, answer_of, value_of, until_text, eventually):
    (backend,) = open_backends([resolve(str(native_folder(tmp_path / "native")))])
    assert answer_of(ask(backend, max_new_tokens=3)).finish_reason
    stream = ask(backend, max_new_tokens=300)
    until_text(stream)
    engine = weakref.ref(value_of(backend._load.wait()))
    backend.close()
    gc.collect()
    assert engine() is not None  # the stream still uses it
    stream.close()
    assert eventually(lambda: gc.collect() is not None and engine() is None)
