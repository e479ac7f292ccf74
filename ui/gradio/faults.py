"""Logs what fails in single requests: one line each, and at most a few each minute."""

import logging
import traceback
from collections import deque
from pathlib import Path

MOST, SECONDS = 20, 60.0


class _Rate(logging.Filter):
    """Lets MOST lines pass within SECONDS: a script that sends malformed requests must not fill the disk."""

    def __init__(self) -> None:
        super().__init__()
        self._times: deque[float] = deque(maxlen=MOST)

    def filter(self, record: logging.LogRecord) -> bool:
        if len(self._times) == MOST and record.created - self._times[0] < SECONDS:
            return False
        self._times.append(record.created)
        if len(self._times) == MOST and record.created - self._times[0] < SECONDS:
            record.msg = f"{record.msg} (more of them are left out for a minute)"
        return True


_log = logging.getLogger(__name__)
_log.addFilter(_Rate())


def log_fault(what: str, error: BaseException) -> None:
    """Log what failed, why, and the place in the code."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    what, reason = (ascii(text)[1:-1][:200] for text in (what, reason))
    _log.error("%s failed: %s (%s:%d)", what, reason, Path(place.filename).name, place.lineno or 0)
