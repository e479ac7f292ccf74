"""A disk that takes no vote: the rater is told, nothing is lost, and the same vote is taken once the disk is back."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from vote_samples import log_path, make_side, read_votes

from arena.errors import VoteRefused
from arena.events import EventLog
from arena.judging.ballots import Ballots, Judgement
from arena.judging.pairs import pairs_of
from arena.judging.rooms import Rooms
from arena.recorded import Recorded
from arena.votes import VoteLog

PAIRS = pairs_of(
    Recorded(f"q{n}", f"prompt {n}", make_side(model, f"{n}")) for n in range(3) for model in ("one", "two")
)


@contextmanager
def failing(monkeypatch: pytest.MonkeyPatch, number: int) -> Iterator[None]:
    """Files can be opened for reading alone."""
    opened = Path.open

    def refuse(self: Path, mode: str = "r", *more: object, **options: object) -> object:
        if set(mode) & set("wax+"):
            raise OSError(number, os.strerror(number), str(self))
        return opened(self, mode, *more, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", refuse)
        yield


@contextmanager
def gone(folder: Path) -> Iterator[None]:
    """The folder is not there: a disk that was unmounted."""
    away = folder.with_name("away")
    folder.rename(away)
    yield
    folder.mkdir()
    for path in away.iterdir():
        shutil.move(path, folder)


@contextmanager
def replaced(folder: Path) -> Iterator[None]:
    """Something else has taken the folder's name."""
    away = folder.with_name("away")
    folder.rename(away)
    folder.write_text("no folder")
    yield
    folder.unlink()
    away.rename(folder)


FAULTS: dict[str, Callable[[pytest.MonkeyPatch, Path], object]] = {
    "Read-only file system": lambda monkeypatch, folder: failing(monkeypatch, errno.EROFS),
    "Permission denied": lambda monkeypatch, folder: failing(monkeypatch, errno.EACCES),
    "No space left on device": lambda monkeypatch, folder: failing(monkeypatch, errno.ENOSPC),
    "No such file or directory": lambda monkeypatch, folder: gone(folder),
    "Not a directory": lambda monkeypatch, folder: replaced(folder),
}


@pytest.mark.parametrize("reason", FAULTS)
def test_a_vote_that_was_not_saved_is_told_and_can_be_given_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    folder = tmp_path / "data"
    with VoteLog(log_path(folder)) as log, EventLog(folder) as events:
        room = Rooms(PAIRS, Ballots(log), events).main
        first = room.assign("r").battle
        room.cast(first.id, "r", Judgement("model_a"))
        battle = room.assign("r").battle
        with FAULTS[reason](monkeypatch, folder):
            for _ in range(2):
                with pytest.raises(VoteRefused) as refused:
                    room.cast(battle.id, "r", Judgement("tie", comment="mine"))
                assert refused.value.code == "not_saved" and reason in str(refused.value)
            assert room.assign("r").battle == battle and room.progress.votes == 1
        vote = room.cast(battle.id, "r", Judgement("tie", comment="mine"))
        with pytest.raises(VoteRefused, match="already voted"):
            room.cast(battle.id, "r", Judgement("tie"))
        reading = read_votes(folder)
        assert [(item.battle.id, item.comment) for item in reading] == [(first.id, ""), (battle.id, "mine")]
        assert reading.report.duplicates == 0 and vote.battle.id == battle.id


def test_a_deleted_folder_is_started_again(tmp_path: Path) -> None:
    """Somebody has deleted the data while the app runs: what was there is lost, what comes is not."""
    folder = tmp_path / "data"
    with VoteLog(log_path(folder)) as log, EventLog(folder) as events:
        room = Rooms(PAIRS, Ballots(log), events).main
        room.cast(room.assign("r").battle.id, "r", Judgement("model_a"))
        shutil.rmtree(folder)
        battle = room.assign("r").battle
        with pytest.raises(VoteRefused, match="NOT saved"):
            room.cast(battle.id, "r", Judgement("tie"))
        folder.mkdir()
        room.cast(battle.id, "r", Judgement("tie"))
        assert [vote.battle.id for vote in read_votes(folder)] == [battle.id]
