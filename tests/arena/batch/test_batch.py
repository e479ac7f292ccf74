"""A batch: everything asked once, one model after the other, each answer kept, whatever stops it."""

import os
import threading
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import pytest

from arena.answers import AnswerStore, read_recorded
from arena.batch.plan import Cell, CellState, CellView, Plan, Progress
from arena.batch.run import Batch, BatchRunner, Host
from arena.errors import InputError
from arena.prompts import Prompt
from arena.recorded import Recorded
from arena.types import Answer, Chunk, ErrorInfo, Message, ModelSpec, Side, Usage
from commands.batch import _status

TITLE = {"zh": "题", "en": "Q"}
PROMPTS = tuple(Prompt(f"q{number}", "reasoning", TITLE, f"Question {number}") for number in (1, 2, 3))
TALK = Prompt("t1", "", TITLE, "First", ("Second", "Third"))
ALL_DONE = {"q1": "done", "q2": "done", "q3": "done"}


@pytest.fixture
def store(tmp_path):
    with AnswerStore(tmp_path / "answers.jsonl") as store:
        yield store


@pytest.fixture
def place(stub):
    """A host whose models answer by `play[model](messages, config)`, and all that was asked of it."""
    asked, opened, play = [], [], {}

    def answer(model):
        def stream(messages, config):
            asked.append((model, messages, config))
            yield from play.get(model, echo)(messages, config)

        return stream

    @contextmanager
    def open_model(spec):
        opened.append(f"+{spec.id}")
        yield stub(answer(spec.id), id=spec.id)
        opened.append(f"-{spec.id}")

    def make(prompts=PROMPTS, models="ab", at_once=1, retry_failed=False, store=None, system="", pinned=(), **plan):
        own = {"system": system, "pinned": frozenset(pinned)}
        specs = [ModelSpec(name, name.upper(), "", "", "", "int4", **own) for name in models]
        host = Host(open_model, {"cores": 2}, lambda: 77)
        return Batch(Plan(specs, prompts, **plan), store or scripted_host.store, host, at_once, retry_failed)

    scripted_host = SimpleNamespace(batch=make, asked=asked, opened=opened, play=play, store=None)
    return scripted_host


@pytest.fixture
def on(place, store):
    place.store = store
    return place


def echo(messages, config):
    yield Chunk(text=f"re {messages[-1].content}")
    yield Chunk(finish_reason="stop", usage=Usage(4, 2, 0.5, 2.0))


def failing(messages, config):
    yield Chunk(text="Well")
    raise RuntimeError("disk on fire")


def run(batch):
    """Everything that it yields; the last is how it ended."""
    return list(batch.run())


def states(progress, model="a"):
    return {view.cell.prompt.id: str(view.state) for view in progress.cells if view.cell.model.id == model}


def requests(asked):
    return [(model, messages[-1].content, config.seed) for model, messages, config in asked]


def test_all_of_one_model_comes_before_all_of_the_other(on, store):
    last = run(on.batch(repeats=2, seed=40))[-1]
    whole = [(model, f"Question {number}", seed) for model in "ab" for seed in (40, 41) for number in (1, 2, 3)]
    assert requests(on.asked) == whole
    assert on.opened == ["+a", "-a", "+b", "-b"]
    assert last.count(CellState.DONE) == 12 and last.seconds_left == 0
    kept = read_recorded(store.path)
    assert [(entry.side.model.id, entry.repeat, entry.prompt_id) for entry in kept[:4]] == [
        ("a", 0, "q1"), ("a", 0, "q2"), ("a", 0, "q3"), ("a", 1, "q1")
    ]  # fmt: skip
    assert kept[0].side.answer.text == "re Question 1" and kept[0].memory == 77
    assert kept[0].machine == {"cores": 2, "at_once": 1} and kept[0].side.config.seed == 40


def test_nothing_is_asked_twice(on):
    run(on.batch())
    on.asked.clear(), on.opened.clear()
    assert states(run(on.batch())[-1]) == ALL_DONE
    assert not on.asked and not on.opened  # a model with nothing to do is not even loaded
    run(on.batch(repeats=2))
    assert [(model, seed) for model, _, seed in requests(on.asked)] == [("a", 1)] * 3 + [("b", 1)] * 3


def test_other_settings_are_other_answers(on):
    run(on.batch(settings={"temperature": 0.0}))
    run(on.batch(settings={"temperature": 0.5}))
    run(on.batch(seed=9))
    assert len(on.asked) == 18 and {config.temperature for _, _, config in on.asked} == {0.0, 0.5, 0.7}


def test_a_stopped_batch_resumes_where_it_stopped(on, gate):
    def slow(messages, config):
        if messages[-1].content == "Question 2":
            yield Chunk(text="thinking")
            while not gate.wait(0.05):
                yield Chunk()
        yield from echo(messages, config)

    on.play["a"] = slow
    batch = on.batch()
    for progress in batch.run():
        if progress.running() and progress.running()[0].growing.text == "thinking":
            assert progress.running()[0].growing.usage.seconds >= 0
            batch.stop()
    assert states(progress) == {"q1": "done", "q2": "waiting", "q3": "waiting"}
    assert on.opened == ["+a", "-a"]  # the other one is not begun
    gate.set(), on.asked.clear()
    assert states(run(on.batch())[-1]) == ALL_DONE
    assert [text for model, text, _ in requests(on.asked) if model == "a"] == ["Question 2", "Question 3"]


def test_a_pause_lets_the_running_answer_end(on):
    def pausing(messages, config):
        yield Chunk(text="one ")
        batch.pause()
        yield from echo(messages, config)

    on.play["a"] = pausing
    batch = on.batch()
    last = run(batch)[-1]
    assert states(last) == {"q1": "done", "q2": "waiting", "q3": "waiting"}
    assert states(last, "b") == {"q1": "waiting", "q2": "waiting", "q3": "waiting"}


def test_closing_the_iterator_stops_the_batch(on, threads_return):
    def endless(messages, config):
        while True:
            yield Chunk(text="x")

    on.play["a"] = endless
    batch = on.batch()
    listening = batch.run()
    next(listening)
    listening.close()
    assert threads_return() and on.opened == ["+a"]
    assert not batch.progress.count(CellState.DONE)


def test_a_failed_cell_is_asked_again_only_with_retry(on, store):
    on.play["a"] = failing
    last = run(on.batch())[-1]
    assert states(last) == {"q1": "failed", "q2": "failed", "q3": "failed"}
    assert states(last, "b") == ALL_DONE  # a failing model does not stop the other
    assert last.cells[0].error.code == "backend_failed" and "disk on fire" in last.cells[0].error.message
    assert read_recorded(store.path)[0].side.answer.text == "Well"
    del on.play["a"]
    on.asked.clear()
    assert states(run(on.batch())[-1])["q1"] == "failed" and not on.asked
    assert states(run(on.batch(retry_failed=True))[-1]) == ALL_DONE
    assert [model for model, _, _ in requests(on.asked)] == ["a"] * 3
    on.asked.clear()
    assert states(run(on.batch(retry_failed=True))[-1]) == ALL_DONE and not on.asked


def test_a_model_that_cannot_be_loaded_leaves_the_other_its_turn(on, store, scripted, monkeypatch):
    broken = scripted({"text": "x"}, load_error="disk on fire")

    @contextmanager
    def opening(spec):
        yield broken

    whole = on.batch(models="b")
    batch = Batch(Plan([broken.spec, *whole._models], PROMPTS), store, Host(opening))
    batch._host = Host(lambda spec: opening(spec) if spec == broken.spec else whole._host.open(spec))
    last = run(batch)[-1]
    assert set(states(last, broken.spec.id).values()) == {"waiting"} and states(last, "b") == ALL_DONE
    assert "disk on fire" in last.cells[0].error.message and last.cells[1].error is None
    assert {entry.side.model.id for entry in read_recorded(store.path)} == {"b"}
    assert last.blocked == last.cells[0].error and run(on.batch(models="b"))[-1].blocked is None


def test_time_left_and_turn_are_those_of_many_models():
    a, b, c = (ModelSpec(name, name, "", "", "", "") for name in "abc")
    view = {model: CellView(Cell(model, PROMPTS[0], 0, model.config({})), CellState.WAITING) for model in (a, b, c)}
    side = Side(a, (Message("user", "Hi"),), None, Answer("x", usage=Usage(seconds=4.0)))
    done = replace(view[a], state=CellState.DONE, answers=(Recorded("q1", "Hi", side),))
    running = replace(view[b], state=CellState.RUNNING, growing=Answer(usage=Usage(seconds=1.0)))
    progress = Progress((done, running, view[c]))
    assert (progress.seconds_left, progress.turn, progress.models) == (3.0 + 4.0, 2, (a, b, c))
    assert _status(progress) == "1 of 3  model 2 of 3  b q1: 0 tokens, 1 s  0:00:07 left"
    unloaded = replace(view[c], error=ErrorInfo("memory_short", "no memory"))
    assert Progress((done, running, unloaded)).seconds_left == 3.0  # c is not asked in this run
    assert Progress((done, view[b], view[c])).turn == 0


def test_a_conversation_goes_on_with_the_model_s_own_answers(on, store):
    last = run(on.batch([TALK], models="a"))[-1]
    assert [messages for _, messages, _ in on.asked][-1] == (
        Message("user", "First"),
        Message("assistant", "re First"),
        Message("user", "Second"),
        Message("assistant", "re Second"),
        Message("user", "Third"),
    )
    assert [(entry.turn, entry.prompt) for entry in read_recorded(store.path)] == [
        (1, "First"),
        (2, "First"),
        (3, "First"),
    ]
    assert last.cells[0].seconds == 6.0 and len(last.cells[0].answers) == 3
    on.asked.clear()
    run(on.batch([TALK], models="a"))
    assert not on.asked


def test_a_system_prompt_in_the_model_s_name_begins_every_conversation(on, store):
    run(on.batch([TALK], models="a", system="Be kind.", pinned={"system"}))
    assert [messages[0] for _, messages, _ in on.asked] == [Message("system", "Be kind.")] * 3
    assert {entry.prompt for entry in read_recorded(store.path)} == {"First"}


def test_a_retry_resumes_a_conversation_at_the_failed_turn(on):
    on.play["a"] = lambda messages, config: (failing if messages[-1].content == "Second" else echo)(messages, config)
    view = run(on.batch([TALK], models="a"))[-1].cells[0]
    assert view.state is CellState.FAILED and [entry.turn for entry in view.answers] == [1, 2]
    del on.play["a"]
    on.asked.clear()
    view = run(on.batch([TALK], models="a", retry_failed=True))[-1].cells[0]
    assert view.state is CellState.DONE
    assert [messages[-1].content for _, messages, _ in on.asked] == ["Second", "Third"]


def test_several_answers_at_once(on, store):
    running, most, both = [], [], threading.Barrier(2)

    def counting(messages, config):
        running.append(messages)
        try:
            both.wait(60)
            most.append(len(running))
            yield from echo(messages, config)
        finally:
            running.remove(messages)

    on.play["a"] = counting
    last = run(on.batch(models="a", at_once=2, repeats=4))[-1]
    assert last.count(CellState.DONE) == 12 and max(most) == 2
    assert read_recorded(store.path)[0].machine["at_once"] == 2


def test_an_answer_that_cannot_be_saved_ends_the_batch(on, monkeypatch, threads_return):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    batch = on.batch(at_once=2)
    with pytest.raises(InputError, match="No space left"):
        run(batch)
    assert threads_return() and batch.progress.count(CellState.DONE) == 0


def test_an_unexpected_error_is_raised_by_run(on, monkeypatch, threads_return):
    monkeypatch.setattr(on.store, "append", lambda entry: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(on.batch(at_once=2))
    assert threads_return()


def test_an_answer_that_never_comes_has_failed(on, gate, limit_seconds):
    def mute(messages, config):
        gate.wait()
        yield Chunk()

    on.play["a"] = mute
    limit_seconds(silence=0.2)
    last = run(on.batch(PROMPTS[:1], models="a"))[-1]
    assert last.cells[0].state is CellState.FAILED and last.cells[0].error.code == "silent"


@pytest.mark.parametrize("repeats", [0, -1, 101])
def test_an_invalid_number_of_repeats_is_refused(on, repeats):
    with pytest.raises(InputError) as refused:
        on.batch(repeats=repeats)
    assert refused.value.code == "batch_repeats"


# ---- the runner of a page


@pytest.fixture
def runner(place, tmp_path):
    place.store = SimpleNamespace(answers={})
    whole = place.batch()
    return BatchRunner(lambda: whole._models, PROMPTS, tmp_path / "data" / "answers.jsonl", whole._host)


def test_without_a_model_there_is_no_batch(tmp_path):
    empty = BatchRunner(lambda: (), PROMPTS, tmp_path / "answers.jsonl", None)
    with pytest.raises(InputError, match="No models are running here"):
        empty.start()
    assert not empty.state().running and not list(tmp_path.iterdir())


def test_a_page_sees_what_is_there_before_anything_runs(runner, place, eventually):
    assert states(runner.state().progress) == {"q1": "waiting", "q2": "waiting", "q3": "waiting"}
    runner.start(repeats=2, seed=3)
    assert eventually(lambda: not runner.state().running)
    assert states(runner.state(1, 3).progress) == ALL_DONE and runner.state(2, 3).progress.count(CellState.DONE) == 12
    assert runner.state(1, 0).progress.count(CellState.DONE) == 0
    assert {entry.prompt_id for entry in read_recorded(runner.path)} == set(ALL_DONE)


def test_a_page_may_ask_some_of_its_models(runner, eventually):
    chosen = {"models": ["b", "absent"]}
    assert [model.id for model in runner.state(**chosen).progress.models] == ["b"]
    runner.start(**chosen)
    assert eventually(lambda: not runner.state().running)
    assert {entry.side.model.id for entry in read_recorded(runner.path)} == {"b"}
    assert runner.state(**chosen).progress.count(CellState.DONE) == len(PROMPTS)
    assert runner.state().progress.count(CellState.WAITING) == len(PROMPTS)


def test_one_batch_at_a_time(runner, place, gate, eventually):
    def slow(messages, config):
        while not gate.wait(0.02):
            yield Chunk()
        yield from echo(messages, config)

    place.play["a"] = slow
    runner.start()
    assert runner.state().running and not runner.state().ending
    with pytest.raises(InputError) as refused:
        runner.start()
    assert refused.value.code == "batch_running"
    runner.pause()
    assert runner.state().ending
    gate.set()
    assert eventually(lambda: not runner.state().running)
    assert states(runner.state().progress) == {"q1": "done", "q2": "waiting", "q3": "waiting"}
    gate.clear()
    runner.start()
    assert eventually(lambda: runner.state().progress.running())
    runner.stop()
    assert eventually(lambda: not runner.state().running)
    assert states(runner.state().progress) == {"q1": "done", "q2": "waiting", "q3": "waiting"}


def test_a_model_rests_between_two_answers(runner, eventually):
    """Otherwise a reader's model would wait for memory until the batch is through."""
    runner._host = replace(runner._host, rest=lambda: 3600)
    runner.start()
    assert eventually(lambda: states(runner.state().progress)["q1"] == "done")
    assert states(runner.state().progress) == {"q1": "done", "q2": "waiting", "q3": "waiting"}
    runner.stop()
    assert eventually(lambda: not runner.state().running)


def test_the_reason_why_a_batch_ended_is_shown(runner, place, monkeypatch, eventually):
    with pytest.raises(InputError):
        runner.start(repeats=0)

    def full(descriptor):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        runner.start()
        assert eventually(lambda: not runner.state().running)
    assert runner.state().error.code == "answers_unwritable"
    monkeypatch.setattr(Batch, "run", lambda self: 1 / 0)
    runner.start()
    assert eventually(lambda: not runner.state().running) and runner.state().error.code == "batch_failed"
    monkeypatch.undo()
    runner.start()
    assert eventually(lambda: not runner.state().running) and runner.state().error is None
