"""Two answers at once: streaming, failures, limits, stopping, regenerating, and folding chunks into an answer."""

import threading
import time
from itertools import pairwise
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.battle import SEED_LIMIT, TICK_SECONDS, fold, progress_after, renewed
from arena.errors import BackendError, ErrorInfo, InputError
from arena.text import clean
from arena.types import Answer, Chunk, SideName, Usage

A, B = SideName.A, SideName.B
STEADY = {"text": "x", "delay": 0.02, "times": 500}


def texts(battle):
    return battle.a.answer.text, battle.b.answer.text


def finishes(battle):
    return battle.a.answer.finish_reason, battle.b.answer.finish_reason


def ended(side):
    return lambda battle: battle.side(side).answer.finish_reason is not None


def both_have_text(battle):
    return all(texts(battle))


@pytest.fixture
def clock(monkeypatch):
    """The clock by which time is up; `ahead` puts it forward, so that nobody has to wait."""
    clock = SimpleNamespace(ahead=0.0, monotonic=lambda: time.monotonic() + clock.ahead)
    monkeypatch.setattr("arena.battle.time", clock)
    return clock


@pytest.fixture
def endless(stub):
    """A backend that never ends; `closed` is set when one of its streams is closed."""

    def play(messages, config):
        try:
            while True:
                yield Chunk(text="x")
                time.sleep(0.01)
        finally:
            backend.closed.set()

    backend = stub(play)
    backend.closed = threading.Event()
    return backend


# ---- both sides at once


def test_both_sides_run_at_the_same_time(stub, run_of, last):
    both_started = threading.Barrier(2)

    def play(messages, config):
        both_started.wait(60)
        yield Chunk(text="met", finish_reason="stop")

    assert texts(last(run_of(stub(play), stub(play)).stream())) == ("met", "met")


def test_a_slow_side_does_not_delay_the_fast_one(scripted, stub, run_of, last, until, gate):
    def slow(messages, config):
        gate.wait(60)
        yield Chunk(text="late", finish_reason="stop")

    battles = run_of(scripted({"text": "f", "times": 50}), stub(slow)).stream()
    battle = until(battles, ended(A))
    assert texts(battle) == ("f" * 50, "")
    gate.set()
    assert texts(last(battles)) == ("f" * 50, "late")


def test_every_token_is_a_separate_update(scripted, run_of):
    pieces = [{"text": character, "delay": 0.002} for character in "，。、😀" * 15]
    battles = run_of(scripted(*pieces), scripted(*pieces)).stream()
    seen = {texts(battle) for battle in battles}
    assert len({a for a, _ in seen}) == len({b for _, b in seen}) == 61


def test_half_a_character_is_never_shown(scripted, run_of):
    text = "你好，世界😀 根"
    steps = [{"bytes": f"{byte:02x}"} for byte in text.encode()]
    shown = [battle.a.answer.text for battle in run_of(scripted(*steps), scripted()).stream()]
    assert "\ufffd" not in "".join(shown)
    assert all(later.startswith(earlier) for earlier, later in pairwise(shown))
    assert shown[-1] == text


@pytest.mark.parametrize(
    ("steps", "text", "reasoning"),
    [
        (["<think>rea", "son</think>answer"], "answer", "reason"),
        (["rea", "son</th", "ink>\nans", "wer"], "answer", "reason"),
        (["<thi", "nk>rea", "son"], "", "reason"),
        (["<think>", "</think>", "answer"], "answer", ""),
    ],
    ids=["both marks", "only the closing mark", "only the opening mark", "nothing between"],
)
def test_reasoning_is_kept_apart_from_the_answer(scripted, run_of, last, steps, text, reasoning):
    backend = scripted(*({"text": step} for step in steps))
    answer = last(run_of(backend, scripted()).stream()).a.answer
    assert (answer.text, answer.reasoning) == (text, reasoning)


def test_an_empty_answer_ends_as_an_empty_text(scripted, run_of, last):
    battle = last(run_of(scripted(), scripted({"text": "words"})).stream())
    assert (texts(battle), finishes(battle)) == (("", "words"), ("stop", "stop"))
    assert not battle.votable


def test_an_answer_at_the_token_limit_is_kept_and_votable(scripted, run_of, last):
    run = run_of(scripted({"text": "x", "times": 600}), scripted({"text": "words"}))
    battle = last(run.stream())
    assert (texts(battle), finishes(battle)) == (("x" * 512, "words"), ("length", "stop"))
    assert battle.votable


def test_the_battle_is_repeated_while_nothing_happens(stub, saying, run_of, gate):
    def hang(messages, config):
        gate.wait(60)
        yield Chunk(finish_reason="stop")

    battles = run_of(stub(hang), stub(hang)).stream()
    first, *more = [next(battles) for _ in range(5)]  # each returns although no side says anything
    assert all(battle is first for battle in more) and TICK_SECONDS <= 0.1
    gate.set()


def test_the_duration_of_an_answer_is_measured_if_the_backend_reports_none(saying, run_of, last):
    usage = last(run_of(saying("one two"), saying("three")).stream()).a.answer.usage
    assert usage.seconds is not None and usage.seconds >= 0


# ---- one side fails


@pytest.mark.parametrize("tokens", [0, 5])
def test_a_failure_ends_only_its_own_side(scripted, run_of, last, threads_return, tokens):
    failing = scripted({"text": "x", "times": tokens}, {"raise": "out of memory"})
    battle = last(run_of(failing, scripted({"text": "y", "times": 40, "delay": 0.002})).stream())
    assert (texts(battle), finishes(battle)) == (("x" * tokens, "y" * 40), ("error", "stop"))
    assert battle.a.answer.error == ErrorInfo("backend_failed", "out of memory", {"reason": "out of memory"})
    assert not battle.votable
    assert threads_return()


def test_a_second_run_works_after_a_failure(scripted, run_of, last):
    failing, working = scripted({"raise": "once"}), scripted({"text": "fine"})
    assert finishes(last(run_of(failing, working).stream())) == ("error", "stop")
    assert texts(last(run_of(working, working).stream())) == ("fine", "fine")


@pytest.mark.parametrize("thing", [{"text": "x"}, None, b"bytes", "text"], ids=["dict", "None", "bytes", "str"])
def test_an_object_that_is_no_chunk_ends_the_side_with_a_readable_error(stub, saying, run_of, last, thing):
    def play(messages, config):
        yield Chunk(text="so far")
        yield thing

    battle = last(run_of(stub(play), saying("fine")).stream())
    assert (texts(battle), finishes(battle)) == (("so far", "fine"), ("error", "stop"))
    assert battle.a.answer.error.details == {"reason": type(thing).__name__}


def test_a_stream_without_a_finish_reason_is_an_error(stub, saying, run_of, last):
    def play(messages, config):
        yield Chunk(text="cut of")

    battle = last(run_of(stub(play), saying("fine")).stream())
    assert (texts(battle), finishes(battle)) == (("cut of", "fine"), ("error", "stop"))
    assert battle.a.answer.error.code == "backend_failed"


@pytest.mark.parametrize("result", [None, 7], ids=["None", "int"])
def test_a_backend_that_returns_no_stream_ends_its_side(stub, saying, run_of, last, result):
    battle = last(run_of(stub(lambda messages, config: result), saying("fine")).stream())
    assert finishes(battle) == ("error", "stop")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ZeroDivisionError("division by zero"), "backend_failed"),
        (BackendError("model_damaged", "The file is damaged.", path="x.gguf"), "model_damaged"),
        (InputError("prompt_too_long", "The prompt has 9 tokens.", tokens=9), "prompt_too_long"),
    ],
    ids=["any exception", "BackendError", "InputError"],
)
def test_raising_before_the_first_chunk_ends_the_side_with_the_reason(stub, saying, run_of, last, error, code):
    def play(messages, config):
        raise error

    battle = last(run_of(stub(play), saying("fine")).stream())
    assert finishes(battle) == ("error", "stop")
    assert battle.a.answer.error.code == code
    assert str(error) in battle.a.answer.error.message
    assert getattr(error, "details", {}).items() <= battle.a.answer.error.details.items()


def test_a_prompt_too_long_for_one_model_ends_that_side_with_its_name(scripted, run_of, last):
    small, large = scripted({"text": "x"}, name="Tiny", context_length=1), scripted({"text": "fine"})
    battle = last(run_of(small, large).stream())
    assert finishes(battle) == ("error", "stop")
    assert battle.a.answer.error.code == "prompt_too_long"
    assert "Tiny" in battle.a.answer.error.message


def test_a_model_that_cannot_be_loaded_ends_its_side(scripted, run_of, last):
    battle = last(run_of(scripted(load_error="disk on fire"), scripted({"text": "fine"})).stream())
    assert (battle.a.answer.error.code, battle.b.answer.text) == ("load_failed", "fine")


@pytest.fixture
def stream():
    """A stream that is no generator: it counts how often it was closed, and then fails."""

    class Stream:
        closed = 0

        def __iter__(self):
            return iter([Chunk(text="whole"), Chunk(finish_reason="stop")])

        def close(self):
            self.closed += 1
            raise ConnectionError("gone already")

    return Stream()


def test_a_failure_to_close_a_stream_changes_nothing(stub, saying, run_of, last, stream):
    battle = last(run_of(stub(lambda messages, config: stream), saying("fine")).stream())
    assert (texts(battle), finishes(battle)) == (("whole", "fine"), ("stop", "stop"))
    assert stream.closed == 1


# ---- limits


def test_a_side_without_any_chunk_ends_at_the_silence_limit(stub, saying, run_of, last, until, gate, clock):
    def hanging(messages, config):
        yield Chunk(text="x")
        gate.wait(60)

    battles = run_of(stub(hanging), saying("fine"), silence=120).stream()
    until(battles, lambda battle: battle.a.answer.text and battle.b.answer.finish_reason)
    clock.ahead = 121
    battle = last(battles)
    assert (texts(battle), finishes(battle)) == (("x", "fine"), ("error", "stop"))
    assert battle.a.answer.error.code == "silent"
    assert "120 s" in battle.a.answer.error.message


def test_empty_chunks_reset_the_silence_limit(stub, saying, run_of, clock):
    steps_read = threading.Semaphore(0)

    def slow(messages, config):
        for _ in range(5):
            steps_read.acquire(timeout=60)
            clock.ahead += 100
            yield Chunk()
        yield Chunk(text="at last", finish_reason="stop")

    for battle in run_of(stub(slow), saying("other"), silence=120).stream((A,)):
        answer = battle.a.answer
        steps_read.release()
    assert (answer.text, answer.finish_reason) == ("at last", "stop")


def test_the_time_limit_ends_one_side_only(endless, stub, run_of, until, clock):
    def fresh(messages, config):
        if config.seed == 8:  # asked again: it has its own time
            yield Chunk(text="closed" if endless.closed.wait(60) else "still open")
        yield Chunk(finish_reason="stop")

    run = run_of(endless, stub(fresh), total=60)
    battles = run.stream()
    until(battles, lambda battle: battle.a.answer.text and battle.b.answer.finish_reason)
    clock.ahead = 40
    run.regenerate(B)
    until(battles, lambda battle: battle.b.config.seed == 8)
    clock.ahead = 70
    battle = until(battles, lambda battle: all(finishes(battle)))
    assert (battle.b.answer.text, finishes(battle)) == ("closed", ("error", "stop"))
    assert battle.a.answer.error.code == "time_limit"
    assert set(battle.a.answer.text) == {"x"}


@pytest.mark.parametrize("limit", ["silence", "total", "grace"])
def test_a_slow_reader_loses_no_chunk(saying, run_of, last, threads_return, clock, limit):
    run = run_of(saying("one two three"), saying("four five six"), **{limit: 1})
    battles = run.stream()
    next(battles)
    assert threads_return()
    if limit == "grace":
        run.stop()
    clock.ahead = 2
    battle = last(battles)
    assert (texts(battle), finishes(battle)) == (("onetwothree", "fourfivesix"), ("stop", "stop"))


def test_a_side_that_ignores_stop_is_abandoned_and_its_late_chunks_are_dropped(
    stub, run_of, last, until, gate, threads_return
):
    spoke_late, let_other_end = threading.Event(), threading.Event()

    def deaf(messages, config):
        yield Chunk(text="early")
        gate.wait(60)
        try:
            yield Chunk(text="late")
        finally:
            spoke_late.set()

    def patient(messages, config):
        while not let_other_end.wait(0.01):
            yield Chunk()
        yield Chunk(text="done", finish_reason="stop")

    run = run_of(stub(deaf), stub(patient), grace=0.1)
    battles = run.stream()
    until(battles, lambda battle: battle.a.answer.text)
    run.stop(A)
    given_up = until(battles, ended(A))
    assert (given_up.a.answer.text, finishes(given_up)) == ("early", ("cancelled", None))
    gate.set()
    until(battles, lambda battle: spoke_late.is_set())
    let_other_end.set()
    battle = last(battles)
    assert (texts(battle), finishes(battle)) == (("early", "done"), ("cancelled", "stop"))
    assert threads_return()


# ---- stopping


def test_stopping_one_side_keeps_its_text_and_does_not_stop_the_other(scripted, run_of, last, until):
    run = run_of(scripted(STEADY), scripted({"text": "y", "delay": 0.02, "times": 20}))
    battles = run.stream()
    until(battles, both_have_text)
    run.stop(A)
    battle = last(battles)
    assert finishes(battle) == ("cancelled", "stop")
    assert 1 <= len(battle.a.answer.text) < 100
    assert battle.b.answer.text == "y" * 20


def test_stopping_both_sides_keeps_their_text_and_ends_the_backends(scripted, run_of, last, until, threads_return):
    a, b = scripted(STEADY), scripted(STEADY)
    run = run_of(a, b)
    battles = run.stream()
    until(battles, both_have_text)
    run.stop()
    battle = last(battles)
    assert finishes(battle) == ("cancelled", "cancelled")
    assert all(texts(battle))
    assert battle.a.answer.error is None
    assert not battle.votable
    assert threads_return()
    # What was produced is what was shown, but for a token that was under way.
    assert a.produced - len(battle.a.answer.text) <= 1


def test_a_side_that_is_waiting_can_be_stopped(scripted, run_of, last, until):
    run = run_of(scripted({"text": "x", "delay": 30}), scripted({"text": "y"}))
    battles = run.stream()
    until(battles, ended(B))
    run.stop()
    assert finishes(last(battles)) == ("cancelled", "stop")


def test_stopping_before_the_first_step_reaches_both_sides(scripted, run_of, last):
    a, b = scripted({"text": "x"}), scripted({"text": "y"})
    run = run_of(a, b)
    battles = run.stream()
    run.stop()
    assert finishes(last(battles)) == ("cancelled", "cancelled")
    assert a.requests == b.requests == []


def test_stopping_twice_or_after_the_end_changes_nothing(saying, run_of, last):
    run = run_of(saying("one"), saying("two"))
    battle = last(run.stream())
    run.stop()
    run.stop(A)
    assert run.battle is battle
    assert finishes(battle) == ("stop", "stop")


def test_stopping_is_true_once_all_sides_were_asked_to_stop(scripted, run_of, until):
    run = run_of(scripted(STEADY), scripted(STEADY))
    battles = run.stream()
    assert not run.stopping
    until(battles, both_have_text)
    run.stop(A)
    assert not run.stopping
    run.stop(B)
    assert run.stopping
    battles.close()


def test_closing_the_iterator_stops_the_backends(scripted, run_of, until, threads_return):
    a, b = scripted(STEADY), scripted(STEADY)
    battles = run_of(a, b).stream()
    until(battles, both_have_text)
    battles.close()
    assert threads_return()
    assert max(a.produced, b.produced) < 100


def test_a_closed_iterator_frees_its_slot(scripted, run_of, last, until):
    backend = scripted(STEADY, slots=1)
    battles = run_of(backend, scripted({"text": "y"})).stream()
    until(battles, both_have_text)
    battles.close()
    assert until(run_of(backend, scripted()).stream(), lambda battle: battle.a.answer.text)


# ---- regenerating


def test_one_side_is_regenerated_while_the_other_runs(scripted, run_of, last, until):
    a, b = scripted({"text": "x", "delay": 0.02, "times": 10}), scripted({"text": "y", "delay": 0.02, "times": 30})
    run = run_of(a, b)
    battles = run.stream()
    first = until(battles, lambda battle: len(battle.b.answer.text) >= 3)
    assert run.regenerate(A)
    again = until(battles, lambda battle: battle.id != first.id)
    assert again.a.answer == Answer()
    assert len(again.b.answer.text) >= 3
    battle = last(battles)
    assert (texts(battle), finishes(battle)) == (("x" * 10, "y" * 30), ("stop", "stop"))
    assert [config.seed for _, config in a.requests] == [7, 8]
    assert [config.seed for _, config in b.requests] == [7]


def test_an_ended_side_is_regenerated_while_the_other_runs(scripted, run_of, last, until):
    a = scripted({"text": "x"})
    run = run_of(a, scripted(STEADY))
    battles = run.stream()
    until(battles, ended(A))
    assert run.regenerate(A)
    until(battles, lambda battle: len(a.requests) == 2 and battle.a.answer.finish_reason)
    run.stop()
    assert texts(last(battles))[0] == "x"


def test_regenerating_stops_the_old_answer(endless, saying, run_of, until):
    run = run_of(endless, saying("y"))
    battles = run.stream()
    until(battles, both_have_text)
    assert run.regenerate(A)
    assert until(battles, lambda battle: endless.closed.is_set())
    battles.close()


def test_regenerating_twice_at_once_makes_one_new_answer(scripted, run_of, last, until):
    a = scripted(STEADY)
    run = run_of(a, scripted({"text": "y"}))
    battles = run.stream()
    until(battles, both_have_text)
    assert run.regenerate(A) and run.regenerate(A)
    battle = until(battles, lambda battle: battle.a.config.seed != 7 and battle.a.answer.text)
    run.stop()
    last(battles)
    assert battle.a.config.seed == 8
    assert len(a.requests) == 2


def test_stopping_right_after_regenerating_stops_the_side(scripted, run_of, last, until):
    a = scripted(STEADY)
    run = run_of(a, scripted({"text": "y"}))
    battles = run.stream()
    until(battles, both_have_text)
    assert run.regenerate(A)
    run.stop()
    battle = last(battles)
    assert finishes(battle) == ("cancelled", "stop")
    assert len(a.requests) == 1


def test_nothing_is_regenerated_after_the_end(saying, run_of, last):
    run = run_of(saying("one"), saying("two"))
    battle = last(run.stream())
    assert not run.regenerate(A)
    assert run.battle is battle


def test_nothing_is_regenerated_once_the_iterator_is_closed(scripted, run_of, until):
    a = scripted(STEADY)
    run = run_of(a, scripted(STEADY))
    battles = run.stream()
    until(battles, both_have_text)
    battles.close()
    assert not run.regenerate(A)
    assert len(a.requests) == 1


def test_a_run_can_stream_one_side_alone(scripted, run_of, last):
    a, b = scripted({"text": "x"}), scripted({"text": "y"})
    battle = last(run_of(a, b).stream((B,)))
    assert (texts(battle), len(a.requests), len(b.requests)) == (("", "y"), 0, 1)


@pytest.mark.parametrize("side", list(SideName))
def test_a_renewed_battle_has_a_new_id_and_keeps_the_other_side(answered, side):
    other = B if side is A else A
    battle = answered()
    again = renewed(battle, side)
    assert again.id != battle.id
    assert again.side(side).answer == Answer()
    assert again.side(side).config.seed == battle.side(side).config.seed + 1
    assert again.side(side).messages == battle.side(side).messages
    assert again.side(other) is battle.side(other)
    assert (again.prompt, again.turn) == (battle.prompt, battle.turn)


def test_the_seed_wraps_around_at_its_limit(run_of, saying):
    battle = run_of(saying("x"), saying("y"), seed=SEED_LIMIT - 1).battle
    assert renewed(battle, A).a.config.seed == 0


def test_a_battle_without_a_seed_is_renewed_without_one(run_of, saying):
    battle = run_of(saying("x"), saying("y"), seed=None).battle
    assert renewed(battle, A).a.config.seed is None


# ---- folding


def folded(*chunks):
    answer = Answer()
    for chunk in chunks:
        answer = fold(answer, chunk)
    return answer


@given(st.text(max_size=60), st.lists(st.integers(0, 60), max_size=6), st.booleans())
def test_chunks_fold_into_the_text_however_it_is_split(text, cuts, reasoning):
    bounds = [0, *sorted(cuts), len(text)]
    pieces = [text[start:end] for start, end in pairwise(bounds)]
    answer = folded(*(Chunk(reasoning=piece) if reasoning else Chunk(text=piece) for piece in pieces))
    assert (answer.text, answer.reasoning) == (("", clean(text)) if reasoning else (clean(text), ""))


def test_a_retraction_turns_the_text_into_reasoning():
    answer = folded(Chunk(reasoning="hm "), Chunk(text="so far"), Chunk(retract=True, text="the answer"))
    assert (answer.reasoning, answer.text) == ("hm so far", "the answer")


@pytest.mark.parametrize("chunk", [Chunk(text="x"), Chunk(reasoning="x"), Chunk(finish_reason="stop")])
def test_a_stage_lasts_until_a_chunk_has_text_or_ends_the_answer(chunk):
    queued = Chunk(stage="queued", done=3)
    waiting = progress_after(progress_after(Chunk(), queued), Chunk())
    assert waiting == queued
    assert progress_after(waiting, chunk) == Chunk()


def test_a_later_stage_replaces_the_earlier_one():
    reading = Chunk(stage="reading", done=10, total=30)
    assert progress_after(Chunk(stage="loading", done=9), reading) == reading


def test_usage_and_dropped_turns_are_kept():
    answer = folded(Chunk(dropped_turns=2), Chunk(text="x", usage=Usage(5, 1)), Chunk(text="y"))
    assert (answer.dropped_turns, answer.usage) == (2, Usage(5, 1))


def test_the_last_chunk_sets_finish_reason_and_error():
    error = ErrorInfo("backend_failed", "out of memory")
    answer = folded(Chunk(text="x"), Chunk(finish_reason="error", error=error, usage=Usage(5, 2)))
    assert (answer.text, answer.finish_reason, answer.error, answer.usage) == ("x", "error", error, Usage(5, 2))


def test_characters_that_cannot_be_stored_are_replaced():
    assert folded(Chunk(text="a\x00"), Chunk(text="\ud83d")).text == "a␀\ufffd"
