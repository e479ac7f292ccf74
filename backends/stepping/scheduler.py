"""One thread in which all models of the process compute, a step at a time, and the answers in progress.

One thread is one pool of cores: two pools would compete for the cores, and one of two panes would wait for the other.
"""

import atexit
import logging
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Protocol

from arena.generation_config import GenerationConfig
from backends.machine.memory import cpu_count
from backends.streaming.generation import Events

log = logging.getLogger(__name__)
# The thread ends after this long without work; the next request starts another.
IDLE_SECONDS = 1.0
# How long the exit of the process waits for a running step: a prefill chunk takes some seconds.
EXIT_SECONDS = 20.0


class ComputingThread(threading.Thread):
    """The thread that ends conversations; it alone must not wait for their end."""


class Conversation:
    """An answer in progress, shared by its stream and the computing thread.

    Events are ("kept", prompt tokens that need not be read again), ("read", prompt tokens so far, those included) and
    ("token", id). `left` is set when the engine has released the conversation. A chunk ends after the first `steady`
    ids, where the states are kept for the next turn.
    """

    def __init__(self, ids: Sequence[int], config: GenerationConfig, steady: int = 0) -> None:
        self.ids = tuple(ids)
        self.config = config
        self.steady = steady
        self.events: Events[tuple[str, int]] = Events()
        self.cancelled = threading.Event()
        self.left = threading.Event()

    def end(self, error: Exception | None = None) -> None:
        """Ends the events, with `error` if there is one; called by the engine."""
        self.left.set()
        self.events.end(error)

    def close(self) -> None:
        """Stops it, and waits until the engine has released it: a token or a prefill chunk later."""
        self.cancelled.set()
        # The garbage collector may close a forgotten stream in any thread.
        if not isinstance(threading.current_thread(), ComputingThread):
            self.left.wait()

    def until_the_end(self) -> Iterator[tuple[str, int]]:
        """The events as they come. Raises the exception if there is one; closing the iterator stops the answer."""
        with closing(self):
            yield from (event for event in self.events if event is not None)


class Steps(Protocol):
    """A member of the scheduler: something that computes in steps."""

    def step(self) -> bool:
        """Does one step if there is work; returns whether there was."""

    def fail(self, error: Exception) -> None:
        """A step has raised `error`."""


class Scheduler:
    """Lets every member do one step in turn, in one thread, as long as any has work. Holds weak references to them."""

    def __init__(self, cores: int | None = None) -> None:
        self._cores = cores
        self._members: weakref.WeakKeyDictionary[Steps, None] = weakref.WeakKeyDictionary()
        self._woken = False
        self._closing = False
        self._thread: threading.Thread | None = None
        # Protects the three fields above, and wakes the thread.
        self._changed = threading.Condition()
        # If the interpreter ended the thread inside PyTorch, the process would abort.
        atexit.register(_close, weakref.ref(self))

    def add(self, member: Steps) -> None:
        """Adds a member, which takes part until it is garbage-collected."""
        self._members[member] = None

    def wake(self) -> None:
        """Announces new work."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()
            if self._thread is None and not self._closing:
                self._thread = ComputingThread(target=self._run, name="scheduler", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Ends the thread after the current round, and all answers."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            thread = self._thread
        if thread and thread is not threading.current_thread():
            thread.join(EXIT_SECONDS)
            if thread.is_alive():
                # Its step still uses the members.
                return
        for member in list(self._members):
            member.fail(RuntimeError("the process ends"))

    def _run(self) -> None:
        try:
            import torch

            # Also the default for threads that start later.
            torch.set_num_threads(self._cores or cpu_count())
            while self._has_work():
                # A list, not a generator: every member gets its step in every round.
                if any([_step(member) for member in self._members.keyrefs()]):
                    self.wake()
        finally:
            with self._changed:
                # Also after an exception, so that the next request starts another thread.
                if self._thread is threading.current_thread():
                    self._thread = None

    def _has_work(self) -> bool:
        """Waits for work; False if there is none and the thread ends."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._woken or self._closing, IDLE_SECONDS) or self._closing:
                self._thread = None
                return False
            self._woken = False
            return True


def _close(reference: weakref.ref[Scheduler]) -> None:
    scheduler = reference()
    if scheduler:
        scheduler.close()


def _step(reference: weakref.ref[Steps]) -> bool:
    """A function of its own, so that no variable holds the member between two steps."""
    member = reference()
    if member is None:
        return False
    try:
        return member.step()
    except Exception as error:
        log.exception("A step failed")
        member.fail(error)
        # Its conversations have ended; a new one wakes the thread.
        return False
