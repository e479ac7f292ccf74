"""Where a report's answers and votes come from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from arena.answers import FILE_NAME, Recorded, read_recorded
from arena.results.compute import compute
from arena.results.figures import Figures
from arena.votes.reader import Progress
from arena.votes.store import Votes, VoteStore, store_of, store_of_files


@dataclass(frozen=True)
class Sources:
    """Recorded answers, the votes that count with the store that has their texts, and what the votes come to."""

    answers: tuple[Recorded, ...]
    store: VoteStore
    votes: Votes
    figures: Figures


def sources_in(
    data_dir: Path,
    answers: Path | None = None,
    votes: Iterable[Path] | None = None,
    progress: Progress = lambda done, total: None,
) -> Sources:
    """What is named; and where nothing is, what lies in the data folder. Raises InputError for a file that is not there
    or not readable."""
    kept = data_dir / FILE_NAME
    if answers is None and kept.is_file() and kept.stat().st_size:
        answers = kept
    store = store_of(data_dir) if votes is None else store_of_files(votes)
    found = store.refresh(progress)
    return sources_of(store, answers, found, compute(found))


def sources_of(store: VoteStore, answers: Path | None, votes: Votes, figures: Figures) -> Sources:
    """The same of `votes` of a store, what they come to, and a file of answers, if any."""
    return Sources(read_recorded(answers) if answers else (), store, votes, figures)
