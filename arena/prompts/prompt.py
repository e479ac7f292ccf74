"""One prompt, as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from arena.prompts.reference import Reference

# The usual ones, which come first wherever results are grouped; a set may have others of its own.
DIMENSIONS = ("reasoning", "knowledge", "generation", "multilingual")


@dataclass(frozen=True)
class Prompt:
    """One prompt of the set.

    `dimension` is what it tests, "" where an imported set does not say; `title` is by language (`zh`, `en`); `text` is
    what is asked first and `more` what is asked after each answer; `category` is the set's own word for its kind.
    """

    id: str
    dimension: str
    title: Mapping[str, str]
    text: str
    more: tuple[str, ...] = ()
    category: str = ""
    reference: Reference | None = None

    @property
    def turns(self) -> tuple[str, ...]:
        """All that is asked, in order."""
        return (self.text, *self.more)
