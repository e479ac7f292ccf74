"""The vote log when things break: torn rows, killed writers, full disks, many threads and processes."""

import errno
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from vote_samples import log_path, make_vote, read_votes

from arena.errors import VoteRefused
from arena.exports.export import export_table
from arena.types import SideName
from arena.votes import VoteLog, records
from arena.votes.records import last_record_end
from arena.votes.store import ReadReport, VoteStore

ROOT = Path(__file__).parents[3]
TRICKY = 'says "yes",\r\nthen \rno\n"b0",qwen,glm,tie\r\n'


@pytest.fixture
def quick_disk(monkeypatch):
    """Many small files: what is tested is the bytes, not that they outlive a power cut."""
    monkeypatch.setattr(os, "fsync", lambda _handle: None)


def python(code, *args, **options):
    """Start a process that can import arena and the samples."""
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests/helpers")])
    command = [sys.executable, "-c", code, *map(str, args)]
    return subprocess.Popen(command, env=os.environ | {"PYTHONPATH": paths}, text=True, **options)


# ---- torn tails


def test_a_row_torn_at_any_byte_is_moved_aside_and_costs_no_other(tmp_path, quick_disk):
    with VoteLog(log_path(tmp_path)) as log:
        log.append(make_vote(1, answer=TRICKY))
        whole = log.part.read_bytes()
        log.append(make_vote(2, answer="é", comment=TRICKY))
        row = log.part.read_bytes()[len(whole) :]
    for cut in range(1, len(row)):
        log.part.write_bytes(whole + row[:cut])
        reading = read_votes(tmp_path)
        assert [vote.id for vote in reading] == ["vote-1"]
        assert reading.report == ReadReport(rows=1, unfinished=1)
        with VoteLog(log_path(tmp_path)) as log:
            assert log.part.read_bytes() == whole
            log.append(make_vote(3))
            assert [vote.id for vote in read_votes(log.folder)] == ["vote-1", "vote-3"]
        (aside,) = tmp_path.glob("votes.csv.torn-*")
        assert aside.read_bytes() == row[:cut]
        aside.unlink()


def test_a_header_torn_at_any_byte_is_rewritten(tmp_path, quick_disk):
    for cut in range(1, len(records.HEAD), 3):
        log_path(tmp_path).write_bytes(records.HEAD[:cut])
        with VoteLog(log_path(tmp_path)) as log:
            log.append(make_vote())
            assert list(read_votes(log.folder)) == [make_vote()]
            assert log.part.name == "votes.csv"
            assert log.part.read_bytes().startswith(records.HEAD)


@pytest.mark.parametrize("block", [1, 2, 3, 7, 64])
def test_the_tail_is_found_whatever_the_blocks(tmp_path, monkeypatch, quick_disk, block):
    with VoteLog(log_path(tmp_path)) as log:
        for number in range(3):
            log.append(make_vote(number, answer=TRICKY))
    whole = log.part.read_bytes()
    log.part.write_bytes(whole + b'b9,"torn\r\n""text\r\n')
    monkeypatch.setattr("arena.votes.log._BLOCK", block)
    with VoteLog(log_path(tmp_path)):
        assert log.part.read_bytes() == whole


def test_the_tail_of_a_large_file_is_found_in_one_pass(tmp_path, monkeypatch):
    line = b'"' + b'many ""quotes""\r\n' * 60_000 + b'"\r\n'
    with log_path(tmp_path).open("wb") as file:
        file.write(records.HEAD)
        for _ in range(40):
            file.write(line)
        whole = file.tell()
        file.write(line[:-3])
    sizes = []

    def counted(block, quoted):
        sizes.append(len(block))
        return last_record_end(block, quoted)

    monkeypatch.setattr("arena.votes.records.last_record_end", counted)
    with VoteLog(log_path(tmp_path)) as log:
        assert log.part.stat().st_size == whole > 30_000_000
    assert sum(sizes) == whole + len(line) - 3 and len(sizes) < 50


def test_a_stray_quote_typed_by_hand_costs_no_row(tmp_path):
    with VoteLog(log_path(tmp_path)) as log:
        for number in range(5):
            log.append(make_vote(number))
    edited = log.part.read_bytes().replace(b"judge-2,", b'judge-2,"')
    log.part.write_bytes(edited)
    with VoteLog(log_path(tmp_path)) as log:
        assert log.part.name == "votes-2.csv"
        log.append(make_vote(9))
        assert [vote.id for vote in read_votes(log.folder)] == ["vote-0", "vote-1", "vote-9"]
    assert log_path(tmp_path).read_bytes() == edited
    assert not list(tmp_path.glob("*.torn-*"))


def test_only_the_holder_repairs(tmp_path):
    with VoteLog(log_path(tmp_path)) as holder:
        holder.append(make_vote())
        with holder.part.open("ab") as file:
            file.write(b'half,"a row')
        before = holder.part.read_bytes()
        with VoteLog(log_path(tmp_path)) as other:
            assert other.part.name == "votes-2.csv"
            assert list(read_votes(other.folder)) == [make_vote()]
        assert holder.part.read_bytes() == before


# ---- writes that fail


class FullFile:
    """A file opened for appending, on a disk with room for `room` more bytes."""

    def __init__(self, file, room, truncates):
        self._file, self._room, self._truncates = file, room, truncates
        self.fileno = file.fileno

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()

    def write(self, data):
        if not self._room:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = self._file.write(data[: self._room])
        self._room -= written
        return written

    def truncate(self, size):
        if not self._truncates:
            raise OSError(errno.EIO, "Input/output error")
        return self._file.truncate(size)


def fill_disk(patch, room, truncates):
    real = Path.open

    def opened(path, mode="r", *args, **options):
        file = real(path, mode, *args, **options)
        return FullFile(file, room, truncates) if mode == "ab" else file

    patch.setattr(Path, "open", opened)


@pytest.mark.parametrize("truncates", [True, False], ids=["undone", "undoing fails too"])
@pytest.mark.parametrize("room", [0, 1, 100, 600])
@pytest.mark.parametrize("earlier", [0, 2])
def test_a_full_disk_refuses_the_vote_and_harms_nothing(tmp_path, monkeypatch, earlier, room, truncates):
    with VoteLog(log_path(tmp_path)) as log:
        for number in range(earlier):
            log.append(make_vote(number))
        before = log.part.read_bytes() if earlier else b""
        with monkeypatch.context() as full:
            fill_disk(full, room, truncates)
            with pytest.raises(VoteRefused, match="NOT saved: No space left on device") as caught:
                log.append(make_vote(7))
        assert caught.value.code == "not_saved"
        if truncates:
            assert log.part.read_bytes() == before
        assert len(list(read_votes(log.folder))) == earlier
        log.append(make_vote(8))
        reading = read_votes(log.folder)
        assert [vote.id for vote in reading] == [f"vote-{number}" for number in [*range(earlier), 8]]
        assert reading.report == ReadReport(rows=earlier + 1)
        assert log.part.read_bytes().count(records.BOM) == 1


def test_a_row_that_is_not_synced_does_not_stay(tmp_path, monkeypatch):
    def fail(_handle):
        raise OSError(errno.EIO, "Input/output error")

    with VoteLog(log_path(tmp_path)) as log:
        log.append(make_vote(1))
        with monkeypatch.context() as broken:
            broken.setattr(os, "fsync", fail)
            with pytest.raises(VoteRefused):
                log.append(make_vote(2))
        log.append(make_vote(3))
        assert [vote.id for vote in read_votes(log.folder)] == ["vote-1", "vote-3"]


LIMITED_WRITER = """
import resource, signal, sys
from pathlib import Path
from arena.errors import VoteRefused
from arena.votes import VoteLog
from vote_samples import make_vote

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
log = VoteLog(Path(sys.argv[1]))
begin = int(sys.argv[2])
for number in range(begin):
    log.append(make_vote(number))
size = log.part.stat().st_size if begin else 0
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 1000, hard))
for number in (100, 101):
    try:
        log.append(make_vote(number, answer="x" * 5000))
    except VoteRefused as error:
        print(error.code)
    assert (log.part.stat().st_size if log.part.exists() else 0) == size
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
log.append(make_vote(102))
"""


@pytest.mark.skipif(os.name == "nt", reason="no file size limit")
@pytest.mark.parametrize("begin", [0, 3])
def test_a_real_file_size_limit(tmp_path, begin):
    process = python(LIMITED_WRITER, log_path(tmp_path), begin, stdout=subprocess.PIPE)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0 and output.split() == ["not_saved", "not_saved"]
    reading = read_votes(tmp_path)
    assert [vote.id for vote in reading] == [f"vote-{number}" for number in [*range(begin), 102]]
    assert reading.report == ReadReport(rows=begin + 1)


@pytest.mark.parametrize("replaced", [True, False], ids=["replaced", "deleted"])
def test_a_replaced_file_loses_no_later_vote(tmp_path, replaced):
    with VoteLog(log_path(tmp_path)) as log:
        log.append(make_vote(1))
        log.append(make_vote(2))
        saved = tmp_path / "saved"
        log.part.rename(saved)
        if replaced:
            log.part.write_bytes(b"".join(saved.read_bytes().splitlines(keepends=True)[:2]))
        log.append(make_vote(3))
        assert [vote.id for vote in read_votes(log.folder)] == (["vote-1", "vote-3"] if replaced else ["vote-3"])


def test_a_part_whose_columns_changed_is_not_written(tmp_path):
    with VoteLog(log_path(tmp_path)) as log:
        log.append(make_vote(1))
        log.part.write_bytes(b"other,columns\r\n")
        with pytest.raises(VoteRefused, match=r"votes\.csv was changed by another program"):
            log.append(make_vote(2))
        assert log.part.read_bytes() == b"other,columns\r\n"


# ---- many at once


def long_vote(vote, text):
    answer = replace(vote.battle.a.answer, text=text)
    return replace(vote, battle=vote.battle.with_answer(SideName.A, answer))


def test_twenty_threads_lose_nothing_while_readers_and_exports_poll(tmp_path):
    answer = ('long "answer", 长 ' * 30 + "\r\n") * 100
    votes = [make_vote(number) for number in range(200)]
    votes = [long_vote(vote, answer + vote.id) for vote in votes]
    assert len(votes[0].battle.a.answer.text) > 45_000
    done = threading.Event()
    reports = []

    def poll():
        while not done.is_set():
            reading = read_votes(tmp_path)
            counted = sum(1 for _ in reading)
            export = export_table(VoteStore(tmp_path), tmp_path / "out.csv")
            reports.append((counted, reading.report, export))
            done.wait(0.4)

    with VoteLog(log_path(tmp_path)) as log, ThreadPoolExecutor(21) as pool:
        polling = pool.submit(poll)
        list(pool.map(log.append, votes))
        done.set()
        polling.result()
        result = {vote.id: vote for vote in read_votes(log.folder)}
    assert result == {vote.id: vote for vote in votes}
    assert log.part.read_bytes().count(records.BOM) == 1
    for counted, report, export in reports:
        assert not report.unreadable and not export.unreadable and not report.duplicates
        assert counted == report.rows <= export.rows <= 200


@pytest.fixture
def held(tmp_path, monkeypatch, eventually):
    """A log whose first write takes until seven more rows wait; then `fails` is raised by the next, if it is set."""
    began, release, state = threading.Event(), threading.Event(), SimpleNamespace(writes=0, fails=None)
    fsync = os.fsync

    def slow(descriptor):
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            state.writes += 1
            if state.writes == 1:
                began.set()
                assert release.wait(60)
            elif state.fails:
                raise state.fails
        fsync(descriptor)

    monkeypatch.setattr("os.fsync", slow)
    with VoteLog(log_path(tmp_path)) as log, ThreadPoolExecutor(8) as pool:

        def append_all():
            first = pool.submit(log.append, make_vote(1))
            assert began.wait(60)
            others = [pool.submit(log.append, make_vote(number)) for number in range(2, 9)]
            assert eventually(lambda: len(log._waiting) == 7)
            release.set()
            return [first, *others]

        state.log, state.append_all = log, append_all
        yield state


def test_rows_that_wait_share_one_write(held):
    for row in held.append_all():
        row.result()
    assert held.writes == 2
    assert {vote.id for vote in read_votes(held.log.folder)} == {f"vote-{number}" for number in range(1, 9)}


def test_a_write_that_fails_refuses_all_its_rows_and_no_others(held):
    held.fails = OSError(28, "No space left on device")
    first, *others = held.append_all()
    first.result()
    for row in others:
        with pytest.raises(VoteRefused, match="NOT saved: No space left on device"):
            row.result()
    held.fails = None
    held.log.append(make_vote(9))
    assert [vote.id for vote in read_votes(held.log.folder)] == ["vote-1", "vote-9"]


RACING_WRITER = """
import sys
from pathlib import Path
from arena.votes import VoteLog
from vote_samples import make_vote

print("ready", flush=True)
sys.stdin.readline()
with VoteLog(Path(sys.argv[1])) as log:
    for number in range(20):
        log.append(make_vote(int(sys.argv[2]) + number))
    print(log.part.name, flush=True)
    sys.stdin.readline()
"""


def test_two_processes_race_for_the_first_vote(tmp_path):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    writers = [python(RACING_WRITER, log_path(tmp_path), begin, **pipes) for begin in (0, 100)]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    taken = {writer.stdout.readline().strip() for writer in writers}
    for writer in writers:
        writer.communicate("end\n", timeout=60)
    assert taken == {"votes.csv", "votes-2.csv"}
    for part in taken:
        data = (tmp_path / part).read_bytes()
        assert data.startswith(records.HEAD) and data.count(b"question_id") == 1
    assert {vote.id for vote in read_votes(tmp_path)} == {f"vote-{n}" for n in [*range(20), *range(100, 120)]}


KILLED_WRITER = """
import itertools, sys
from pathlib import Path
from arena.votes import VoteLog
from vote_samples import make_vote

log = VoteLog(Path(sys.argv[1]))
for number in itertools.count(int(sys.argv[2])):
    log.append(make_vote(number, answer='long "answer",\\r\\n' * 20_000))
    print(number, flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
def test_a_killed_writer_loses_no_vote_it_confirmed(tmp_path):
    confirmed = []
    for begin in (0, 1000):
        writer = python(KILLED_WRITER, log_path(tmp_path), begin, stdout=subprocess.PIPE)
        for _ in range(3):
            confirmed.append(int(writer.stdout.readline()))
        time.sleep(0.003)
        writer.send_signal(signal.SIGKILL)
        confirmed += map(int, writer.communicate(timeout=60)[0].split())
    with VoteLog(log_path(tmp_path)) as log:
        assert log.part.name == "votes.csv"
        log.append(make_vote(5000))
        reading = read_votes(log.folder)
        result = [vote.id for vote in reading]
    assert result[-1] == "vote-5000"
    assert {f"vote-{number}" for number in confirmed} <= set(result)
    assert len(result) <= len(confirmed) + 3  # a row may be on disk whose receipt was not sent
    assert not reading.report.unreadable and not reading.report.unfinished


def test_a_reading_ends_although_votes_keep_coming(tmp_path):
    with VoteLog(log_path(tmp_path)) as log:
        log.append(make_vote(0))
        seen = 0
        for vote in read_votes(log.folder):
            seen += 1
            log.append(replace(vote, id=f"new-{seen}", judge=f"new-{seen}"))
        assert seen == 1
