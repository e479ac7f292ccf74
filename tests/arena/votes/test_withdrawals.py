"""Votes taken back by the code on a receipt: gone from every reading, and still in the log."""

import pandas
import pytest
from vote_samples import log_path, make_vote

from arena.errors import InputError
from arena.events import EventLog
from arena.exports.export import Downloads
from arena.judging.judge_key import JudgeKey
from arena.results.service import ResultsService
from arena.votes import VoteLog
from arena.votes.store import store_of, withdrawn_votes
from arena.votes.withdrawals import Withdrawals


@pytest.fixture
def key(tmp_path):
    return JudgeKey(tmp_path / "judge.key")


@pytest.fixture
def withdrawals(tmp_path, key):
    """A log with three votes of one rater, one of another, and one that names no judge."""
    with VoteLog(log_path(tmp_path)) as log, EventLog(tmp_path) as events:
        for number, judge in enumerate(("one", "one", "two", "one", ""), start=1):
            log.append(make_vote(number, judge=judge))
        yield Withdrawals(tmp_path, events, key.code, count_try=lambda address: None)


def test_a_code_is_the_raters_own_and_the_same_on_every_receipt(key, tmp_path):
    code = key.code("one")
    assert len(code) == 16 and code.isalnum() and code.isupper()
    assert code == JudgeKey(tmp_path / "judge.key").code("one") != key.code("two")
    assert code not in key.judge("one").upper() and code != JudgeKey(tmp_path / "other.key").code("one")


@pytest.mark.parametrize("typed", [lambda code: code, lambda code: f" {code[:8]} {code[8:].lower()}\n"])
def test_all_votes_of_the_rater_are_taken_back_and_no_others(withdrawals, tmp_path, key, typed):
    results, downloads = ResultsService(store_of(tmp_path)), Downloads(tmp_path)
    assert results.figures().votes == 5
    assert withdrawals.withdraw(typed(key.code("one"))) == 3
    assert withdrawn_votes(tmp_path) == {"vote-1", "vote-2", "vote-4"}
    assert (results.figures().votes, results.figures().left_out.withdrawn) == (2, 3)
    for excel, read in ((False, pandas.read_csv), (True, pandas.read_excel)):
        assert set(read(downloads(excel)).vote_id) == {"vote-3", "vote-5"}
    assert "vote-1" in log_path(tmp_path).read_text(encoding="utf-8")


@pytest.mark.parametrize("code", ["", " ", "ABCDEFGHIJKLMNOP", "one", "\ud83d"])
def test_a_code_that_stands_on_no_receipt_takes_nothing_back(withdrawals, tmp_path, code):
    with pytest.raises(InputError, match="No vote has a receipt"):
        withdrawals.withdraw(code)
    assert not withdrawn_votes(tmp_path)


def test_a_second_time_there_is_nothing_left(withdrawals, key):
    withdrawals.withdraw(key.code("two"))
    with pytest.raises(InputError, match="No vote has a receipt"):
        withdrawals.withdraw(key.code("two"))


def test_what_cannot_be_written_is_said(tmp_path, key):
    class Full:
        def append(self, kind, durable=False, **about):
            raise OSError(28, "No space left on device")

    with VoteLog(log_path(tmp_path)) as log:
        log.append(make_vote(1, judge="one"))
    with pytest.raises(InputError, match="NOT withdrawn: No space left"):
        Withdrawals(tmp_path, Full(), key.code, lambda address: None).withdraw(key.code("one"))
