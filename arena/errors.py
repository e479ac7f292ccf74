"""The errors a person may see. Knows no language but English: the page translates by `code`."""

from __future__ import annotations


class ArenaError(Exception):
    """Base: one clear English line, a stable `code`, and the values that a translation needs.

    `str(error)` is the line for the command line and the log; the page looks `code` up in its own texts and
    fills in `details`.
    """

    def __init__(self, code: str, message: str, **details: object) -> None:
        super().__init__(message)
        self.code = code
        self.details = details


class InputError(ArenaError):
    """What the person gave cannot be used: an unknown model, a missing file, an empty prompt."""


class BackendError(ArenaError):
    """A model cannot be loaded or cannot go on. It ends one side and never the other."""


class VoteRefused(ArenaError):
    """A vote that is not taken: the battle is unknown, unfinished or judged already, or the log cannot be written."""
