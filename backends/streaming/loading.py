"""Loads a model in the background, and what the backends that do so share."""

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Generic, Protocol, TypeVar

from arena.backend import LoadState
from arena.errors import BackendError, ErrorInfo, info_of
from arena.generation_config import GenerationConfig
from arena.types import Chunk, Message, ModelSpec
from backends.streaming.context import LEAST_NEW_TOKENS, Fitted, fit_context, split_turns, wanted_tokens, within
from backends.streaming.generation import KEEP_ALIVE_SECONDS, Slots

T = TypeVar("T")
log = logging.getLogger(__name__)


class BackgroundLoad(Generic[T]):
    """Runs `opener` once in a thread. After a failure the next `start` or `wait` tries again.

    The thread ends with it: a thread that lives on would keep OpenMP threads, which slow those that compute answers.
    """

    def __init__(self, opener: Callable[[], T]) -> None:
        self._opener = opener
        self._value: T | None = None
        self._error: ErrorInfo | None = None
        self._began = 0.0
        self._thread: threading.Thread | None = None
        self._users = 0
        self._used_at = 0.0
        # Protects all of the above but the opener: start, wait and state are called from several threads.
        self._lock = threading.Lock()

    def start(self) -> None:
        """Begins loading, unless it has begun or is done; what is loaded counts as used now."""
        with self._lock:
            self._used_at = time.monotonic()
            if self._value is not None or self._thread:
                return
            self._error = None
            self._began = time.monotonic()
            self._thread = threading.Thread(target=self._run, name="load-model", daemon=True)
            self._thread.start()

    def wait(self) -> Generator[Chunk, None, T]:
        """Yields `loading` chunks until the value is loaded, and returns it. Raises BackendError when loading fails."""
        self.start()
        # Not unloaded again before the caller has it.
        with self.in_use():
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
    def value(self) -> T | None:
        """What was loaded; None before."""
        return self._value

    @property
    def state(self) -> LoadState:
        """Whether the value is loaded, or for how many seconds it has been loading, or the last error."""
        with self._lock:
            seconds = time.monotonic() - self._began if self._thread else 0.0
            return LoadState(ready=self._value is not None, error=self._error, seconds=seconds)

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """While this is open, `unload` does nothing."""
        with self._lock:
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                self._used_at = time.monotonic()

    @property
    def idle_since(self) -> float | None:
        """When the loaded value was used last (time.monotonic); None while it is in use or not loaded."""
        with self._lock:
            return None if self._users or self._value is None else self._used_at

    @property
    def loading(self) -> bool:
        """Whether a thread loads the value."""
        return self._thread is not None

    def fail(self, error: ErrorInfo) -> None:
        """Releases the value for an error that it shows in use; it is opened anew when it is wanted."""
        with self._lock:
            self._value, self._error = None, error

    def unload(self) -> None:
        """Releases the value unless it is in use; it is loaded again when it is wanted."""
        with self._lock:
            if not self._users:
                self._value = None

    def close(self) -> None:
        """Releases the value, also one that is still being loaded."""
        with self._lock:
            self._value = None
            self._thread = None

    def _run(self) -> None:
        value: T | None = None
        error: ErrorInfo | None = None
        try:
            value = self._opener()
        except Exception as failure:  # noqa: BLE001 - any exception must end the loading
            error = info_of(failure, "load_failed", "The model cannot be loaded")
            log.error("%s", error.message)
        with self._lock:
            # Discarded if it was closed meanwhile.
            if self._thread is threading.current_thread():
                self._value, self._error, self._thread = value, error, None
                self._used_at = time.monotonic()


class LoadingBackend(Generic[T]):
    """The loading part of a Backend; `engine` may be shared with others."""

    can_continue = True

    def __init__(self, spec: ModelSpec, engine: BackgroundLoad[T]) -> None:
        self.spec = spec
        self._load = engine

    @property
    def load_state(self) -> LoadState:
        """Whether the model is loaded."""
        return self._load.state

    def load(self) -> None:
        """Starts loading in the background."""
        self._load.start()

    def close(self) -> None:
        """Releases the engine; its memory is freed when no stream uses it any more."""
        self._load.close()


class Engine(Protocol):
    """What computes answers."""

    @property
    def slots(self) -> Slots:
        """The places for answers at the same time."""


E = TypeVar("E", bound=Engine)


class LocalBackend(LoadingBackend[E], ABC):
    """A backend that computes here: it counts tokens, and so fits a conversation into the context before it is sent.

    `counted` passes on the chunks of an answer, the last one with the energy that it took.
    """

    def __init__(
        self,
        spec: ModelSpec,
        engine: BackgroundLoad[E],
        counted: Callable[[Generator[Chunk]], Iterator[Chunk]] = iter,
    ) -> None:
        super().__init__(spec, engine)
        self._counted = counted

    @abstractmethod
    def _count_tokens(self, engine: E, thinks: bool | None, messages: Sequence[Message]) -> int:
        """The length of the conversation in tokens, as the engine reads it."""

    @abstractmethod
    def _answer(self, engine: E, fitted: Fitted, config: GenerationConfig) -> Generator[Chunk]:
        """One answer, or the rest of one."""

    def _recent(self, engine: E, messages: Sequence[Message]) -> Sequence[Message]:
        """The messages that may be sent; a family may have a window of its own."""
        return messages

    def _amount(self, engine: E, tokens: int) -> int:
        """What a conversation of this many tokens takes of that which the slots share."""
        return 0

    def check(self, messages: Sequence[Message]) -> None:
        """Raises InputError if the last turn is too long. Passes while the model is not loaded."""
        if (engine := self._load.value) is not None:
            system, turns = split_turns(messages)
            count = partial(self._count_tokens, engine, self.spec.config().thinks)
            fit_context((*system, *turns[-1]), count, self.spec, LEAST_NEW_TOKENS)

    def stream(self, messages: Sequence[Message], config: GenerationConfig) -> Iterator[Chunk]:
        """Answers the conversation; see Backend.stream. Usage counts from when the engine takes the prompt."""
        with self._load.in_use():
            engine = yield from self._load.wait()
            recent = self._recent(engine, messages)
            count = partial(self._count_tokens, engine, config.thinks)
            fitted = fit_context(recent, count, self.spec, wanted_tokens(config))
            questions, kept = (sum(message.role == "user" for message in each) for each in (messages, recent))
            if dropped := fitted.dropped_turns + questions - kept:
                yield Chunk(dropped_turns=dropped)
            amount = self._amount(engine, fitted.prompt_tokens + fitted.max_new_tokens)
            with engine.slots.ticket(amount) as waiting:
                yield from waiting
                yield from self._counted(self._answer(engine, fitted, within(config, fitted.max_new_tokens)))
