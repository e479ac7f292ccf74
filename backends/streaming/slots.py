"""A first-in, first-out queue for the slots of an engine."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from statistics import fmean

from arena.types import Chunk
from backends.streaming.generation import KEEP_ALIVE_SECONDS

_RECENT = 16


class Slots:
    """`count` slots, given in the order of the requests.

    With an `amount` (such as bytes) to share, a ticket also waits until its part of the amount is free. A request for
    more than the whole amount gets all of it, alone. Smaller requests never overtake a larger one.
    """

    def __init__(self, count: int, amount: int = 0) -> None:
        self._free = count
        self.amount = self._free_amount = amount
        self._count = count
        self._waiting: deque[Ticket] = deque()
        # Seconds for which the last tickets held their slots.
        self._durations: deque[float] = deque(maxlen=_RECENT)
        # Protects all of the above that changes, and wakes the waiting threads when it does.
        self._changed = threading.Condition()

    @contextmanager
    def ticket(self, amount: int = 0) -> Iterator[Ticket]:
        """A ticket for one slot and `amount`; leaving the block returns them, or leaves the queue."""
        ticket = Ticket(self, min(amount, self.amount))
        with self._changed:
            self._waiting.append(ticket)
        try:
            yield ticket
        finally:
            with self._changed:
                if ticket.since is None:
                    self._waiting.remove(ticket)
                else:
                    self._free += 1
                    self._free_amount += ticket.amount
                    self._durations.append(time.monotonic() - ticket.since)
                self._changed.notify_all()

    def _take(self, ticket: Ticket) -> Chunk | None:
        """Waits for a moment; None once the ticket holds a slot, else its place in the queue and the expected time."""
        with self._changed:
            self._changed.wait_for(lambda: self._at_front(ticket), KEEP_ALIVE_SECONDS)
            if not self._at_front(ticket):
                place = self._waiting.index(ticket) + 1
                seconds = place * fmean(self._durations) / self._count if self._durations else 0
                return Chunk(stage="queued", done=place, total=ceil(seconds))
            self._waiting.popleft()
            self._free -= 1
            self._free_amount -= ticket.amount
            ticket.since = time.monotonic()
            self._changed.notify_all()
            return None

    def _at_front(self, ticket: Ticket) -> bool:
        return self._free > 0 and self._waiting[0] is ticket and ticket.amount <= self._free_amount


@dataclass(eq=False)
class Ticket:
    """A request for a slot and for `amount` of what is shared; `since` is when it got them."""

    slots: Slots
    amount: int
    since: float | None = None

    def wait(self) -> Iterator[Chunk]:
        """Yields a `queued` chunk every KEEP_ALIVE_SECONDS until the ticket holds a slot."""
        while chunk := self.slots._take(self):
            yield chunk
