"""The backup against a server on the loopback that plays both hubs' datasets."""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path

import pytest
from dataset_hub import TOKEN, Dataset, DatasetHub
from vote_samples import make_vote, read_votes

from arena.errors import InputError
from arena.events import EventLog, read_events
from arena.votes import VoteLog
from arena.votes.backup_status import Waiting
from backup.votes import STATE, Backup, load_copies
from hubs import named_dataset

NAME = "somebody/votes"


@pytest.fixture(params=["hf", "modelscope"])
def named(request: pytest.FixtureRequest, hub: DatasetHub) -> str:
    return f"{request.param}:{NAME}"


def give(folder: Path, *numbers: int) -> None:
    """Votes into the folder's own part, and an event for each."""
    with VoteLog(folder / "votes.csv") as log, EventLog(folder) as events:
        for number in numbers:
            log.append(make_vote(number))
            events.append("voted", battle=f"battle-{number}")


def ids(folder: Path) -> list[str]:
    return sorted(vote.id for vote in read_votes(folder))


def backup_of(named: str, folder: Path) -> Backup:
    folder.mkdir(exist_ok=True)
    return Backup(named_dataset(named), folder)


def copy_once(named: str, folder: Path, problem: str = "") -> None:
    """Start and end."""
    backup = backup_of(named, folder)
    backup.start(60)
    backup.close(60)
    result = backup.status().problem
    assert (result.code if result else "") == problem


def remote_votes(hub: DatasetHub, tmp_path: Path) -> list[str]:
    """What somebody reads who downloads the dataset."""
    folder = tmp_path / "downloaded"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, data in hub.datasets[NAME].files.items():
        (folder / name).write_bytes(data)
    return ids(folder)


def never_shorter(hub: DatasetHub) -> bool:
    """Whether no commit made any file shorter, or took one away."""
    commits = hub.datasets[NAME].commits
    return all(after.get(name, 0) >= size for before, after in pairwise(commits) for name, size in before.items())


def test_votes_go_to_a_private_dataset_that_is_a_data_folder(hub: DatasetHub, named: str, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    give(folder, 1, 2)
    backup = backup_of(named, folder)
    assert backup.status().waiting == 2
    backup.copy()
    dataset = hub.datasets[NAME]
    assert dataset.private
    assert len(dataset.files) == 2
    assert sorted(dataset.files.values()) == sorted(
        (folder / name).read_bytes() for name in ("votes.csv", "events.jsonl")
    )
    assert remote_votes(hub, tmp_path) == ["vote-1", "vote-2"]
    assert backup.status().waiting == 0
    give(folder, 3)
    assert backup.status().waiting == 1
    backup.copy()
    assert len(dataset.files) == 2 and remote_votes(hub, tmp_path) == ["vote-1", "vote-2", "vote-3"]
    assert never_shorter(hub)


def test_nothing_new_asks_nothing(hub: DatasetHub, named: str, tmp_path: Path) -> None:
    give(tmp_path, 1)
    backup = backup_of(named, tmp_path)
    backup.copy()
    asked = len(hub.asked)
    backup.copy()
    assert len(hub.asked) == asked


def test_an_empty_folder_brings_all_back_and_overwrites_nothing(hub: DatasetHub, named: str, tmp_path: Path) -> None:
    give(tmp_path / "old", 1, 2)
    copy_once(named, tmp_path / "old")
    copy_once(named, tmp_path / "new")
    assert ids(tmp_path / "new") == ["vote-1", "vote-2"]
    assert [event.about["battle"] for event in read_events(tmp_path / "new")] == ["battle-1", "battle-2"]
    give(tmp_path / "new", 3)
    backup = backup_of(named, tmp_path / "new")
    assert backup.status().waiting == 1  # those that were brought are not counted
    backup.copy()
    assert len(hub.datasets[NAME].files) == 4
    assert remote_votes(hub, tmp_path) == ids(tmp_path / "new") == ["vote-1", "vote-2", "vote-3"]
    assert never_shorter(hub)


def test_replicas_side_by_side_have_a_file_each(hub: DatasetHub, named: str, tmp_path: Path) -> None:
    backups = [backup_of(named, tmp_path / name) for name in "ab"]
    for turn in range(3):
        for place, backup in zip("ab", backups, strict=True):
            give(tmp_path / place, 10 * turn + ord(place))
            backup.copy()
    assert len([name for name in hub.datasets[NAME].files if name.startswith("votes-")]) == 2
    assert len(remote_votes(hub, tmp_path)) == 6 and never_shorter(hub)


def test_processes_on_one_folder_copy_it_once(hub: DatasetHub, named: str, tmp_path: Path) -> None:
    give(tmp_path, 1)
    first, second = backup_of(named, tmp_path), backup_of(named, tmp_path)
    first.copy()
    asked = len(hub.asked)
    give(tmp_path, 2)
    second.copy()
    assert len(hub.asked) == asked and second.status().waiting == 2
    first.copy()
    second.copy()  # sees that the first has done it
    assert second.status().waiting == 0
    first.start(seconds=10)
    first.close()
    second.copy()  # the first has let go
    assert remote_votes(hub, tmp_path) == ["vote-1", "vote-2"]


@pytest.mark.parametrize("what", ["older disk", "another's votes", "emptied folder"])
def test_what_the_dataset_has_is_never_overwritten_by_what_does_not_go_on_from_it(
    hub: DatasetHub, named: str, tmp_path: Path, what: str
) -> None:
    folder = tmp_path / "data"
    give(folder, 1)
    early = (folder / "votes.csv").read_bytes()
    give(folder, 2, 3)
    copy_once(named, folder)
    if what == "emptied folder":
        (folder / "votes.csv").unlink()
        (folder / "events.jsonl").unlink()
    else:
        (folder / "votes.csv").write_bytes(early)
        if what == "another's votes":
            give(folder, *range(4, 20))
    copy_once(named, folder)
    expected = {f"vote-{number}" for number in (range(1, 20) if what == "another's votes" else range(1, 4))}
    assert set(ids(folder)) == expected == set(remote_votes(hub, tmp_path))
    assert never_shorter(hub)


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("change", ["deleted", "another"])
def test_a_dataset_that_lacks_what_was_restored_gets_it_again(
    hub: DatasetHub, named: str, tmp_path: Path, change: str, fails: bool
) -> None:
    give(tmp_path / "old", 1, 2)
    copy_once(named, tmp_path / "old")
    backup = backup_of(named, tmp_path / "new")
    backup.copy()
    give(tmp_path / "new", 3)
    backup.copy()
    if change == "another":  # named at the next start
        backup.start(60)
        backup.close(60)
        backup = backup_of(named, tmp_path / "new")
    else:
        give(tmp_path / "new", 4)
    before = hub.datasets.pop(NAME).files
    if fails:
        hub.faults.commit_status = 400
        for _ in range(2):  # the second time too, although the folder's own files have not grown
            with pytest.raises(Exception, match=r"400|busy"):
                backup.copy()
        hub.faults.commit_status = 0
    backup.copy()
    assert set(hub.datasets[NAME].files) == set(before)
    assert remote_votes(hub, tmp_path) == ids(tmp_path / "new") and len(ids(tmp_path / "new")) >= 3
    copy_once(named, tmp_path / "next")
    assert ids(tmp_path / "next") == ids(tmp_path / "new")


def test_a_restored_file_that_the_dataset_has_is_not_sent_again(hub: DatasetHub, named: str, tmp_path: Path) -> None:
    old, new = (backup_of(named, tmp_path / name) for name in ("old", "new"))
    give(tmp_path / "old", 1)
    old.copy()
    new.copy()
    give(tmp_path / "old", 2)
    old.copy()
    give(tmp_path / "new", 3)
    new.copy()
    assert ids(tmp_path / "new") == ["vote-1", "vote-3"]
    assert remote_votes(hub, tmp_path) == ["vote-1", "vote-2", "vote-3"] and never_shorter(hub)


def test_a_copy_of_which_nobody_heard_the_end_is_known_again(hub: DatasetHub, named: str, tmp_path: Path) -> None:
    give(tmp_path, 1)
    hub.faults.lost = True
    backup = backup_of(named, tmp_path)
    backup.start(60)
    problem = backup.status().problem
    assert problem and problem.code == "backup_failed"
    hub.faults.lost = False
    backup.close(60)
    assert remote_votes(hub, tmp_path) == ["vote-1"] and backup.status().problem is None
    give(tmp_path, 2)
    copy_once(named, tmp_path)
    assert remote_votes(hub, tmp_path) == ["vote-1", "vote-2"]
    assert len(hub.datasets[NAME].files) == 2 and never_shorter(hub)


@pytest.mark.parametrize(("status", "code"), [(401, "backup_denied"), (403, "backup_denied"), (500, "backup_failed")])
def test_a_hub_that_takes_nothing_is_told_and_stops_nothing(
    hub: DatasetHub, named: str, tmp_path: Path, status: int, code: str
) -> None:
    give(tmp_path, 1)
    hub.faults.status = status
    backup = backup_of(named, tmp_path)
    backup.start(seconds=60)
    now = backup.status()
    assert now.problem and now.problem.code == code and now.waiting == 1 and now.time == 0
    assert TOKEN not in str(now.problem) and "\n" not in str(now.problem)
    hub.faults.status = 0
    backup.close(30)
    assert backup.status().problem is None and backup.status().waiting == 0
    assert remote_votes(hub, tmp_path) == ["vote-1"]


def test_a_hub_away_at_the_start_gives_the_votes_later(hub: DatasetHub, named: str, tmp_path: Path) -> None:
    give(tmp_path / "old", 1, 2)
    copy_once(named, tmp_path / "old")
    hub.faults.status = 503
    backup = backup_of(named, tmp_path / "new")
    backup.start(seconds=60)
    assert ids(tmp_path / "new") == [] and backup.status().problem
    hub.faults.status = 0
    backup.close(30)
    assert ids(tmp_path / "new") == ["vote-1", "vote-2"] and never_shorter(hub)
    assert len(hub.datasets[NAME].files) == 2  # no empty log came of it


def test_a_dataset_that_everybody_can_read_is_refused(hub: DatasetHub, named: str, tmp_path: Path) -> None:
    hub.datasets[NAME] = Dataset(private=False)
    give(tmp_path, 1)
    with pytest.raises(InputError, match="private") as caught:
        backup_of(named, tmp_path).start(seconds=60)
    assert caught.value.code == "backup_public" and hub.datasets[NAME].files == {}


def test_files_of_others_in_the_dataset_stay_where_they_are(hub: DatasetHub, named: str, tmp_path: Path) -> None:
    strange = {"README.md": b"mine", "votes.csv": b"mine", "votes-7.csv": b"mine", "../../escaped.csv": b"mine"}
    hub.datasets[NAME] = Dataset(files=dict(strange))
    give(tmp_path, 1)
    copy_once(named, tmp_path)
    files = hub.datasets[NAME].files
    assert {name: files[name] for name in strange} == strange and len(files) == 6
    assert ids(tmp_path) == ["vote-1"]


@pytest.mark.parametrize("name", ["", "votes", "s3:a/b", "hf:a", "hf:a/b/c", "hf:../..\n", "hf:a/ü"])
def test_a_place_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="hf:OWNER/NAME"):
        named_dataset(name)


@pytest.mark.parametrize("state", ["", "{", "[]", '{"replica": 1, "pushed": {}}', '{"replica": "x", "pushed": {}}'])
def test_a_state_that_cannot_be_read_makes_a_new_replica(tmp_path: Path, state: str) -> None:
    (tmp_path / STATE).write_text(state, encoding="utf-8")
    first, second = load_copies(tmp_path), load_copies(tmp_path)
    assert first.replica != second.replica and first.pushed == {}
    first.save()
    assert load_copies(tmp_path) == first


def test_no_file_but_a_log_is_copied(tmp_path: Path) -> None:
    give(tmp_path, 1)
    for other in ("judge.key", "answers.jsonl", "votes.csv.torn-x", "votes-100000000010001.csv"):
        (tmp_path / other).write_text("secret", encoding="utf-8")
    copies = load_copies(tmp_path)
    assert [part.name for part in copies.own().values()] == ["votes.csv", "events.jsonl"]


def test_waiting_votes_are_counted_as_rows_not_as_lines(tmp_path: Path) -> None:
    waiting = Waiting(tmp_path)
    assert waiting() == 0
    with VoteLog(tmp_path / "votes.csv") as log:
        for number in range(3):
            log.append(make_vote(number, answer='a\r\n"b"\n' * 100_000))
            assert waiting() == number + 1
    safe = waiting.counts()
    waiting.mark(safe)
    assert waiting() == 0


def test_votes_that_cannot_be_read_break_no_page(tmp_path: Path) -> None:
    give(tmp_path, 1)
    waiting = Waiting(tmp_path)
    assert waiting() == 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "open", lambda *arguments: (_ for _ in ()).throw(PermissionError(13, "denied")))
        assert waiting() == 1 and waiting.counts() == {"votes.csv": 1}
