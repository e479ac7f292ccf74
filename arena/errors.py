"""The errors that a person may see."""

from __future__ import annotations


class ArenaError(Exception):
    """Base class: one clear English line, a stable `code`, and the values that a translation needs.

    The command line and the log show `str(error)`; the page looks `code` up in its texts and fills in `details`.
    """

    def __init__(self, code: str, message: str, **details: object) -> None:
        super().__init__(message)
        self.code = code
        self.details = details


class InputError(ArenaError):
    """The input cannot be used: an unknown model, a missing file, an empty prompt."""


class BackendError(ArenaError):
    """A model cannot be loaded or cannot go on. It ends one side, never the other."""


class VoteRefused(ArenaError):
    """A vote is refused: the battle is unknown, unfinished or already judged, or the log cannot be written."""
