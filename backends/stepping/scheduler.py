"""One thread in which all models of the process compute, a step at a time in turn. Knows nothing of models.

One thread is one pool of cores: two that compute at once would wait for each other, and one of two panes for the other.
"""

from __future__ import annotations

import atexit
import logging
import threading
import weakref
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import Any, Protocol, TypeVar

from backends.machine.memory import cpu_count
from backends.stepping.conversation import ComputingThread

T = TypeVar("T")
log = logging.getLogger(__name__)
# With nothing to do for so long the thread ends; the next step begins another.
IDLE_SECONDS = 1.0
# How long the end of the process waits for a step that is under way: a piece of a prompt takes some seconds.
EXIT_SECONDS = 20.0


class Steps(Protocol):
    """What takes part: something that computes in steps."""

    def step(self) -> bool:
        """One step, if there is work; whether there was."""
        ...

    def fail(self, error: Exception) -> None:
        """A step has raised `error`."""
        ...


class Scheduler:
    """Lets every member make one step in turn, in one thread, as long as any has work. Holds none of them alive."""

    def __init__(self, cores: int | None = None) -> None:
        self._cores = cores
        self._members: list[weakref.ref[Steps]] = []
        self._jobs: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._woken = False
        self._closing = False
        self._thread: threading.Thread | None = None
        # Protects all of the above, and wakes the thread.
        self._changed = threading.Condition()
        # A thread that the interpreter ends inside of PyTorch takes the whole process down with an abort.
        atexit.register(_close, weakref.ref(self))

    def add(self, member: Steps) -> None:
        """Let `member` take part until it is gone."""
        with self._changed:
            self._members.append(weakref.ref(member))

    def wake(self) -> None:
        """Say that there is work again."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()
            if self._thread is None and not self._closing:
                self._thread = ComputingThread(target=self._run, name="scheduler", daemon=True)
                self._thread.start()

    def run(self, function: Callable[[], T]) -> T:
        """What `function` returns or raises, computed in the thread between two steps. CancelledError once closed."""
        if threading.current_thread() is self._thread:
            return function()
        future: Future[T] = Future()
        with self._changed:
            if self._closing:
                raise CancelledError
            self._jobs.append((function, future))
        self.wake()
        try:
            return future.result()
        finally:
            # An error refers to this frame: no circle.
            del future

    def close(self) -> None:
        """End the thread after the round that is under way, begin no other, and tell all that still wait."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            thread = self._thread
        if thread and thread is not threading.current_thread():
            thread.join(EXIT_SECONDS)
            if thread.is_alive():
                # What it has, it still works on.
                return
        while self._jobs:
            self._jobs.popleft()[1].cancel()
        for reference in self._present():
            if member := reference():
                member.fail(RuntimeError("the process ends"))

    def _run(self) -> None:
        try:
            self._rounds()
        finally:
            with self._changed:
                # Also where something has thrown it out, so that the next who asks begins another.
                if self._thread is threading.current_thread():
                    self._thread = None

    def _rounds(self) -> None:
        import torch

        # Also sets what threads that begin later would use.
        torch.set_num_threads(self._cores or cpu_count())
        while self._has_work():
            while self._jobs:
                _do(*self._jobs.popleft())
            # All of them, also after one that had work: each gets its step in every round.
            if any([_step(member) for member in self._present()]):
                self.wake()

    def _has_work(self) -> bool:
        """Waits for work; False if there is none and the thread ends."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._woken or self._closing, IDLE_SECONDS) or self._closing:
                self._thread = None
                return False
            self._woken = False
            return True

    def _present(self) -> list[weakref.ref[Steps]]:
        with self._changed:
            self._members = [member for member in self._members if member() is not None]
            return list(self._members)


def _close(reference: weakref.ref[Scheduler]) -> None:
    scheduler = reference()
    if scheduler:
        scheduler.close()


def _do(function: Callable[[], T], future: Future[T]) -> None:
    try:
        future.set_result(function())
    except BaseException as error:  # noqa: BLE001 (raised again where it was asked for)
        future.set_exception(error)
    finally:
        # An error refers to this frame: no circle.
        del future


def _step(reference: weakref.ref[Steps]) -> bool:
    """A function of its own, so that nothing holds the member between two steps."""
    member = reference()
    if member is None:
        return False
    try:
        return member.step()
    except Exception as error:
        log.exception("A step failed")
        member.fail(error)
        # Nothing of it goes on; a new conversation wakes the thread.
        return False
