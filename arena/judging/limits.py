"""Rate limits, and the check of the admin's token, which they protect. Addresses stay in memory, for a minute."""

import hmac

from arena.errors import InputError, VoteRefused
from arena.text import visible

# Votes per minute. A judgement takes ten seconds; a class shares one address, and so may a school or an office.
RATER_VOTES = 30
ADDRESS_VOTES = 300
ADDRESS_VOTES_IN_A_ROOM = 2400
# Prompts to models per minute from one address.
ADDRESS_PROMPTS = 120
# Attempts per minute from one address to enter a secret: the admin's token, a receipt's code.
TRIES = 10


class RateLimits:
    """Counts what happened within the last minute. Safe to call from several threads. "" as an address is unlimited."""

    def __init__(self) -> None:
        from limits import RateLimitItemPerMinute
        from limits.storage import MemoryStorage
        from limits.strategies import MovingWindowRateLimiter

        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._per_minute = RateLimitItemPerMinute

    def count_vote(self, judge: str, address: str, in_room: bool) -> None:
        """Counts a vote. Raises VoteRefused after too many from the rater or the address."""
        by_address = _votes_from_address(in_room)
        if not self._hit(RATER_VOTES, "rater", judge) or not self._hit(by_address, "address", address):
            raise VoteRefused("vote_rate", "Too many votes. Try again in a minute.")

    def count_rater(self, address: str, in_room: bool) -> None:
        """Counts a new rater; the limit is that of votes. Raises VoteRefused after too many from the address."""
        if not self._hit(_votes_from_address(in_room), "raters", address):
            raise VoteRefused("rater_rate", "Too many raters started from this address. Try again in a minute.")

    def count_prompt(self, address: str) -> None:
        """Counts a prompt. Raises InputError after too many from the address."""
        if not self._hit(ADDRESS_PROMPTS, "prompts", address):
            raise InputError("prompt_rate", "Too many prompts. Try again in a minute.")

    def count_try(self, address: str) -> None:
        """Counts an attempt at a secret. Raises InputError after too many from the address."""
        if not self._hit(TRIES, "tries", address):
            raise InputError("too_many_tries", "Too many attempts. Try again in a minute.")

    def _hit(self, limit: int, kind: str, who: str) -> bool:
        return not who or self._limiter.hit(self._per_minute(limit), kind, who)


def _votes_from_address(in_room: bool) -> int:
    return ADDRESS_VOTES_IN_A_ROOM if in_room else ADDRESS_VOTES


class Admin:
    """Checks tokens against the host's; neither is written anywhere."""

    def __init__(self, token: str, limits: RateLimits) -> None:
        self._token = _bytes_of(token)
        self._limits = limits

    def check(self, token: str, address: str) -> None:
        """Raises InputError for a wrong token, and after too many attempts from the address."""
        self._limits.count_try(address)
        if not hmac.compare_digest(_bytes_of(token), self._token):
            raise InputError("admin_wrong", "Wrong token.")


def _bytes_of(token: str) -> bytes:
    return visible(token).strip().encode("utf-8", "replace")
