"""The vote log of a busy host whose processes are killed again and again: nothing that was acknowledged is lost."""

from __future__ import annotations

import csv
import io
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from itertools import count
from pathlib import Path

import pytest
from served_app import ROOT
from vote_samples import log_path, make_vote, read_votes

from arena.votes import VoteLog
from arena.votes.records import csv_line
from arena.votes.rows import to_row

PROCESSES, THREADS, VOTES, KILLS = 3, 8, 5000, 6
# About 650 characters a side, stored twice each: 2.6 kB a row and more, as the reference answers have.
ANSWER = '这句话有歧义：“他背着小王\n做了这件事”，既可以是 "背负"，也可以是, "瞒着"。' * 4

WRITER = f"""
import os, sys, threading
from pathlib import Path
from arena.votes import VoteLog
from test_votes_killed import ANSWER
from vote_samples import make_vote

log, begin = VoteLog(Path(sys.argv[1])), int(sys.argv[2])

def write(first):
    for number in range(begin + first, begin + 100_000, {THREADS}):
        log.append(make_vote(number, answer=ANSWER))
        os.write(1, b"%d\\n" % number)

for first in range({THREADS}):
    threading.Thread(target=write, args=(first,)).start()
"""


class Writer:
    """A process that votes from eight threads; `acknowledged` has what it was told is on disk."""

    def __init__(self, folder: Path, begin: int) -> None:
        self.acknowledged: list[int] = []
        self.last = begin
        command = [sys.executable, "-c", WRITER, str(log_path(folder)), str(begin)]
        paths = os.pathsep.join(map(str, (ROOT, ROOT / "tests/helpers", Path(__file__).parent)))
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": paths})
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self.acknowledged.append(int(line))

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()
        self.process.stdout.close()


def count_votes(*writers: list[Writer]) -> int:
    """The votes that were acknowledged to all of them."""
    return sum(len(writer.acknowledged) for some in writers for writer in some)


def raw_ids(folder: Path) -> Counter[str]:
    """The vote ids in all parts, as any CSV reader finds them."""
    result: Counter[str] = Counter()
    for part in folder.glob("votes*.csv"):
        rows = csv.DictReader(io.StringIO(part.read_bytes().decode("utf-8-sig"), newline=""), strict=True)
        result.update(row["vote_id"] for row in rows)
    return result


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
def test_killed_at_any_moment_the_log_keeps_every_acknowledged_vote_once(tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    dice, begins = random.Random(seed), count(0, 100_000)
    running = [Writer(tmp_path, next(begins)) for _ in range(PROCESSES)]
    ended: list[Writer] = []
    deadline = time.monotonic() + 100
    # However quick the machine is, there are kills among the votes.
    while (count_votes(running, ended) < VOTES or len(ended) < KILLS) and time.monotonic() < deadline:
        time.sleep(dice.uniform(0.02, 0.4))
        place = dice.randrange(PROCESSES)
        if len(running[place].acknowledged) > dice.randrange(300):
            running[place].kill()
            ended.append(running[place])
            running[place] = Writer(tmp_path, next(begins))
    for writer in running:
        writer.kill()
    writers = [*running, *ended]
    acknowledged = {f"vote-{number}" for writer in writers for number in writer.acknowledged}
    assert len(acknowledged) >= VOTES and len(ended) >= KILLS
    torn = sum(not part.read_bytes().endswith(b"\r\n") for part in tmp_path.glob("votes*.csv"))
    # The next start of as many processes repairs what the last ones left.
    logs = [VoteLog(log_path(tmp_path)) for _ in range(PROCESSES)]
    for log in logs:
        log.close()
    assert len(list(tmp_path.glob("votes*.torn-*"))) >= torn
    reading = read_votes(tmp_path)
    result = Counter(vote.id for vote in reading)
    report = reading.report
    assert (report.duplicates, report.unfinished, report.unreadable) == (0, 0, ())
    assert result == raw_ids(tmp_path) and set(result.values()) == {1}
    assert acknowledged <= set(result)
    # A row may be there whose receipt was not sent: one for each thread that was killed.
    assert len(result) - len(acknowledged) <= THREADS * len(writers)
    assert len(list(tmp_path.glob("votes*.csv"))) == PROCESSES


def test_the_rows_have_the_size_of_real_ones() -> None:
    line = csv_line(list(to_row(make_vote(1, answer=ANSWER)).values())).encode()
    assert 2_300 < len(line) < 4_000
