"""How often somebody may try. Addresses are held for a minute, in memory alone. Knows no page and no vote."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arena.errors import InputError, VoteRefused

if TYPE_CHECKING:
    from limits import RateLimitItem

# Votes in a minute. A judgement takes ten seconds; a class shares one address, and so may a school or an office.
RATER_VOTES = 30
ADDRESS_VOTES = 300
ADDRESS_VOTES_IN_A_ROOM = 2400
# Prompts in a minute from one address, where models answer.
ADDRESS_PROMPTS = 120
# Tries in a minute from one address of what could be guessed: the admin's token, a code that takes votes back.
TRIES = 10


class RateLimits:
    """Counts what came within the last minute. Safe to call from several threads."""

    def __init__(self) -> None:
        from limits import RateLimitItemPerMinute
        from limits.storage import MemoryStorage
        from limits.strategies import MovingWindowRateLimiter

        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._rater = RateLimitItemPerMinute(RATER_VOTES)
        self._address = RateLimitItemPerMinute(ADDRESS_VOTES)
        self._room_address = RateLimitItemPerMinute(ADDRESS_VOTES_IN_A_ROOM)
        self._tries = RateLimitItemPerMinute(TRIES)
        self._prompts = RateLimitItemPerMinute(ADDRESS_PROMPTS)

    def count_vote(self, judge: str, address: str, in_room: bool) -> None:
        """One more vote is tried. Raises VoteRefused if the rater or the address ("" is none) had too many."""
        place = self._room_address if in_room else self._address
        if not self._hit(self._rater, "rater", judge) or not self._hit(place, "address", address):
            raise VoteRefused("vote_rate", "Too many votes in a minute: wait a moment.")

    def count_rater(self, address: str, in_room: bool) -> None:
        """One more rater begins, as many as could vote. Raises VoteRefused if too many did from the address."""
        if not self._hit(self._room_address if in_room else self._address, "raters", address):
            raise VoteRefused("rater_rate", "Too many people begin from here in a minute: wait a moment.")

    def count_prompt(self, address: str) -> None:
        """One more prompt is sent. Raises InputError if the address had too many."""
        if not self._hit(self._prompts, "prompts", address):
            raise InputError("prompt_rate", "Too many prompts in a minute: wait a moment.")

    def count_try(self, address: str) -> None:
        """One more secret is tried. Raises InputError if the address had too many."""
        if not self._hit(self._tries, "tries", address):
            raise InputError("too_many_tries", "Too many tries: wait a minute.")

    def _hit(self, limit: RateLimitItem, kind: str, who: str) -> bool:
        return not who or self._limiter.hit(limit, kind, who)
