"""A fair queue for the places that an engine has. Knows nothing of engines or models."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from statistics import fmean

from arena.types import Chunk

SIGN_OF_LIFE_SECONDS = 0.25
_STAYS = 16


class Slots:
    """`count` places; who comes first is served first and sees their place in the queue meanwhile.

    With an `amount` to share, a place is had only when what its ticket asks for is left as well. Who asks for more than
    there is gets all of it, alone. Nobody passes one who waits for much.
    """

    def __init__(self, count: int, amount: int = 0) -> None:
        self._free = count
        self.amount = self._left = amount
        self._count = count
        self._waiting: deque[Ticket] = deque()
        # Seconds for which the last tickets held their places.
        self._stays: deque[float] = deque(maxlen=_STAYS)
        # Protects all of the above that changes, and wakes those who wait when it does.
        self._changed = threading.Condition()

    @contextmanager
    def ticket(self, amount: int = 0) -> Iterator[Ticket]:
        """A ticket for one place and so much; leaving the block gives them back, or leaves the queue."""
        ticket = Ticket(self, min(amount, self.amount))
        with self._changed:
            self._waiting.append(ticket)
        try:
            yield ticket
        finally:
            self._return(ticket)

    def _take(self, ticket: Ticket, timeout: float) -> Chunk | None:
        """Waits up to `timeout` seconds; None once the ticket holds a place, else its place in the queue from 1, and
        the seconds until its turn, at the pace of late."""
        with self._changed:
            if not self._at_front(ticket):
                self._changed.wait_for(lambda: self._at_front(ticket), timeout)
            if not self._at_front(ticket):
                place = self._waiting.index(ticket) + 1
                seconds = place * fmean(self._stays) / self._count if self._stays else 0
                return Chunk(stage="queued", done=place, total=ceil(seconds))
            self._waiting.popleft()
            self._free -= 1
            self._left -= ticket.amount
            ticket.held, ticket.since = True, time.monotonic()
            self._changed.notify_all()
            return None

    def _at_front(self, ticket: Ticket) -> bool:
        return self._free > 0 and self._waiting[0] is ticket and ticket.amount <= self._left

    def _return(self, ticket: Ticket) -> None:
        with self._changed:
            if ticket.held:
                self._free += 1
                self._left += ticket.amount
                self._stays.append(time.monotonic() - ticket.since)
                ticket.held = False
            else:
                self._waiting.remove(ticket)
            self._changed.notify_all()


class Ticket:
    """One request for a place and for `amount` of what is shared."""

    def __init__(self, slots: Slots, amount: int) -> None:
        self.held = False
        self.since = 0.0
        self.amount = amount
        self._slots = slots

    def wait(self) -> Iterator[Chunk]:
        """Yields a `queued` chunk every quarter second until the ticket holds a place."""
        while chunk := self._slots._take(self, SIGN_OF_LIFE_SECONDS):
            yield chunk
