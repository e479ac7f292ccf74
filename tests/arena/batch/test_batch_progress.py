"""How far a batch is: the time left, and what holds it up."""

from dataclasses import replace
from types import SimpleNamespace

from arena.batch.plan import CellState, CellView, Progress
from arena.errors import ErrorInfo
from arena.recorded import Recorded
from arena.types import Answer, ModelSpec, Usage


def views(model, *seconds, state=CellState.DONE):
    spec = ModelSpec(model, model, "", "", "", "")
    cell = SimpleNamespace(model=spec)
    for took in seconds:
        entry = SimpleNamespace(side=SimpleNamespace(answer=Answer(usage=Usage(seconds=took))))
        yield CellView(cell, state, (entry,) if state is CellState.DONE else (), Answer(usage=Usage(seconds=took)))


def test_the_time_left_is_known_from_the_cells_that_are_done():
    waiting = CellState.WAITING
    done, rest = list(views("a", 10.0, 20.0)), [replace(view, growing=None) for view in views("a", 0, 0, state=waiting)]
    assert Progress(tuple(rest)).seconds_left is None
    assert Progress((*done, *rest)).seconds_left == 30
    assert Progress((*done, *rest), at_once=2).seconds_left == 15
    running = list(views("a", 12.0, 99.0, state=CellState.RUNNING))
    assert Progress((*done, *running)).seconds_left == 3.0  # 15 - 12, and one that takes longer already
    others = [replace(view, growing=None) for view in views("b", 0, state=waiting)]
    assert Progress((*done, *others)).seconds_left == 15  # the other model stands in
    assert Progress((*done, *views("b", 100.0), *others)).seconds_left == 100
    assert Progress((*done, *views("b", 1.0, state=CellState.FAILED))).seconds_left == 0


def test_an_entry_knows_whether_it_failed():
    assert Recorded("q", "p", SimpleNamespace(answer=Answer(finish_reason="error"))).failed


def test_what_blocks_a_conversation_in_its_middle_is_known_too():
    """Its first answer is there from an earlier run."""
    first = SimpleNamespace(side=SimpleNamespace(answer=Answer("re First", finish_reason="stop")))
    error = ErrorInfo("load_failed", "disk on fire")
    cell = CellView(SimpleNamespace(), CellState.WAITING, (first,), error=error)
    assert Progress((cell,)).blocked == error
