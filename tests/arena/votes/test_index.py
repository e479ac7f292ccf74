"""The index of what was read, kept beside the votes: a start with it, damage, another version, another place."""

import shutil

import numpy as np
import pytest
from results_rows import assert_same, row_of, write
from vote_samples import make_vote

from arena.types import Winner
from arena.votes import reader, store
from arena.votes.store import VoteStore


@pytest.fixture
def indexed(tmp_path, monkeypatch):
    """A folder whose index was kept."""
    monkeypatch.setattr(store, "_WORTH_SAVING", 1)
    write(tmp_path, row_of(make_vote(1)), b"bad\r\n", row_of(make_vote(2, winner=Winner.BOTH_BAD)))
    VoteStore(tmp_path).refresh()
    assert (tmp_path / reader.INDEX_NAME).exists()
    return tmp_path


def add(folder, *rows):
    with (folder / "votes.csv").open("ab") as file:
        file.write(b"".join(rows))


def test_a_start_with_the_index_reads_only_what_came_since(indexed):
    add(indexed, row_of(make_vote(3)))
    bytes_read = []
    assert_same(indexed)
    VoteStore(indexed).refresh(lambda done, total: bytes_read.append(total))
    assert sum(bytes_read) in (0, len(row_of(make_vote(3))))


def test_votes_are_read_again_after_a_start_with_the_index(indexed):
    votes = VoteStore(indexed)
    table = votes.refresh().table
    second = next(votes.stored(table.where(np.arange(len(table)) == 1)))
    assert second.vote.battle.id == "battle-2" and second.row["question_id"] == "battle-2"


@pytest.mark.parametrize("damage", [b"", b"no zip", b"PK\x03\x04 cut"])
def test_a_damaged_index_is_rebuilt(indexed, damage):
    (indexed / reader.INDEX_NAME).write_bytes(damage)
    assert_same(indexed)


def test_an_index_of_another_version_or_file_is_not_used(indexed, monkeypatch):
    write(indexed, row_of(make_vote(9)))
    assert_same(indexed)
    monkeypatch.setattr(reader, "INDEX_VERSION", 99)
    assert_same(indexed)


def test_an_index_moves_with_its_folder(indexed, tmp_path_factory):
    moved = tmp_path_factory.mktemp("moved") / "data"
    shutil.copytree(indexed, moved)
    bytes_read = []
    VoteStore(moved).refresh(lambda done, total: bytes_read.append(total))
    assert not bytes_read
    assert_same(moved)


def test_a_folder_that_cannot_be_written_is_read_all_the_same(indexed, monkeypatch):
    (indexed / reader.INDEX_NAME).unlink()

    def refuse(**options):
        raise PermissionError(13, "denied")

    monkeypatch.setattr(reader.tempfile, "TemporaryDirectory", refuse)
    assert_same(indexed)
