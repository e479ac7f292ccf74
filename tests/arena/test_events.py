"""The event log: what is written can be read again, however the process ends."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from served_app import ROOT

from arena.errors import InputError
from arena.events import FIRST_PART, WITHDRAWN, EventLog, MarkReader, NoEvents, read_events


def events_in(folder):
    return [(event.kind, dict(event.about)) for event in read_events(folder)]


def test_events_are_read_in_order_with_their_time(tmp_path):
    with EventLog(tmp_path / "data") as log:
        log.append("shown", battle="1", pair="名字")
        log.append("skipped", durable=True, battle="1")
        events = list(read_events(log.folder))
    assert [(event.kind, event.about) for event in events] == [
        ("shown", {"battle": "1", "pair": "名字"}),
        ("skipped", {"battle": "1"}),
    ]
    assert 0 <= events[1].time - events[0].time < 60 and events[0].time > 1_700_000_000


def test_a_second_process_writes_its_own_part_and_reads_both(tmp_path):
    code = (
        "import sys; from pathlib import Path; from arena.events import EventLog\n"
        "EventLog(Path(sys.argv[1])).append('other')"
    )
    with EventLog(tmp_path) as log:
        log.append("one")
        subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, check=True)
        assert events_in(tmp_path) == [("one", {}), ("other", {})]
    with EventLog(tmp_path) as log:
        assert log.part.name == FIRST_PART


TORN = [b'{"kind": "hal', b"\xff\xfe", b"[]\n", b"{}\n", b"\n", b'{"kind": 1, "time": "x"}\n']


@pytest.mark.parametrize("torn", TORN)
def test_malformed_lines_are_skipped_and_lose_no_event(tmp_path, torn):
    with EventLog(tmp_path) as log:
        log.append("before")
    with log.part.open("ab") as file:
        file.write(torn)
    with EventLog(tmp_path) as log:
        log.append("after")
    assert events_in(tmp_path) == [("before", {}), ("after", {})]


def test_threads_do_not_mix_their_lines(tmp_path):
    with EventLog(tmp_path) as log:
        threads = [
            threading.Thread(target=lambda name=name: [log.append("x", name=name, n=n) for n in range(200)])
            for name in "abcd"
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    written = [(about["name"], about["n"]) for _, about in events_in(tmp_path)]
    assert sorted(written) == [(name, n) for name in "abcd" for n in range(200)]


def test_an_event_with_half_an_emoji_is_written(tmp_path):
    with EventLog(tmp_path) as log:
        log.append("x", text="\ud83d")
    assert len(events_in(tmp_path)) == 1


def test_without_a_log_only_durable_events_are_refused():
    NoEvents().append("shown", battle="1")
    with pytest.raises(OSError, match="cannot be written"):
        NoEvents().append("withdrawn", durable=True, vote="1")


def test_a_process_follows_what_others_add_and_not_what_it_adds_itself(tmp_path):
    with EventLog(tmp_path) as first:
        first.append("before")
        with EventLog(tmp_path) as second:
            seen, late = [], []
            first.follow(seen.append)
            first.append("own")
            second.append("other")
            with second.part.open("ab") as file:
                file.write(b'{"kind": "ha')  # still being written
            first.catch_up()
            first.follow(late.append)
            with second.part.open("ab") as file:
                file.write(b'lf", "time": 9e9}\n')
            for _ in range(2):
                first.catch_up()
    assert [event.kind for event in seen] == ["before", "other", "half"]
    assert [event.kind for event in late] == ["before", "own", "other", "half"]


def test_what_cannot_be_read_now_is_followed_later(tmp_path, monkeypatch, caplog):
    seen = []
    with EventLog(tmp_path) as first, EventLog(tmp_path) as second:
        first.follow(seen.append)
        second.append("other")
        with monkeypatch.context() as broken:
            broken.setattr(Path, "open", no_file)
            first.catch_up()
        assert seen == [] and "cannot be read: stale" in caplog.text
        first.catch_up()
    assert [event.kind for event in seen] == ["other"]


def no_file(*_):
    raise OSError("stale file handle")


def test_a_mark_beside_a_part_that_cannot_be_read_counts_once_it_can(tmp_path, monkeypatch):
    with EventLog(tmp_path) as one, EventLog(tmp_path) as other:
        one.append(WITHDRAWN, vote="1")
        other.append(WITHDRAWN, vote="2")
        marks = MarkReader(tmp_path)
        with monkeypatch.context() as patch:
            opened = Path.open

            def refused(path, *arguments, **options):
                if path == other.part:
                    raise PermissionError(13, "Permission denied", str(path))
                return opened(path, *arguments, **options)

            patch.setattr(Path, "open", refused)
            with pytest.raises(PermissionError):
                marks()
        assert marks().withdrawn == {"1", "2"} and marks() is marks()


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        EventLog(tmp_path / "file" / "data")


def test_events_of_several_processes_are_read_in_order_of_time(tmp_path):
    lines = {FIRST_PART: (2, 5), "events-2.jsonl": (1, 4), "events-100000000010001.jsonl": (0, 3, 6)}
    for name, times in lines.items():
        text = "".join(f'{{"kind": "e{time}", "time": {time}}}\n' for time in times)
        (tmp_path / name).write_text(text)
    assert [kind for kind, _ in events_in(tmp_path)] == [f"e{time}" for time in range(7)]
