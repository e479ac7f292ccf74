"""The append-only log: who may write it, how a torn record is repaired, and what a failed write leaves."""

import os
import shutil
import stat

import pytest

from arena import append_log
from arena.append_log import AppendLog, LogBusy, Tail, json_lines_tail, list_parts, part_number, part_path
from arena.events import EventLog
from arena.votes import VoteLog


def open_log(folder, **options):
    return type("Log", (AppendLog,), options)(folder / "log.jsonl")


def torn_files(folder):
    return [path.read_bytes() for path in folder.glob("log.jsonl.torn-*")]


def test_parts_are_numbered_and_listed_by_number(tmp_path):
    for number in (10, 2, 1):
        part_path(tmp_path, "log.jsonl", number).write_text("")
    for name in ("log-1.jsonl", "log-02.jsonl", "log.jsonl.torn-x", "other.jsonl"):
        (tmp_path / name).write_text("")
        assert part_number(name, "log.jsonl") == 0
    assert [path.name for path in list_parts(tmp_path, "log.jsonl")] == ["log.jsonl", "log-2.jsonl", "log-10.jsonl"]


@pytest.mark.parametrize("block", [1, 3, 1000])
@pytest.mark.parametrize(
    ("data", "tail"),
    [
        (b"", Tail(0)),
        (b"{}\n", Tail(3)),
        (b'{}\n{"a', Tail(3)),
        (b"{}\n{}", Tail(3, "unended")),
        (b"{}", Tail(0, "unended")),
    ],
)
def test_the_tail_of_json_lines_is_found_with_any_block_size(tmp_path, monkeypatch, block, data, tail):
    monkeypatch.setattr(append_log, "_BLOCK", block)
    (tmp_path / "file").write_bytes(data)
    with (tmp_path / "file").open("rb") as file:
        assert json_lines_tail(file) == tail


def test_a_torn_record_is_moved_aside_and_a_whole_one_gets_its_line_end(tmp_path):
    (tmp_path / "log.jsonl").write_bytes(b'{"a": 1}\n{"b": ')
    with open_log(tmp_path) as log:
        assert torn_files(tmp_path) == [b'{"b": ']
        log.write(b'{"c": 3}')  # without its line end
    with open_log(tmp_path) as log:
        log.write(b'{"d": 4}\n')
        assert log.part.read_bytes() == b'{"a": 1}\n{"c": 3}\n{"d": 4}\n'


def test_the_head_is_written_to_a_new_part_only(tmp_path):
    for _ in range(2):
        with open_log(tmp_path, head=b"head\n") as log:
            log.write(b"{}\n")
    assert log.part.read_bytes() == b"head\n{}\n{}\n"


def test_a_part_that_is_locked_is_not_shared(tmp_path):
    with open_log(tmp_path) as first, open_log(tmp_path) as second:
        assert (first.part.name, second.part.name) == ("log.jsonl", "log-2.jsonl")
        with pytest.raises(LogBusy):
            open_log(tmp_path, most_parts=2)
    open_log(tmp_path, most_parts=1).close()


def test_a_closed_log_refuses_writes(tmp_path):
    log = open_log(tmp_path)
    log.close()
    with pytest.raises(OSError, match="is closed"):
        log.write(b"{}\n")
    assert not log.part.exists()


def test_only_durable_writes_are_synced(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", synced.append)
    with open_log(tmp_path) as log:
        log.write(b"{}\n", sync=False)
        assert not synced
        log.write(b"{}\n")
        assert len(synced) == 2  # the file, and once its name in the folder
        log.write(b"{}\n")
        assert len(synced) == 3


def test_a_write_that_cannot_be_synced_is_undone(tmp_path, monkeypatch):
    def full(_handle):
        raise OSError(28, "No space left on device")

    with open_log(tmp_path) as log:
        log.write(b"{}\n")
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            with pytest.raises(OSError, match="No space left") as caught:
                log.write(b'{"lost": 1}\n')
        assert caught.value.errno == 28 and log.part.read_bytes() == b"{}\n"


def test_a_tail_that_another_program_left_is_repaired_before_the_next_write(tmp_path):
    with open_log(tmp_path) as log:
        log.write(b"{}\n")
        with log.part.open("ab") as file:
            file.write(b'{"half')
        log.write(b"{}\n")
        assert log.part.read_bytes() == b"{}\n{}\n" and torn_files(tmp_path) == [b'{"half']


@pytest.mark.parametrize("kind", [VoteLog, EventLog])
def test_a_new_part_of_votes_or_events_is_its_owners_alone(tmp_path, kind):
    umask = os.umask(0o022)
    try:
        with kind(tmp_path / "votes.csv") if kind is VoteLog else kind(tmp_path) as log:
            log.write(b"{}\n")
            assert stat.S_IMODE(log.part.stat().st_mode) == 0o600
    finally:
        os.umask(umask)


def test_two_processes_never_write_one_part_after_its_folder_was_deleted(tmp_path):
    folder = tmp_path / "data"
    with open_log(folder) as first:
        first.write(b"1\n")
        shutil.rmtree(folder)
        with pytest.raises(OSError):
            first.write(b"2\n")
        with open_log(folder) as second:
            assert second.part == folder / "log.jsonl"
            first.write(b"3\n")
            second.write(b"4\n")
        assert [path.read_bytes() for path in list_parts(folder, "log.jsonl")] == [b"4\n", b"3\n"]
