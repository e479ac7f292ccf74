"""Loads a model in the background."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator
from typing import Generic, TypeVar

from arena.errors import ArenaError, BackendError
from arena.types import Chunk, ErrorInfo, LoadState, ModelSpec
from backends.streaming.generation import KEEP_ALIVE_SECONDS

T = TypeVar("T")
log = logging.getLogger(__name__)


class BackgroundLoad(Generic[T]):
    """Runs `opener` once in a thread. After a failure the next `start` or `wait` tries again."""

    def __init__(self, opener: Callable[[], T]) -> None:
        self._opener = opener
        self._value: T | None = None
        self._error: ErrorInfo | None = None
        self._began = 0.0
        self._thread: threading.Thread | None = None
        # Protects all of the above but the opener: start, wait and state are called from several threads.
        self._lock = threading.Lock()

    def start(self) -> None:
        """Begins loading, unless it has begun or is done."""
        with self._lock:
            if self._value is not None or self._thread:
                return
            self._error = None
            self._began = time.monotonic()
            self._thread = threading.Thread(target=self._run, name="load-model", daemon=True)
            self._thread.start()

    def wait(self) -> Generator[Chunk, None, T]:
        """Yields `loading` chunks (`done` is seconds so far) until the value is loaded, and returns it.

        Raises BackendError when loading fails.
        """
        self.start()
        while True:
            with self._lock:
                value, error, thread, began = self._value, self._error, self._thread, self._began
            if value is not None:
                return value
            if error:
                raise BackendError(error.code, error.message, **error.details)
            if thread is None:
                raise BackendError("load_failed", "The model was closed while it was loading.", reason="closed")
            yield Chunk(stage="loading", done=int(time.monotonic() - began))
            thread.join(KEEP_ALIVE_SECONDS)

    @property
    def state(self) -> LoadState:
        """The current state of loading."""
        with self._lock:
            seconds = time.monotonic() - self._began if self._thread else 0.0
            return LoadState(ready=self._value is not None, error=self._error, seconds=seconds)

    def close(self) -> None:
        """Releases the value, also one that is still being loaded."""
        with self._lock:
            self._value = None
            self._thread = None

    def _run(self) -> None:
        try:
            value = self._opener()
        except ArenaError as error:
            self._end(error=ErrorInfo(error.code, str(error), error.details))
        except Exception as error:
            log.exception("Loading failed")
            message = f"The model cannot be loaded: {error}"
            self._end(error=ErrorInfo("load_failed", message, {"reason": str(error)}))
        else:
            self._end(value)

    def _end(self, value: T | None = None, error: ErrorInfo | None = None) -> None:
        if error:
            log.error("%s", error.message)
        with self._lock:
            # Discarded if it was closed meanwhile.
            if self._thread is threading.current_thread():
                self._value, self._error, self._thread = value, error, None


class LoadingBackend(Generic[T]):
    """The loading part of a Backend; `engine` may be shared with others."""

    def __init__(self, spec: ModelSpec, engine: BackgroundLoad[T]) -> None:
        self.spec = spec
        self._load = engine

    @property
    def load_state(self) -> LoadState:
        """See Backend.load_state."""
        return self._load.state

    def load(self) -> None:
        """See Backend.load."""
        self._load.start()

    def close(self) -> None:
        """Releases the engine; its memory is freed when no stream uses it any more."""
        self._load.close()
