"""The errors that a person may see."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

_log = logging.getLogger(__name__)


class ArenaError(Exception):
    """Base class: one clear English line, a stable `code`, and the values that a translation needs.

    The command line and the log show `str(error)`; the page looks `code` up in its texts and fills in `details`.
    """

    def __init__(self, code: str, message: str, **details: object) -> None:
        super().__init__(message)
        self.code = code
        self.details = details


@dataclass(frozen=True)
class ErrorInfo:
    """An ArenaError as data, which can cross threads: `code` and `details` for the page, `message` for logs.

    A detail of an error may be one itself, so that the page translates it as well.
    """

    code: str
    message: str
    details: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.message


class InputError(ArenaError):
    """The input cannot be used: an unknown model, a missing file, an empty prompt."""


class BackendError(ArenaError):
    """A model cannot be loaded or cannot go on. It ends one side, never the other."""


class VoteRefused(ArenaError):
    """A vote is refused: the battle is unknown, unfinished or already judged, or the log cannot be written."""


def info_of(error: Exception, code: str, message: str) -> ErrorInfo:
    """The error as data. An ArenaError brings its own; any other is logged, and its words follow the message."""
    if isinstance(error, ArenaError):
        return ErrorInfo(error.code, str(error), error.details)
    _log.error(message, exc_info=error)
    return ErrorInfo(code, f"{message}: {error}", {"reason": str(error) or repr(error)})


def reason(error: OSError) -> str:
    """Why the system refused, without the file's name: `No space left on device`."""
    return error.strerror or str(error)


@contextmanager
def os_error_as(code: str, message: str, kind: type[ArenaError] = InputError, **details: object) -> Iterator[None]:
    """Turns an OSError in the block into an error of this kind, with the system's reason after the message."""
    try:
        yield
    except BrokenPipeError:
        # The reader of our output has gone; nothing is wrong with the files.
        raise
    except OSError as error:
        raise kind(code, f"{message}: {reason(error)}.", **details, reason=reason(error)) from error
