"""Marks raters that are too many from one address: an army of invented raters does not count as one rater each."""

import hashlib
import ipaddress
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from arena.events import CROWDED, Events

# At most five raters of one address count in 30 days. A family or an office shares an address; a class votes in a room.
ADDRESS_RATERS, WINDOW_SECONDS = 5, 30 * 86_400.0
MAX_ADDRESSES = 100_000


@dataclass
class _Address:
    """The raters of an address since `began`; `crowd` identifies those beyond the limit and says nothing else."""

    began: float
    raters: int = 0
    crowd: str = field(default_factory=lambda: secrets.token_hex(4))


class Crowds:
    """Counts the raters that vote from an address, outside rooms. Safe to call from several threads.

    Hashes of addresses stay in memory and are forgotten at a restart; the log holds only which raters are in a crowd.
    `is_known` is whether a rater has voted before this process.
    """

    def __init__(self, events: Events, is_known: Callable[[str], bool] = lambda judge: False) -> None:
        self._events = events
        self._is_known = is_known
        self._key = secrets.token_bytes(16)
        self._seen: set[str] = set()
        self._addresses: OrderedDict[bytes, _Address] = OrderedDict()
        # Protects the two above: raters vote at the same time.
        self._lock = threading.Lock()

    def note(self, judge: str, address: str, room: str = "") -> None:
        """A rater is about to vote; the first vote outside a room decides whether the rater is in a crowd."""
        place = network_of(address)
        if room or not place or not judge:
            return
        with self._lock:
            if judge in self._seen:
                return
            self._seen.add(judge)
            hashed = hashlib.blake2b(place.encode(), key=self._key).digest()
            crowd = "" if self._is_known(judge) else self._count(hashed)
        if crowd:
            with suppress(OSError):  # then the vote itself can hardly be written
                self._events.append(CROWDED, judge=judge, crowd=crowd)

    def _count(self, place: bytes) -> str:
        now = time.time()
        known = self._addresses.get(place)
        if known is None or now - known.began > WINDOW_SECONDS:
            known = self._addresses[place] = _Address(now)
        self._addresses.move_to_end(place)
        while len(self._addresses) > MAX_ADDRESSES:
            self._addresses.popitem(last=False)
        known.raters += 1
        return known.crowd if known.raters > ADDRESS_RATERS else ""


def network_of(address: str) -> str:
    """What one person may vote from: an IPv4 address, or a /64 of IPv6.

    "" for an unknown address and one of a private network: that may be a proxy's, with everybody behind it.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    if not parsed.is_global:
        return ""
    return str(ipaddress.ip_network((parsed, 64), strict=False) if parsed.version == 6 else parsed)
