"""What a browser's tab shows is kept for a while, privately, and lost rather than refused."""

import os
import stat
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from vote_samples import make_vote

from arena.sessions import MOST_BYTES, Session, Sessions

KEY = "rater:tab"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "sessions"


@pytest.fixture
def session():
    vote = make_vote(answer="你好 <b>\n")
    return Session("blind", (vote.battle,), vote, (vote.battle,), None, "ABC234")


def test_a_session_comes_back_as_it_was(folder, session):
    Sessions(folder).save(KEY, session)
    assert Sessions(folder).load(KEY) == session


def test_another_tab_or_rater_finds_nothing(folder, session):
    sessions = Sessions(folder)
    sessions.save(KEY, session)
    assert [sessions.load(key) for key in ("rater:other", "other:tab", "", "../rater:tab")] == [None] * 4


def test_the_latest_state_replaces_the_one_before(folder, session):
    sessions = Sessions(folder)
    for state in (session, Session("named")):
        sessions.save(KEY, state)
    assert sessions.load(KEY) == Session("named") and len(list(folder.iterdir())) == 1


def test_only_the_host_can_read_the_file_and_its_name_tells_no_rater(folder, session):
    Sessions(folder).save(KEY, session)
    (path,) = folder.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "rater" not in path.name


def test_what_is_too_old_is_not_shown_and_then_deleted(folder, session):
    sessions = Sessions(folder, seconds=60)
    sessions.save(KEY, session)
    (path,) = folder.iterdir()
    old = time.time() - 61
    os.utime(path, (old, old))
    assert sessions.load(KEY) is None
    sessions.save("other", session)
    assert not path.exists() and len(list(folder.iterdir())) == 1


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"mode": 3}', b'{"chat": [{"id": 1}]}', b"\xff"])
def test_a_file_of_another_version_is_as_good_as_none(folder, session, data):
    sessions = Sessions(folder)
    sessions.save(KEY, session)
    (path,) = folder.iterdir()
    path.write_bytes(data)
    assert sessions.load(KEY) is None


def test_of_a_conversation_that_is_too_long_nothing_is_kept(folder, session):
    long, sessions = Session("named", (make_vote(answer="x" * MOST_BYTES).battle,)), Sessions(folder)
    sessions.save(KEY, long)
    assert sessions.load(KEY) is None
    for key in (KEY, "another"):
        sessions.save(key, session)
    sessions.save(KEY, long)
    assert sessions.load(KEY) is None and sessions.load("another") == session
    sessions.save(KEY, session)
    assert sessions.load(KEY) == session


def test_a_folder_that_cannot_be_written_is_only_logged(tmp_path, session, caplog):
    (tmp_path / "file").write_text("")
    Sessions(tmp_path / "file").save(KEY, session)
    assert "cannot be kept" in caplog.text


def test_many_tabs_at_once_lose_no_session(folder, session, caplog):
    """Each save looks at the files of all others, which are renamed meanwhile."""
    sessions = [Sessions(folder) for _ in range(2)]

    def save(number):
        for _ in range(25):
            sessions[number % 2].save(f"tab {number % 8}", session)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(save, range(16)))
    assert caplog.text == "" and len(list(folder.iterdir())) == 8
    assert all(sessions[0].load(f"tab {number}") == session for number in range(8))
