"""The errors that a person may see."""

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

_log = logging.getLogger(__name__)
# What libraries say when an allocation fails: not all of them raise MemoryError.
_NO_MEMORY = re.compile(r"allocate memory|out of memory|not enough memory|bad[_ ]alloc", re.IGNORECASE)
# The errors that show what a library said.
_PASSED_ON = ("backend_failed", "load_failed")


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
    """The error as data. An ArenaError brings its own; any other is logged, and its words follow the message.

    If a library ran out of memory, the error says so and what to do, without the library's words.
    """
    if _is_out_of_memory(error):
        _log.error(message, exc_info=error)
        advice = "Close other programs, begin a new conversation, or choose a smaller model."
        return ErrorInfo("memory_out", f"This machine has run out of memory. {advice}")
    if isinstance(error, ArenaError):
        return ErrorInfo(error.code, str(error), error.details)
    _log.error(message, exc_info=error)
    return ErrorInfo(code, f"{message}: {error}", {"reason": str(error) or repr(error)})


def _is_out_of_memory(error: BaseException | None) -> bool:
    """Whether a library ran out of memory here. What a server says is about another machine."""
    if isinstance(error, ArenaError):
        return error.code in _PASSED_ON and _is_out_of_memory(error.__cause__)
    return isinstance(error, MemoryError) or bool(_NO_MEMORY.search(str(error)))


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
