"""The key that hides raters: judges, receipt codes and other secrets made with it."""

import errno
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from arena.judging.judge_key import JudgeKey


@pytest.fixture
def key(tmp_path):
    return JudgeKey(tmp_path / "judge.key")


def test_the_same_rater_is_the_same_judge_even_after_a_restart(key, tmp_path):
    assert key.judge("rater-1") == JudgeKey(tmp_path / "judge.key").judge("rater-1")
    assert key.judge("rater-1") != key.judge("rater-2")


def test_another_key_gives_other_judges(key, tmp_path):
    assert key.judge("rater-1") != JudgeKey(tmp_path / "other.key").judge("rater-1")


@pytest.mark.parametrize("rater", ["a", "rater-1", "中文", "\ud83d", "x" * 10_000])
def test_the_rater_is_not_in_the_hash(key, rater):
    judge = key.judge(rater)
    assert len(judge) == 24 and set(judge) <= set("0123456789abcdef")
    assert len(rater) < 2 or rater not in judge


def test_only_the_owner_can_read_the_key(key, tmp_path):
    path = tmp_path / "judge.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(path.read_bytes()) == 32


def test_two_processes_share_one_key(tmp_path):
    first, second = (JudgeKey(tmp_path / "judge.key") for _ in range(2))
    assert first.judge("rater-1") == second.judge("rater-1")


def test_without_a_writable_folder_the_key_lasts_for_this_run(tmp_path):
    key = JudgeKey(tmp_path / "missing" / "judge.key")
    assert key.judge("rater-1") == key.judge("rater-1")
    assert key.judge("rater-1") != JudgeKey(tmp_path / "missing" / "judge.key").judge("rater-1")


def test_a_key_that_cannot_be_read_is_left_alone(tmp_path):
    (tmp_path / "judge.key").mkdir()
    assert JudgeKey(tmp_path / "judge.key").judge("rater-1")
    assert (tmp_path / "judge.key").is_dir()


def test_a_full_disk_leaves_no_empty_key_file(tmp_path, full_disk):
    path = tmp_path / "judge.key"
    with full_disk():
        assert JudgeKey(path).judge("rater-1")
    assert JudgeKey(path).judge("rater-1") == JudgeKey(path).judge("rater-1")


def test_a_key_is_saved_once_there_is_room_and_stays_the_same(tmp_path, full_disk):
    path = tmp_path / "judge.key"
    with full_disk():
        key = JudgeKey(path)
        with pytest.raises(OSError):
            key.save()
        assert [*tmp_path.iterdir()] == []
    before = key.judge("rater-1")
    key.save()
    assert before == key.judge("rater-1") == JudgeKey(path).judge("rater-1")
    assert [*tmp_path.glob("[!.]*")] == [path] and stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_key_that_another_process_has_saved_meanwhile_is_taken(tmp_path, full_disk):
    path = tmp_path / "judge.key"
    with full_disk():
        key = JudgeKey(path)
    other = JudgeKey(path)
    key.save()
    assert key.judge("rater-1") == other.judge("rater-1")


@pytest.mark.parametrize("code", [errno.EPERM, errno.ENOTSUP, errno.ENOSYS])
def test_a_disk_without_hard_links_has_a_key(tmp_path, monkeypatch, code):
    def refuse(*paths, **options):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", refuse)
    path = tmp_path / "judge.key"
    key = JudgeKey(path)
    key.save()
    assert key.judge("rater-1") == JudgeKey(path).judge("rater-1") and path.stat().st_size == 32
    assert [*tmp_path.glob("[!.]*")] == [path]


@pytest.mark.parametrize("left", [None, b""])
def test_of_many_processes_that_save_a_key_at_once_all_have_the_same(tmp_path, monkeypatch, full_disk, left):
    path = tmp_path / "judge.key"
    with full_disk():
        keys = [JudgeKey(path) for _ in range(8)]
    if left is not None:  # by a crash
        path.write_bytes(left)
    together, fsync = Barrier(8), os.fsync

    def wait_for_all(handle):
        if not stat.S_ISDIR(os.fstat(handle).st_mode):
            together.wait(30)
        fsync(handle)

    monkeypatch.setattr(os, "fsync", wait_for_all)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(JudgeKey.save, keys))
    assert {key.judge("rater-1") for key in keys} == {JudgeKey(path).judge("rater-1")}


def test_an_empty_key_file_is_replaced(tmp_path):
    path = tmp_path / "judge.key"
    path.touch()
    assert JudgeKey(path).judge("rater-1") == JudgeKey(path).judge("rater-1") and path.stat().st_size == 32


def test_derived_secrets_differ_by_purpose_and_from_judges(key, tmp_path):
    secret = key.derive("browser")
    assert secret == JudgeKey(tmp_path / "judge.key").derive("browser")
    assert secret != key.derive("room")
    assert not secret.startswith(key.judge("browser"))
    assert not secret.startswith(key.judge("purpose:browser"))


def test_with_a_secret_from_the_host_a_rater_is_the_same_judge_in_every_folder(tmp_path):
    first, second = (JudgeKey(tmp_path / folder / "judge.key", "a secret") for folder in ("a", "b"))
    assert first.judge("rater-1") == second.judge("rater-1") and first.code("x") == second.code("x")
    assert first.judge("rater-1") != JudgeKey(tmp_path / "judge.key", "another").judge("rater-1")
    assert list(tmp_path.iterdir()) == []
