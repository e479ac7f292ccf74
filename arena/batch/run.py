"""Runs a batch: asks every cell that has no answer yet, one model after the other, and saves each answer at once."""

import queue
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from arena.answers import AnswerStore, answers_by_key
from arena.backend import Backend
from arena.batch.plan import Cell, CellState, CellView, Plan, Progress, view_of
from arena.battle import TICK_SECONDS, BattleRun, new_battle_id
from arena.errors import ErrorInfo, InputError, info_of
from arena.prompts import Prompt
from arena.recorded import Recorded, answer_key
from arena.types import Answer, Battle, ModelSpec, Side, SideName


@dataclass(frozen=True)
class Host:
    """The machine that runs a batch.

    `open` opens a model's backend, `machine` describes the machine for the record, and `memory` returns the bytes that
    this process occupies (None if unknown). `rest` returns the seconds between two answers in which the model is
    idle, so that the page's readers get its memory for another.
    """

    open: Callable[[ModelSpec], AbstractContextManager[Backend]]
    machine: Mapping[str, Any] = field(default_factory=dict)
    memory: Callable[[], int | None] = lambda: None
    rest: Callable[[], float] = lambda: 0.0


class Batch:
    """One run over a plan. `pause` and `stop` may be called from other threads.

    `at_once` answers run at the same time: each takes longer, all together take less.
    """

    def __init__(
        self, plan: Plan, store: AnswerStore, host: Host, at_once: int = 1, retry_failed: bool = False
    ) -> None:
        self._models = tuple(plan.models)
        self._store = store
        self._host = host
        self._at_once = at_once
        self._paused = threading.Event()
        self._stopped = threading.Event()
        # Protects _views: cells are answered by threads of their own.
        self._lock = threading.Lock()
        self._views = {view.cell.id: view for view in plan.views(store.answers)}
        for name, view in self._views.items():
            if retry_failed and view.state is CellState.FAILED:
                self._views[name] = view_of(view.cell, view.answers[:-1])

    @property
    def progress(self) -> Progress:
        """The state of every cell."""
        with self._lock:
            return Progress(tuple(self._views.values()), self._at_once)

    @property
    def ending(self) -> bool:
        """Whether it was paused or stopped."""
        return self._paused.is_set()

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
            while running or waiting:
                while waiting and running < self._at_once:
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
                    self._paused.wait(self._host.rest() if waiting else 0)
                if self.ending:
                    waiting.clear()
                yield self.progress
        finally:
            if running:
                self.stop()
            for thread in threads:
                thread.join()

    def _ask(self, backend: Backend, cell: Cell, ended: queue.SimpleQueue[Exception | None]) -> None:
        """Asks one cell, in a thread of its own; puts the exception into `ended`, or None."""
        try:
            answers = list(self._views[cell.id].answers)
            while len(answers) < len(cell.prompt.turns):
                entry = self._next_answer(backend, cell, answers)
                if entry is None:
                    break
                answers.append(entry)
                if entry.failed:
                    break
            self._show(view_of(cell, answers, backend.load_state.error))
        except Exception as error:  # noqa: BLE001 - `_ask_all` raises it again
            ended.put(error)
        else:
            ended.put(None)

    def _next_answer(self, backend: Backend, cell: Cell, answers: list[Recorded]) -> Recorded | None:
        """The answer to the cell's next turn, saved unless the model could not be loaded; None if it was cut off."""
        messages = cell.next_messages(answers)
        side = Side(cell.model, messages, cell.config)
        answer = self._stream(backend, cell, side, tuple(answers))
        if answer.finish_reason in (None, "cancelled"):
            return None
        entry = Recorded(
            prompt_id=cell.prompt.id,
            prompt=cell.prompt.text,
            side=replace(side, answer=answer),
            repeat=cell.repeat,
            turn=len(answers) + 1,
            key=answer_key(cell.model, messages, cell.config, cell.repeat),
            memory=self._host.memory(),
            machine={**self._host.machine, "at_once": self._at_once},
            time=time.time(),
        )
        if not (entry.failed and backend.load_state.error):
            self._store.append(entry)
        return entry

    def _stream(self, backend: Backend, cell: Cell, side: Side, answers: tuple[Recorded, ...]) -> Answer:
        # A battle has two sides; only a is asked.
        battle = Battle(new_battle_id(), side.messages[-1].content, side, side, cell.prompt.id, cell.prompt.dimension)
        run = BattleRun(battle, {SideName.A: backend})
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


# ---- in the background, for the page


@dataclass(frozen=True)
class BatchState:
    """The progress of the batch; `ending` after a pause or stop while it still runs; `error` is why it ended."""

    progress: Progress
    running: bool = False
    ending: bool = False
    error: ErrorInfo | None = None


class BatchRunner:
    """Runs batches over the page's models and prompts into one file. Safe to call from several threads.

    `models` returns the models that can be asked; of those, the ids that are passed to a method choose some, none all.
    """

    def __init__(
        self, models: Callable[[], Sequence[ModelSpec]], prompts: Sequence[Prompt], path: Path, host: Host
    ) -> None:
        self.path = path
        self.models = models
        self._prompts = prompts
        self._host = host
        # Protects all below: several people may start, pause and stop.
        self._lock = threading.Lock()
        self._batch: Batch | None = None
        self._error: ErrorInfo | None = None

    def start(self, repeats: int = 1, seed: int = 0, models: Collection[str] = (), retry_failed: bool = False) -> None:
        """Starts a batch. Raises InputError if one is running, here or in another process, and for invalid numbers."""
        with self._lock:
            if self._batch is not None:
                raise InputError("batch_running", "A batch is already running. Pause or stop it first.")
            plan = self._plan(repeats, seed, models)
            if not plan.models:
                raise InputError("no_models", "No models are running here.")
            plan.cells()  # raises before the file is created
            store = AnswerStore(self.path)
            self._batch = Batch(plan, store, self._host, retry_failed=retry_failed)
            self._error = None
            threading.Thread(target=self._run, args=(self._batch, store), name="batch", daemon=True).start()

    def pause(self) -> None:
        """Starts no more answers; the running one ends."""
        if batch := self._batch:
            batch.pause()

    def stop(self) -> None:
        """Ends at once and drops the running answer."""
        if batch := self._batch:
            batch.stop()

    def state(self, repeats: int = 1, seed: int = 0, models: Collection[str] = ()) -> BatchState:
        """The running batch, or else what the file has of a batch with these numbers and models.

        Raises InputError for invalid numbers and for a malformed file.
        """
        with self._lock:
            if self._batch:
                return BatchState(self._batch.progress, running=True, ending=self._batch.ending)
            error = self._error
        plan = self._plan(repeats, seed, models)
        return BatchState(Progress(plan.views(answers_by_key(self.path))), error=error)

    def _plan(self, repeats: int, seed: int, models: Collection[str]) -> Plan:
        chosen = tuple(model for model in self.models() if not models or model.id in models)
        return Plan(chosen, tuple(self._prompts), repeats, seed)

    def _run(self, batch: Batch, store: AnswerStore) -> None:
        try:
            with store:
                for _ in batch.run():
                    pass
            error = batch.progress.blocked
        except Exception as problem:  # noqa: BLE001 - else the page shows it as running for ever
            error = info_of(problem, "batch_failed", "The batch failed")
        with self._lock:
            self._batch, self._error = None, error
