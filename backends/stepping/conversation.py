"""One answer under way, as its stream and the computing thread share it. Knows no model and no text."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from arena.types import GenerationConfig

ENDED = object()


class ComputingThread(threading.Thread):
    """The thread that lets go of conversations; it alone must not wait for that."""


class Conversation:
    """What is to be answered and how, and the events that come of it.

    Events are ("kept", prompt tokens that need not be read again), ("read", prompt tokens so far, those included),
    ("token", id), and in the end ENDED or an exception. `left` is set when the engine has let go of it.
    """

    def __init__(self, ids: Sequence[int], config: GenerationConfig) -> None:
        self.ids = tuple(ids)
        self.config = config
        self.events: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.cancelled = threading.Event()
        self.left = threading.Event()

    def close(self) -> None:
        """Stop it, and wait until the engine has let go: one token or one piece later."""
        self.cancelled.set()
        # Python may collect a forgotten stream, and so close it, in any thread.
        if not isinstance(threading.current_thread(), ComputingThread):
            self.left.wait()

    def until_the_end(self) -> Iterator[tuple[str, int]]:
        """The events as they come. Raises the exception if there is one; closing the iterator stops all."""
        try:
            while (event := self.events.get()) is not ENDED:
                if isinstance(event, Exception):
                    raise event
                yield event
        finally:
            # An error refers to the frame that raised it: no circle.
            event = None
            self.close()
