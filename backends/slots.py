"""A fair queue for the places that an engine has. Knows nothing of engines or models."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from arena.types import Chunk

SIGN_OF_LIFE_SECONDS = 0.25


class Slots:
    """`count` places; who comes first is served first and sees their place in the queue meanwhile.

    With an `amount` to share, a place is had only when what its ticket asks for is left as well. Who asks for more than
    there is gets all of it, alone. Nobody passes one who waits for much.
    """

    def __init__(self, count: int, amount: int = 0) -> None:
        self._free = count
        self.amount = self._left = amount
        self._waiting: deque[Ticket] = deque()
        # Protects _free, _left and _waiting, and wakes those who wait when one changes.
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

    def _take(self, ticket: Ticket, timeout: float) -> int:
        """Waits up to `timeout` seconds; 0 once the ticket holds a place, else its place in the queue from 1."""
        with self._changed:
            if not self._at_front(ticket):
                self._changed.wait_for(lambda: self._at_front(ticket), timeout)
            if not self._at_front(ticket):
                return self._waiting.index(ticket) + 1
            self._waiting.popleft()
            self._free -= 1
            self._left -= ticket.amount
            ticket.held = True
            self._changed.notify_all()
            return 0

    def _at_front(self, ticket: Ticket) -> bool:
        return self._free > 0 and self._waiting[0] is ticket and ticket.amount <= self._left

    def _return(self, ticket: Ticket) -> None:
        with self._changed:
            if ticket.held:
                self._free += 1
                self._left += ticket.amount
                ticket.held = False
            else:
                self._waiting.remove(ticket)
            self._changed.notify_all()


class Ticket:
    """One request for a place and for `amount` of what is shared."""

    def __init__(self, slots: Slots, amount: int) -> None:
        self.held = False
        self.amount = amount
        self._slots = slots

    def wait(self) -> Iterator[Chunk]:
        """Yields a `queued` chunk every quarter second until the ticket holds a place."""
        while place := self._slots._take(self, SIGN_OF_LIFE_SECONDS):
            yield Chunk(stage="queued", done=place)
