"""Runs a batch: asks every cell that has no answer yet, one model after the other, and saves each answer at once."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any

from arena.answers import AnswerStore, Recorded, answer_key
from arena.batch.plan import Answers, Cell, CellState, CellView, Plan, Progress, answers_of
from arena.battle import TICK_SECONDS, BattleRun, Limits, new_battle_id
from arena.errors import ArenaError
from arena.types import Answer, Backend, Battle, ErrorInfo, ModelSpec, Side, SideName

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Host:
    """The machine that runs a batch.

    `open` opens a model's backend, `machine` describes the machine for the record, and `memory` returns the bytes that
    this process occupies (None if unknown).
    """

    open: Callable[[ModelSpec], AbstractContextManager[Backend]]
    machine: Mapping[str, Any] = field(default_factory=dict)
    memory: Callable[[], int | None] = lambda: None


class Batch:
    """One run over a plan. `pause` and `stop` may be called from other threads.

    `at_once` answers run at the same time: each takes longer, all together take less.
    """

    def __init__(
        self,
        plan: Plan,
        store: AnswerStore,
        host: Host,
        at_once: int = 1,
        retry_failed: bool = False,
        limits: Limits | None = None,
    ) -> None:
        self._models = tuple(plan.models)
        self._store = store
        self._host = host
        self._limits = limits
        self._at_once = at_once
        self._paused = threading.Event()
        self._stopped = threading.Event()
        # Protects _views: cells are answered by threads of their own.
        self._lock = threading.Lock()
        self._views = {cell.id: cell_view(cell, store) for cell in plan.cells()}
        if retry_failed:
            for name, view in self._views.items():
                if view.state is CellState.FAILED:
                    self._views[name] = replace(view, state=CellState.WAITING, answers=view.good_answers, error=None)

    @property
    def progress(self) -> Progress:
        """The state of every cell."""
        with self._lock:
            return Progress(tuple(self._views.values()), self._at_once)

    def pause(self) -> None:
        """Starts no more cells; `run` ends once the running ones have ended."""
        self._paused.set()

    def stop(self) -> None:
        """Ends at once. Running answers are dropped, and asked for again in the next run."""
        self._paused.set()
        self._stopped.set()

    def run(self) -> Iterator[Progress]:
        """Asks every waiting cell. Yields ten times a second, and at the end.

        If a model cannot be loaded, its cells wait with the error, and the next model follows. Raises InputError if an
        answer cannot be saved. Closing the iterator stops the batch.
        """
        for model in self._models:
            views = (view for view in self.progress.cells if view.state is CellState.WAITING)
            waiting = [view.cell for view in views if view.cell.model == model]
            if waiting and not self._paused.is_set():
                with self._host.open(model) as backend:
                    yield from self._ask_all(backend, waiting)
        yield self.progress

    def _ask_all(self, backend: Backend, waiting: list[Cell]) -> Iterator[Progress]:
        ended: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()
        threads: list[threading.Thread] = []
        running = 0
        try:
            while running or (waiting and not self._paused.is_set()):
                while waiting and running < self._at_once and not self._paused.is_set():
                    thread = threading.Thread(target=self._ask, args=(backend, waiting.pop(0), ended), daemon=True)
                    thread.start()
                    threads.append(thread)
                    running += 1
                try:
                    error = ended.get(timeout=TICK_SECONDS)
                except queue.Empty:
                    pass
                else:
                    running -= 1
                    if error:
                        raise error
                    if backend.load_state.error:
                        waiting.clear()  # each of them would try to load the model again
                yield self.progress
        finally:
            if running:
                self.stop()
            for thread in threads:
                thread.join()

    def _ask(self, backend: Backend, cell: Cell, ended: queue.SimpleQueue[Exception | None]) -> None:
        """Asks one cell, in a thread of its own; puts the exception into `ended`, or None."""
        problem: Exception | None = None
        try:
            answers = list(self._views[cell.id].good_answers)
            while len(answers) < len(cell.prompt.turns):
                entry = self._next_answer(backend, cell, answers)
                if entry is None:
                    break
                answers.append(entry)
                if entry.failed:
                    break
            self._show(_ended(cell, answers, backend.load_state.error))
        except ArenaError as error:
            problem = error
        except Exception as error:  # `_ask_all` raises it again; here it would vanish with the thread
            log.exception("%s failed", cell.id)
            problem = error
        finally:
            ended.put(problem)

    def _next_answer(self, backend: Backend, cell: Cell, answers: list[Recorded]) -> Recorded | None:
        """The answer to the cell's next turn, saved unless the model could not be loaded; None if it was cut off."""
        messages = cell.next_messages(answers)
        answer = self._stream(backend, cell, Side(cell.model, messages, cell.config), tuple(answers))
        if answer.finish_reason in (None, "cancelled"):
            return None
        entry = Recorded(
            prompt_id=cell.prompt.id,
            prompt=cell.prompt.text,
            side=Side(cell.model, messages, cell.config, answer),
            repeat=cell.repeat,
            turn=len(answers) + 1,
            key=answer_key(cell.model, messages, cell.config, cell.repeat),
            memory=self._host.memory(),
            machine={**self._host.machine, "at_once": self._at_once},
            time=time.time(),
        )
        if not backend.load_state.error:
            self._store.append(entry)
        return entry

    def _stream(self, backend: Backend, cell: Cell, side: Side, answers: tuple[Recorded, ...]) -> Answer:
        # A battle has two sides; only a is asked.
        battle = Battle(new_battle_id(), side.messages[-1].content, side, side, cell.prompt.id, cell.prompt.dimension)
        run = BattleRun(battle, {SideName.A: backend}, self._limits)
        began = time.monotonic()
        for state in run.stream((SideName.A,)):
            if self._stopped.is_set():
                run.stop()
            answer = state.a.answer
            growing = replace(answer, usage=replace(answer.usage, seconds=time.monotonic() - began))
            self._show(CellView(cell, CellState.RUNNING, answers, growing, run.progress[SideName.A].stage))
        return run.battle.a.answer

    def _show(self, view: CellView) -> None:
        with self._lock:
            self._views[view.cell.id] = view


def cell_view(cell: Cell, store: Answers) -> CellView:
    """A cell with what the store has of it."""
    return _view(cell, answers_of(cell, store))


def _view(cell: Cell, answers: Sequence[Recorded]) -> CellView:
    """A cell that is not running."""
    if answers and answers[-1].failed:
        return CellView(cell, CellState.FAILED, tuple(answers), error=answers[-1].side.answer.error)
    is_done = len(answers) == len(cell.prompt.turns)
    return CellView(cell, CellState.DONE if is_done else CellState.WAITING, tuple(answers))


def _ended(cell: Cell, answers: Sequence[Recorded], load_error: ErrorInfo | None) -> CellView:
    """A cell after it ran; if its model could not be loaded, it waits for the next run."""
    view = _view(cell, answers)
    if load_error and view.state is CellState.FAILED:
        return replace(view, state=CellState.WAITING, answers=view.good_answers, error=load_error)
    return view
