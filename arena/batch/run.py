"""Asks what of a plan is not there yet, one model after the other, and keeps each answer the moment it ends."""

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
from arena.batch.plan import Answers, Cell, Plan, answers_of, next_messages
from arena.batch.progress import CellState, CellView, Progress
from arena.battle import BattleRun, new_battle_id
from arena.errors import ArenaError
from arena.types import Answer, Backend, Battle, ErrorInfo, ModelSpec, Side, SideName
from arena.worker import Limits

log = logging.getLogger(__name__)
TICK_SECONDS = 0.1


@dataclass(frozen=True)
class Host:
    """What a batch needs of where it runs: a model's backend while it is wanted, what the machine is, and the bytes of
    memory that this process has now (None if unknown)."""

    open: Callable[[ModelSpec], AbstractContextManager[Backend]]
    machine: Mapping[str, Any] = field(default_factory=dict)
    memory: Callable[[], int | None] = lambda: None


class Batch:
    """One run over a plan; another run needs another Batch. `pause` and `stop` may come from other threads.

    `at_once` answers are made at the same time: what each of them takes is then longer, and all of them less.
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
                    self._views[name] = replace(view, state=CellState.WAITING, answers=_good(view), error=None)

    @property
    def progress(self) -> Progress:
        """As it is now."""
        with self._lock:
            return Progress(tuple(self._views.values()), self._at_once)

    def pause(self) -> None:
        """Begin no other cell: `run` ends once those that are being answered are."""
        self._paused.set()

    def stop(self) -> None:
        """End at once: the answers that are being made are thrown away, and asked for again the next time."""
        self._paused.set()
        self._stopped.set()

    def run(self) -> Iterator[Progress]:
        """Ask what is not there yet, and not what failed before. Yields ten times a second, and at the end.

        A model that cannot be loaded leaves its cells waiting, with the error, and the next one has its turn. Raises
        InputError if an answer cannot be kept; closing the iterator stops.
        """
        for model in self._models:
            waiting = [view.cell for view in self.progress.cells if view.cell.model == model and _waits(view)]
            if waiting and not self._paused.is_set():
                with self._host.open(model) as backend:
                    yield from self._ask_all(backend, waiting)
        yield self.progress

    def _ask_all(self, backend: Backend, waiting: list[Cell]) -> Iterator[Progress]:
        """Ask the cells of one model."""
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
                        waiting.clear()  # each of them would only try to load it again
                yield self.progress
        finally:
            if running:
                self.stop()
            for thread in threads:
                thread.join()

    def _ask(self, backend: Backend, cell: Cell, ended: queue.SimpleQueue[Exception | None]) -> None:
        """Answer one cell, in a thread of its own; what goes wrong besides the answer goes to `ended`, or None."""
        problem: Exception | None = None
        try:
            answers = list(_good(self._views[cell.id]))
            while len(answers) < len(cell.prompt.turns):
                entry = self._answered(backend, cell, answers)
                if entry is None:
                    break
                answers.append(entry)
                if entry.failed:
                    break
            self._show(_ended(cell, answers, backend.load_state.error))
        except ArenaError as error:
            problem = error
        except Exception as error:  # raised again where the batch is watched; here it would vanish with the thread
            log.exception("%s failed", cell.id)
            problem = error
        finally:
            ended.put(problem)

    def _answered(self, backend: Backend, cell: Cell, answers: list[Recorded]) -> Recorded | None:
        """The answer to the cell's next turn, kept unless its model could not be loaded; None if it was broken off."""
        messages = next_messages(cell, answers)
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
        # Side b is there because a battle has two; only a is asked.
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
    """Where a cell stands by what is kept."""
    return _view(cell, answers_of(cell, store))


def _view(cell: Cell, answers: Sequence[Recorded]) -> CellView:
    """Where a cell stands while nothing is asked of it."""
    if answers and answers[-1].failed:
        return CellView(cell, CellState.FAILED, tuple(answers), error=answers[-1].side.answer.error)
    is_done = len(answers) == len(cell.prompt.turns)
    return CellView(cell, CellState.DONE if is_done else CellState.WAITING, tuple(answers))


def _ended(cell: Cell, answers: Sequence[Recorded], load_error: ErrorInfo | None) -> CellView:
    """Where it stands after it was asked; one whose model could not be loaded waits for the next run."""
    view = _view(cell, answers)
    if load_error and view.state is CellState.FAILED:
        return replace(view, state=CellState.WAITING, answers=_good(view), error=load_error)
    return view


def _waits(view: CellView) -> bool:
    return view.state is CellState.WAITING


def _good(view: CellView) -> tuple[Recorded, ...]:
    """The answers that later turns can build on."""
    return tuple(entry for entry in view.answers if not entry.failed)
