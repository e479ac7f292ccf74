"""What stands on the cover of a report and cannot be counted: who wrote it, for what, and where it can be found."""

from __future__ import annotations

from dataclasses import dataclass

from arena.errors import InputError
from arena.text import clean

LONGEST_FIELD = 300
MOST_LINKS = 50


@dataclass(frozen=True)
class Details:
    """Every text may be empty, and is then left out. `links` are shown in the appendix.

    `machine` is what the author says imported answers were made on. Raises InputError for a text that is too long.
    """

    title: str = ""
    university: str = ""
    school: str = ""
    major: str = ""
    course: str = ""
    author: str = ""
    student_number: str = ""
    teacher: str = ""
    date: str = ""
    machine: str = ""
    links: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.links) > MOST_LINKS:
            raise InputError("report_links", f"A report takes {MOST_LINKS} links at most.", limit=MOST_LINKS)
        for name in ("title", *COVER, "machine"):
            object.__setattr__(self, name, _one_line(getattr(self, name)))
        object.__setattr__(self, "links", tuple(filter(None, map(_one_line, self.links))))


# The lines of a cover in their order.
COVER = ("university", "school", "major", "course", "author", "student_number", "teacher", "date")


def _one_line(text: str) -> str:
    line = " ".join(clean(text).split())
    if len(line) > LONGEST_FIELD:
        message = f"A field of the report takes {LONGEST_FIELD} characters at most."
        raise InputError("report_field", message, limit=LONGEST_FIELD)
    return line
