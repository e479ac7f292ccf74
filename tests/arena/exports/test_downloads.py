"""Copies of the vote log to take away: fresh, current, apart from the log, and soon gone."""

import csv
import gc
import os
import shutil
import time

import pytest
from vote_samples import make_vote
from workbooks import workbook_rows

from arena.exports import export
from arena.exports.export import KEEP_SECONDS, MOST_FOLDERS, Downloads
from arena.votes import VoteLog


@pytest.fixture
def log(tmp_path):
    with VoteLog(tmp_path / "data" / "votes.csv") as log:
        yield log


@pytest.fixture
def downloads(log, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return Downloads(log.folder)


def rows(path):
    if path.suffix == ".xlsx":
        return workbook_rows(path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def age(copy, seconds):
    then = time.time() - seconds
    os.utime(copy.parent, (then, then))


@pytest.mark.parametrize(("excel", "name"), [(False, "votes.csv"), (True, "votes.xlsx")])
def test_a_copy_holds_the_votes_at_the_time_of_the_call(downloads, log, excel, name):
    log.append(make_vote(1))
    first = downloads(excel)
    log.append(make_vote(2))
    second = downloads(excel)
    assert [len(rows(first)), len(rows(second))] == [1, 2]
    assert first.name == second.name == name
    assert first != second


def test_both_copies_hold_the_text_as_it_is(downloads, log):
    log.append(make_vote(1, comment="=1+2"))
    assert [rows(downloads(excel))[0]["comment"] for excel in (False, True)] == ["=1+2", "=1+2"]


def test_without_votes_a_copy_is_a_header(downloads, log):
    copy = downloads(False)
    assert rows(copy) == []
    assert copy.read_text(encoding="utf-8-sig").startswith("question_id,model_a,model_b,winner")


def test_a_copy_is_no_part_of_the_data_folder(downloads, log):
    log.append(make_vote(1))
    copy = downloads(False)
    assert not copy.is_relative_to(log.folder)
    assert not copy.is_symlink() and not copy.samefile(log.part)


def test_copies_older_than_ten_minutes_go(downloads):
    old, young = downloads(False), downloads(False)
    age(old, KEEP_SECONDS + 5)
    age(young, KEEP_SECONDS - 60)
    downloads(False)
    assert (old.exists(), old.parent.exists(), young.exists()) == (False, False, True)


def test_of_too_many_copies_the_oldest_go(downloads, monkeypatch):
    monkeypatch.setattr(export, "MOST_FOLDERS", 4)
    copies = [downloads(False) for _ in range(4)]
    for seconds, copy in enumerate(reversed(copies)):
        age(copy, seconds)
    newest = downloads(False)
    assert [copy.exists() for copy in copies] == [False, True, True, True] and newest.exists()


def test_copies_made_at_once_do_not_fall_over_each_others_tidying(downloads, in_background):
    for copy in [downloads(False) for _ in range(MOST_FOLDERS)]:
        age(copy, KEEP_SECONDS + 5)
    created = [call.result() for call in [in_background(downloads, False) for _ in range(8)]]
    assert len(set(created)) == 8
    assert all(copy.exists() for copy in created)


def test_a_temporary_folder_that_was_swept_away_is_made_again(downloads):
    shutil.rmtree(downloads(False).parent.parent)
    assert downloads(False).exists()


def test_nothing_stays_in_the_temporary_folder_when_it_is_gone(log):
    downloads = Downloads(log.folder)
    place = downloads(excel=False).parents[1]
    assert place.exists()
    del downloads
    gc.collect()
    assert not place.exists()
