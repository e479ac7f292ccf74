"""Who may open rooms and see everything: whoever holds the token. Knows no page and no room."""

from __future__ import annotations

import hmac

from arena.errors import InputError
from arena.judging.limits import RateLimits


class Admin:
    """Checks tokens against the one that the host set; neither is written anywhere."""

    def __init__(self, token: str, limits: RateLimits) -> None:
        self._token = token.encode("utf-8", "replace")
        self._limits = limits

    def check(self, token: str, address: str) -> None:
        """Raises InputError for another token, and for too many tries from one address."""
        self._limits.count_try(address)
        if not hmac.compare_digest(token.encode("utf-8", "replace"), self._token):
            raise InputError("admin_wrong", "This is not the token.")
