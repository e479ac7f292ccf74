"""The app is killed at every system call between a vote's arrival and its receipt, and starts again.

What was acknowledged counts, exactly once; what was not acknowledged counts at most once.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from killed_at import CAN_TRACE
from killed_lives import LIVES, OTHER, PROMPTS, RATER, batch, change, data_of, opened, room_of, votes_in
from served_app import ROOT

from arena.answers import FILE_NAME, answers_by_key
from arena.errors import InputError, VoteRefused
from arena.judging.ballots import Judgement
from arena.votes.store import VoteStore

DEATHS = ("kill", "torn write", "power cut")
# Points of each life and death: 48 in all, and 528.
FEW, MANY = 2, 22

pytestmark = pytest.mark.skipif(not CAN_TRACE, reason="needs Linux's ptrace")
Kill = Callable[[str, str, str, int], "tuple[Path, bool, int]"]


@pytest.fixture(scope="module")
def killer() -> Iterator[Kill]:
    """Kills a life at a system call: the folder it leaves, whether it was killed, and how many calls it did."""
    # In memory: what would outlive a power cut is reckoned, and real disks are slow to sync.
    memory = Path("/dev/shm")
    place = Path(mkdtemp(prefix="killed-", dir=memory if os.access(memory, os.W_OK) else None)).resolve()
    paths = f"{ROOT}:{ROOT / 'tests/helpers'}"
    command = [sys.executable, str(ROOT / "tests/helpers/killed_lives.py")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": paths}
    ) as program:
        assert program.stdin and program.stdout

        def kill(life: str, death: str, name: str, at: int) -> tuple[Path, bool, int]:
            folder = place / life / f"{death} {name}"
            folder.parent.mkdir(exist_ok=True)
            print(json.dumps([life, str(folder), at, death]), file=program.stdin, flush=True)
            was_killed, calls = json.loads(program.stdout.readline())
            return folder, was_killed, calls

        yield kill
        program.stdin.close()
    shutil.rmtree(place)


def killed(killer: Kill, life: str, death: str, points: int) -> Iterator[Path]:
    """The folders that a life leaves, killed at so many of its system calls, evenly spread."""
    whole, was_killed, calls = killer(life, death, "never", 10**9)
    assert not was_killed and calls > 20
    yield whole
    kills = 0
    for number in range(points):
        folder, was_killed, _ = killer(life, death, str(number), calls * (2 * number + 1) // (2 * points))
        kills += was_killed
        yield folder
        shutil.rmtree(folder)
    # Threads do not make the same calls each time, so the last ones may not come.
    assert kills >= points / 2


def receipts_of(place: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in place.with_suffix(".receipts").read_text(encoding="utf-8").splitlines()]


def check_votes(place: Path, receipts: list[dict[str, Any]]) -> None:
    """Acknowledged votes count once, others at most once, and each rater goes on where votes.csv says."""
    acknowledged = {receipt["vote"]: receipt for receipt in receipts if "vote" in receipt}
    with opened(place) as services:  # repairs what was torn
        report, votes = VoteStore(data_of(place)).refresh().report, votes_in(place)
        assert (report.unfinished, report.unreadable, report.damaged, report.duplicates) == (0, (), (), 0)
        counted = {vote.id: vote for vote in votes}
        assert len(counted) == len(votes) == len({(vote.judge, vote.battle.id) for vote in votes})
        assert {name: str(counted[name].winner) for name in acknowledged} == {
            name: receipt["winner"] for name, receipt in acknowledged.items()
        }
        is_class = any(vote.room for vote in votes)
        room = room_of(services, is_class)
        for judge in (RATER, OTHER):
            cast = [vote for vote in votes if vote.judge == judge]
            assert room.assign(judge).done == len(cast)
            for each in cast:
                with pytest.raises(VoteRefused):
                    room.cast(each.battle.id, judge, Judgement("tie"))
            while battle := room.assign(judge).battle:
                room.cast(battle.id, judge, Judgement("tie"))
        judged = Counter((vote.judge, vote.battle.prompt_id) for vote in votes_in(place))
        assert judged == Counter((judge, prompt.id) for judge in (RATER, OTHER) for prompt in PROMPTS)


def check_change(place: Path, receipts: list[dict[str, Any]]) -> None:
    """The last acknowledged vote counts, or the one that came after it; a further change replaces either."""
    (counts,) = votes_in(place)
    assert str(counts.winner) in {receipts[-1]["winner"], "tie"}
    with opened(place) as services:
        stored = VoteStore(data_of(place))
        shown = [each.vote for each in stored.stored(stored.refresh().every_row)]
        # The tab shows the vote whose receipt it got.
        (tab_shows,) = (vote for vote in shown if vote.id == receipts[-1]["vote"])
        for winner in (receipts[-1]["winner"], "tie (bothbad)"):
            receipt = change(services, tab_shows, winner)
            (counts,) = votes_in(place)
            assert (counts.id, str(counts.winner)) == (receipt["vote"], winner)
            tab_shows = counts


def check_withdrawal(place: Path, receipts: list[dict[str, Any]]) -> None:
    """After a receipt none of the rater's votes counts; without one, the code still withdraws them."""
    acknowledged = {receipt["vote"]: receipt["judge"] for receipt in receipts if "vote" in receipt}
    before = {vote.id: vote.judge for vote in votes_in(place)}
    assert {name for name, judge in acknowledged.items() if judge == OTHER} <= set(before)
    is_done = "withdrawn" in receipts[-1]
    assert not is_done or receipts[-1]["withdrawn"] == sum(judge == RATER for judge in acknowledged.values())
    left = [name for name, judge in before.items() if judge == RATER]
    assert not (is_done and left)
    with opened(place) as services:
        try:
            assert services.withdrawals.withdraw(services.withdrawals.code_of(RATER)) == len(left) > 0
        except InputError as error:
            assert error.code == "withdraw_unknown" and not left
    assert {vote.judge for vote in votes_in(place)} == {OTHER}


def check_batch(place: Path, receipts: list[dict[str, Any]]) -> None:
    """Acknowledged answers are there; the same batch asks for what is missing and for nothing else."""
    path = data_of(place) / FILE_NAME
    keys = {key for receipt in receipts for key in receipt["answers"]}
    with opened(place):  # the page starts before the batch is started again
        before = set(answers_by_key(path))
    assert keys <= before
    asked = batch(place, lambda receipt: None, begin=lambda: None).requests
    after = [json.loads(line)["key"] for line in path.read_text(encoding="utf-8").splitlines()]
    turns = sum(len(prompt.turns) for prompt in PROMPTS)
    assert len(after) == len(set(after)) == turns and before <= set(after)
    assert len(asked) == turns - len(before)


def check_room(place: Path, receipts: list[dict[str, Any]]) -> None:
    """An acknowledged room is there with its prompts."""
    with opened(place) as services:
        assert services.rooms
        rooms = {room.code: room.prompts for room in services.rooms.rooms}
        assert len(rooms) <= 1
        assert {receipt["room"]: ("q0", "q2") for receipt in receipts}.items() <= rooms.items()


CHECKS = {"room": check_room, "changed vote": check_change, "withdrawal": check_withdrawal, "batch": check_batch}


@pytest.mark.parametrize("death", DEATHS)
@pytest.mark.parametrize("life", LIVES)
def test_what_was_acknowledged_counts_once(killer: Kill, life: str, death: str) -> None:
    for place in killed(killer, life, death, FEW):
        CHECKS.get(life, check_votes)(place, receipts_of(place))


@pytest.mark.extra
@pytest.mark.parametrize("death", DEATHS)
@pytest.mark.parametrize("life", LIVES)
def test_what_was_acknowledged_counts_once_wherever_it_is_killed(killer: Kill, life: str, death: str) -> None:
    for place in killed(killer, life, death, MANY):
        CHECKS.get(life, check_votes)(place, receipts_of(place))
