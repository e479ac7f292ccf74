"""Runs one batch at a time in a background thread, for the page."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from arena.answers import AnswerStore, Recorded, read_recorded
from arena.batch.plan import Plan, Progress
from arena.batch.run import Batch, Host, cell_view
from arena.errors import ArenaError, InputError
from arena.prompts import Prompt
from arena.types import ErrorInfo, ModelSpec

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BatchState:
    """The progress of the batch; `ending` after a pause or stop while it still runs; `error` is why it ended."""

    progress: Progress
    running: bool = False
    ending: bool = False
    error: ErrorInfo | None = None


class BatchRunner:
    """Runs batches over the page's models and prompts into one file. Safe to call from several threads."""

    def __init__(self, models: Sequence[ModelSpec], prompts: Sequence[Prompt], path: Path, host: Host) -> None:
        self.path = path
        self._models = tuple(models)
        self._prompts = tuple(prompts)
        self._host = host
        # Protects all below: several people may start, pause and stop.
        self._lock = threading.Lock()
        self._batch: Batch | None = None
        self._ending = False
        self._error: ErrorInfo | None = None

    def start(self, repeats: int = 1, seed: int = 0, retry_failed: bool = False) -> None:
        """Starts a batch. Raises InputError if one is running, here or in another process, and for invalid numbers."""
        with self._lock:
            if self._batch is not None:
                raise InputError("batch_running", "A batch is already running. Pause or stop it first.")
            plan = Plan(self._models, self._prompts, repeats, seed)
            plan.cells()  # raises before the file is created
            store = AnswerStore(self.path)
            self._batch = Batch(plan, store, self._host, retry_failed=retry_failed)
            self._ending, self._error = False, None
            threading.Thread(target=self._run, args=(self._batch, store), name="batch", daemon=True).start()

    def pause(self) -> None:
        """Starts no more answers; the running one ends."""
        with self._lock:
            if self._batch:
                self._ending = True
                self._batch.pause()

    def stop(self) -> None:
        """Ends at once and drops the running answer."""
        with self._lock:
            if self._batch:
                self._ending = True
                self._batch.stop()

    def state(self, repeats: int = 1, seed: int = 0) -> BatchState:
        """The running batch, or else what the file has of a batch with these numbers.

        Raises InputError for invalid numbers and for a malformed file.
        """
        with self._lock:
            if self._batch:
                return BatchState(self._batch.progress, running=True, ending=self._ending)
            error = self._error
        known = {entry.key: entry for entry in self._answers() if entry.key}
        cells = Plan(self._models, self._prompts, repeats, seed).cells()
        return BatchState(Progress(tuple(cell_view(cell, known) for cell in cells)), error=error)

    def _answers(self) -> tuple[Recorded, ...]:
        has_content = self.path.is_file() and self.path.stat().st_size > 0
        return read_recorded(self.path) if has_content else ()

    def _run(self, batch: Batch, store: AnswerStore) -> None:
        error: ErrorInfo | None = None
        try:
            with store:
                for _ in batch.run():
                    pass
            error = batch.progress.blocked
        except ArenaError as problem:
            error = ErrorInfo(problem.code, str(problem), problem.details)
        except Exception as problem:  # otherwise the page would show it as running for ever
            log.exception("The batch failed")
            error = ErrorInfo("batch_failed", f"The batch failed: {problem}", {"reason": str(problem)})
        with self._lock:
            self._batch, self._error = None, error
