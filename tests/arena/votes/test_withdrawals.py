"""Votes taken back by the code on a receipt: gone from every reading, and still in the log."""

import pandas
import pytest
from vote_samples import log_path, make_vote

from arena.errors import InputError
from arena.events import EventLog, MarkReader
from arena.exports.export import Downloads
from arena.judging.judge_key import JudgeKey
from arena.judging.withdrawals import Withdrawals
from arena.results.service import ResultsService
from arena.votes import VoteLog
from arena.votes.store import VoteStore


@pytest.fixture
def key(tmp_path):
    return JudgeKey(tmp_path / "judge.key")


@pytest.fixture
def withdrawals(tmp_path, key):
    """A log with three votes of one rater, one of another, and one that names no judge."""
    with VoteLog(log_path(tmp_path)) as log, EventLog(tmp_path) as events:
        for number, judge in enumerate(("one", "one", "two", "one", ""), start=1):
            log.append(make_vote(number, judge=judge))
        yield Withdrawals(VoteStore(tmp_path), events, key.code, count_try=lambda address: None)


def test_a_rater_has_one_code_on_every_receipt(key, tmp_path):
    code = key.code("one")
    assert len(code) == 16 and code.isalnum() and code.isupper()
    assert code == JudgeKey(tmp_path / "judge.key").code("one") != key.code("two")
    assert code not in key.judge("one").upper() and code != JudgeKey(tmp_path / "other.key").code("one")


@pytest.mark.parametrize(
    "typed",
    [
        lambda code: code,
        lambda code: f" {code[:8]} {code[8:].lower()}\n",
        lambda code: f"{code[:4]}-{code[4:8]}–{code[8:]}\u200b",
        lambda code: "".join(chr(ord(letter) + 0xFEE0) for letter in code),
    ],
)
def test_all_votes_of_the_rater_are_withdrawn_and_no_others(withdrawals, tmp_path, key, typed):
    results, downloads = ResultsService(VoteStore(tmp_path)), Downloads(tmp_path)
    assert results.figures().votes == 5
    assert withdrawals.withdraw(typed(key.code("one"))) == 3
    assert MarkReader(tmp_path)().withdrawn == {"vote-1", "vote-2", "vote-4"}
    assert (results.figures().votes, results.figures().left_out.withdrawn) == (2, 3)
    for excel, read in ((False, pandas.read_csv), (True, pandas.read_excel)):
        assert set(read(downloads(excel)).vote_id) == {"vote-3", "vote-5"}
    assert "vote-1" in log_path(tmp_path).read_text(encoding="utf-8")


@pytest.mark.parametrize("code", ["", " ", "ABCDEFGHIJKLMNOP", "one", "\ud83d"])
def test_an_unknown_code_withdraws_nothing(withdrawals, tmp_path, code):
    with pytest.raises(InputError, match="No receipt has this code"):
        withdrawals.withdraw(code)
    assert not MarkReader(tmp_path)().withdrawn


def test_withdrawing_twice_is_refused(withdrawals, key):
    withdrawals.withdraw(key.code("two"))
    with pytest.raises(InputError, match="No receipt has this code"):
        withdrawals.withdraw(key.code("two"))


def test_a_withdrawal_that_cannot_be_written_is_an_error(tmp_path, key):
    class Full:
        def append(self, kind, durable=False, **about):
            raise OSError(28, "No space left on device")

    with VoteLog(log_path(tmp_path)) as log:
        log.append(make_vote(1, judge="one"))
    with pytest.raises(InputError, match="NOT withdrawn: No space left"):
        Withdrawals(VoteStore(tmp_path), Full(), key.code, lambda address: None).withdraw(key.code("one"))
