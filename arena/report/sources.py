"""Where a report's answers and votes come from: files. Knows nothing of what is made of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from arena.answers import Recorded, read_recorded
from arena.answers.store import FILE_NAME
from arena.errors import InputError
from arena.types import Side, Vote
from arena.votes import FIRST_PART, read_votes
from arena.votes.named import named_logs
from arena.votes.parts import list_parts
from arena.votes.withdrawn import withdrawn_votes


@dataclass(frozen=True)
class Sources:
    """Answers, votes, and how many rows of the votes were left out, by why."""

    answers: tuple[Recorded, ...] = ()
    votes: tuple[Vote, ...] = ()
    unreadable: int = 0
    duplicates: int = 0
    withdrawn: int = 0


def sources_in(data_dir: Path, answers: Path | None = None, votes: Iterable[Path] | None = None) -> Sources:
    """What is named; and where nothing is, what lies in the data folder. Raises InputError as `read_sources`."""
    kept, log = data_dir / FILE_NAME, data_dir / FIRST_PART
    if answers is None and kept.is_file() and kept.stat().st_size:
        answers = kept
    return read_sources(answers, ([log] if list_parts(data_dir) else []) if votes is None else votes)


def read_sources(answers: Path | None, votes: Iterable[Path] = ()) -> Sources:
    """Everything in the files; a file of votes brings its further parts along (votes-2.csv, ...), each read once.

    Withdrawn votes are left out where the log that tells of them lies beside. Raises InputError for a file that is not
    there or not readable.
    """
    found = read_recorded(answers) if answers else ()
    taken: list[Vote] = []
    sides: dict[Side, Side] = {}
    counts = [0, 0, 0]
    for path in named_logs(votes):
        try:
            reading = read_votes(path.parent, path.name, withdrawn_votes(path.parent))
            taken += (_shared(vote, sides) for vote in reading)
        except OSError as error:
            reason = error.strerror or str(error)
            message = f"{path.name} cannot be read: {reason}."
            raise InputError("votes_unreadable", message, path=path.name, reason=reason) from error
        report = reading.report
        for place, count in enumerate((len(report.unreadable), report.duplicates, report.withdrawn)):
            counts[place] += count
    return Sources(found, tuple(taken), *counts)


def _shared(vote: Vote, sides: dict[Side, Side]) -> Vote:
    """The same vote on sides that all votes on them share: a million votes may be on a few answers."""
    a, b = (sides.setdefault(side, side) for side in (vote.battle.a, vote.battle.b))
    return replace(vote, battle=replace(vote.battle, a=a, b=b))
