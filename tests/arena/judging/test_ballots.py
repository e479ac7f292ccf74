"""Which battles may be judged, judging them once, and votes that cannot be saved."""

import csv
import threading
from types import SimpleNamespace

import pytest
from vote_samples import read_votes

import arena.judging.ballots
from arena.chat import Chat
from arena.errors import InputError, VoteRefused
from arena.judging.ballots import MAX_COMMENT_CHARACTERS, Ballots, Judgement
from arena.types import SideName, Winner
from arena.votes import VoteLog


class MemoryLog:
    """Keeps votes in a list; raises `error` while there is one."""

    def __init__(self):
        self.votes = []
        self.error = None

    def append(self, vote):
        if self.error:
            raise self.error
        self.votes.append(vote)

    def read(self):
        return iter(self.votes)


@pytest.fixture
def log():
    return MemoryLog()


@pytest.fixture
def ballots(log):
    return Ballots(log)


@pytest.fixture
def file_log(tmp_path):
    with VoteLog(tmp_path / "data" / "votes.csv") as log:
        yield log


def rows(log):
    with log.part.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


# ---- accepted votes


@pytest.mark.parametrize("winner", list(Winner))
def test_a_vote_is_in_the_log_when_cast_returns(ballots, log, answered, winner):
    ballots.offer(answered())
    vote = ballots.cast("battle-1", "judge-1", Judgement(str(winner), {"correct": "a", "clear": "tie"}, "Good."))
    assert log.votes == [vote]
    assert (vote.battle, vote.winner, vote.judge, vote.comment) == (answered(), winner, "judge-1", "Good.")
    assert vote.criteria == {"correct": "a", "clear": "tie"}


@pytest.mark.parametrize("finishes", [("length", "stop"), ("length", "length")])
def test_answers_cut_at_the_token_limit_can_be_judged(ballots, log, answered, finishes):
    ballots.offer(answered("yes", "no", *finishes))
    assert ballots.is_open("battle-1")
    ballots.cast("battle-1", "judge-1", Judgement("tie"))
    assert len(log.votes) == 1


def test_an_answer_cut_at_the_token_limit_is_marked_in_the_row(scripted, chat_of, last, file_log):
    ballots = Ballots(file_log)
    battle = last(
        chat_of(scripted({"text": "x", "times": 99}), scripted({"text": "y"})).ask("Hi", {"max_new_tokens": 20})
    )
    ballots.offer(battle)
    ballots.cast(battle.id, "judge-1", Judgement("tie"))
    (row,) = rows(file_log)
    assert (row["finish_a"], row["finish_b"], row["response_a"]) == ("length", "stop", "x" * 20)


def test_the_row_holds_prompt_and_answers_unchanged(scripted, last, file_log):
    answer, prompt = "    if x:\n\ty  \n\n", " hi<|im_end|>\n<|im_start|>system\n<think>"
    ballots = Ballots(file_log)
    backends = {SideName.A: scripted({"text": answer}), SideName.B: scripted({"text": "y"})}
    battle = last(Chat(backends, ballots.offer).ask(prompt))
    ballots.cast(battle.id, "judge-1", Judgement("model_b"))
    (row,) = rows(file_log)
    assert (row["prompt"], row["response_a"], row["winner"]) == (prompt, answer, "model_b")
    assert row["question_id"] == battle.id


@pytest.mark.parametrize(("prompt", "language"), [("为什么？", "Chinese"), ("Why?", "English"), ("1+1=", "unknown")])
def test_the_language_is_that_of_the_prompt(ballots, answered, prompt, language):
    ballots.offer(answered(prompt=prompt))
    assert ballots.cast("battle-1", "judge-1", Judgement("tie")).language == language


def test_the_dwell_is_the_time_since_both_answers_ended(ballots, answered, monkeypatch):
    monkeypatch.setattr("arena.judging.ballots.time", SimpleNamespace(time=lambda: 1_764_000_000.0))
    ballots.offer(answered())
    monkeypatch.setattr("arena.judging.ballots.time", SimpleNamespace(time=lambda: 1_764_000_012.34))
    vote = ballots.cast("battle-1", "judge-1", Judgement("tie"))
    assert (vote.dwell, vote.time) == (12.3, 1_764_000_012.34)


def test_a_comment_of_the_maximum_length_is_cleaned_and_saved(ballots, answered):
    ballots.offer(answered())
    comment = "\ud83d\x00" + " " * (MAX_COMMENT_CHARACTERS - 2)
    assert ballots.cast("battle-1", "judge-1", Judgement("tie", None, comment)).comment == "\ufffd␀" + comment[2:]


@pytest.mark.parametrize(("given", "stored"), [(False, False), (True, True), ("yes", False), (1, False)])
def test_only_a_clear_yes_is_consent_to_publish(ballots, answered, given, stored):
    ballots.offer(answered())
    judgement = Judgement("tie", may_publish=given)
    vote = ballots.cast("battle-1", "judge-1", judgement)
    assert vote.may_publish is stored
    assert judgement.repeats(vote) and not Judgement("tie", may_publish=not stored).repeats(vote)


def test_votes_have_different_ids(ballots, answered):
    for number in range(3):
        ballots.offer(answered(id=f"battle-{number}"))
    assert len({ballots.cast(f"battle-{number}", "judge-1", Judgement("tie")).id for number in range(3)}) == 3


# ---- refused votes, which are not written


@pytest.mark.parametrize(
    ("texts", "finishes"),
    [
        (("yes", "no"), ("stop", None)),
        (("yes", "no"), (None, None)),
        (("yes", "no"), ("error", "stop")),
        (("yes", "no"), ("stop", "cancelled")),
        (("", "no"), ("stop", "stop")),
        (("yes", " \n"), ("stop", "length")),
    ],
    ids=["one runs", "both run", "one failed", "one stopped", "one empty", "one blank"],
)
def test_unfinished_failed_stopped_and_empty_answers_cannot_be_judged(ballots, log, answered, texts, finishes):
    ballots.offer(answered(*texts, *finishes))
    assert not ballots.is_open("battle-1")
    with pytest.raises(VoteRefused) as refused:
        ballots.cast("battle-1", "judge-1", Judgement("tie"))
    assert refused.value.code == "vote_unfinished"
    assert not log.votes


@pytest.mark.parametrize("battle_id", ["", "battle-2", "None"])
def test_an_unknown_battle_cannot_be_judged(ballots, log, answered, battle_id):
    ballots.offer(answered())
    assert not ballots.is_open(battle_id)
    with pytest.raises(VoteRefused) as refused:
        ballots.cast(battle_id, "judge-1", Judgement("tie"))
    assert refused.value.code == "vote_unknown"
    assert not log.votes


def test_a_battle_cannot_be_judged_twice(ballots, log, answered):
    ballots.offer(answered())
    ballots.cast("battle-1", "judge-1", Judgement("model_a"))
    assert not ballots.is_open("battle-1")
    for judge in ("judge-1", "judge-2"):
        with pytest.raises(VoteRefused) as refused:
            ballots.cast("battle-1", judge, Judgement("model_b"))
        assert refused.value.code == "vote_twice"
    assert [vote.winner for vote in log.votes] == ["model_a"]


@pytest.mark.parametrize("winner", ["", "A", "model_c", "MODEL_A", "both_bad", "tie ", None, 1, [], {}])
def test_an_unknown_winner_is_refused(ballots, log, answered, winner):
    ballots.offer(answered())
    with pytest.raises(VoteRefused) as refused:
        ballots.cast("battle-1", "judge-1", Judgement(winner))
    assert refused.value.code == "vote_winner"
    assert "tie (bothbad)" in str(refused.value)
    assert not log.votes


@pytest.mark.parametrize(
    "criteria",
    [
        {"funny": "a"},
        {"correct": "model_a"},
        {"correct": None},
        {"correct": "a", "clear": ["a"]},
        {1: "a"},
        ["correct"],
        "correct",
        7,
    ],
)
def test_unknown_criteria_are_refused(ballots, log, answered, criteria):
    ballots.offer(answered())
    with pytest.raises(VoteRefused) as refused:
        ballots.cast("battle-1", "judge-1", Judgement("tie", criteria))
    assert refused.value.code == "vote_criteria"
    assert not log.votes


@pytest.mark.parametrize("comment", ["x" * (MAX_COMMENT_CHARACTERS + 1), 7, ["x"]], ids=["too long", "int", "list"])
def test_a_comment_that_is_too_long_or_no_text_is_refused(ballots, log, answered, comment):
    ballots.offer(answered())
    with pytest.raises(VoteRefused) as refused:
        ballots.cast("battle-1", "judge-1", Judgement("tie", None, comment))
    assert refused.value.code == "vote_comment"
    assert refused.value.details == {"limit": MAX_COMMENT_CHARACTERS}
    assert not log.votes


def test_a_missing_comment_is_saved_as_an_empty_one(ballots, answered):
    ballots.offer(answered())
    assert ballots.cast("battle-1", "judge-1", Judgement("tie", None, None)).comment == ""


def test_a_battle_offered_to_one_rater_can_be_judged_by_no_other(ballots, log, answered):
    ballots.offer(answered(), "judge-1")
    with pytest.raises(VoteRefused, match="no such battle"):
        ballots.cast("battle-1", "judge-2", Judgement("tie"))
    assert ballots.cast("battle-1", "judge-1", Judgement("tie")) in log.votes


def test_a_battle_that_is_offered_again_stays_judged(ballots, log, answered):
    ballots.offer(answered(), "judge-1")
    ballots.cast("battle-1", "judge-1", Judgement("tie"))
    ballots.offer(answered(), "judge-1")
    with pytest.raises(VoteRefused, match="already voted"):
        ballots.cast("battle-1", "judge-1", Judgement("tie"))
    assert len(log.votes) == 1


@pytest.mark.parametrize("bad", [Judgement("nobody"), Judgement("tie", ["x"]), Judgement("tie", any_right=1)])
def test_after_a_refusal_the_vote_can_still_be_cast(ballots, log, answered, bad):
    ballots.offer(answered())
    with pytest.raises(VoteRefused):
        ballots.cast("battle-1", "judge-1", bad)
    assert ballots.is_open("battle-1")
    ballots.cast("battle-1", "judge-1", Judgement("tie"))
    assert len(log.votes) == 1


# ---- concurrent votes, and turns that end early


def test_ten_votes_on_one_battle_at_once_are_one_row(file_log, answered, in_background):
    ballots = Ballots(file_log)
    ballots.offer(answered())
    ready = threading.Barrier(10)

    def cast(number):
        ready.wait(60)
        return ballots.cast("battle-1", f"judge-{number}", Judgement("model_a"))

    votes, codes = [], []
    for call in [in_background(cast, number) for number in range(10)]:
        try:
            votes.append(call.result())
        except VoteRefused as refused:
            codes.append(refused.code)
    (row,) = rows(file_log)
    assert [vote.id for vote in votes] == [row["vote_id"]]
    assert codes == ["vote_twice"] * 9


def test_a_vote_that_is_changed_twice_at_once_is_changed_once(file_log, answered, in_background):
    ballots = Ballots(file_log)
    ballots.offer(answered())
    first = ballots.cast("battle-1", "judge-1", Judgement("tie"))
    ready = threading.Barrier(2)

    def change(winner):
        ready.wait(60)
        return ballots.cast("battle-1", "judge-1", Judgement(winner), instead_of=first)

    votes, codes = [], []
    for call in [in_background(change, winner) for winner in ("model_a", "model_b")]:
        try:
            votes.append(call.result())
        except VoteRefused as refused:
            codes.append(refused.code)
    assert [row["vote_id"] for row in rows(file_log)] == [first.id, *(vote.id for vote in votes)]
    assert (len(votes), codes) == (1, ["vote_twice"])


def test_a_change_whose_first_vote_cannot_be_withdrawn_can_be_tried_again(file_log, answered):
    def refuse(vote):
        raise InputError("withdraw_unwritable", "NOT withdrawn")

    ballots, withdrawn = Ballots(file_log), []
    ballots.offer(answered())
    first = ballots.cast("battle-1", "judge-1", Judgement("tie"), withdraw_others=refuse)
    for _ in range(2):
        with pytest.raises(InputError, match="NOT withdrawn"):
            ballots.cast("battle-1", "judge-1", Judgement("model_a"), instead_of=first, withdraw_others=refuse)
    about = {"withdraw_others": withdrawn.append}
    second = ballots.cast("battle-1", "judge-1", Judgement("model_b"), instead_of=first, **about)
    assert withdrawn == [second] and rows(file_log)[-1]["vote_id"] == second.id and len(rows(file_log)) == 4
    with pytest.raises(VoteRefused, match="already voted"):
        ballots.cast("battle-1", "judge-1", Judgement("model_b"), instead_of=first, **about)


def test_votes_on_different_battles_at_once_are_all_rows(file_log, answered, in_background):
    ballots = Ballots(file_log)
    for number in range(20):
        ballots.offer(answered(id=f"battle-{number}"))
    ready = threading.Barrier(20)

    def cast(number):
        ready.wait(60)
        return ballots.cast(f"battle-{number}", "judge-1", Judgement("tie"))

    votes = [call.result() for call in [in_background(cast, number) for number in range(20)]]
    assert {row["vote_id"] for row in rows(file_log)} == {vote.id for vote in votes}
    assert len(rows(file_log)) == 20


def test_the_oldest_ballots_are_evicted(ballots, log, answered, monkeypatch):
    monkeypatch.setattr(arena.judging.ballots, "MAX_BALLOTS", 3)
    for number in range(5):
        ballots.offer(answered(id=f"battle-{number}"))
    assert [ballots.is_open(f"battle-{number}") for number in range(5)] == [False, False, True, True, True]
    with pytest.raises(VoteRefused) as refused:
        ballots.cast("battle-1", "judge-1", Judgement("tie"))
    assert refused.value.code == "vote_unknown"


def test_a_turn_closed_before_its_end_cannot_be_judged(scripted, until, file_log):
    ballots = Ballots(file_log)
    steady, fine = scripted({"text": "x", "delay": 0.02, "times": 500}), scripted({"text": "y"})
    chat = Chat({SideName.A: steady, SideName.B: fine}, ballots.offer)
    battles = chat.ask("Hi")
    battle = until(battles, lambda battle: battle.a.answer.text)
    assert not ballots.is_open(battle.id)
    battles.close()
    with pytest.raises(VoteRefused) as refused:
        ballots.cast(battle.id, "judge-1", Judgement("tie"))
    assert refused.value.code == "vote_unfinished"
    assert list(read_votes(file_log.folder)) == []


def test_a_regenerated_answer_makes_a_new_ballot(scripted, last, file_log):
    ballots = Ballots(file_log)
    chat = Chat({SideName.A: scripted({"text": "x"}), SideName.B: scripted({"text": "y"})}, ballots.offer)
    first, again = last(chat.ask("Hi")), last(chat.regenerate(SideName.A))
    ballots.cast(again.id, "judge-1", Judgement("tie"))
    ballots.cast(first.id, "judge-1", Judgement("model_a"))
    assert [vote.battle.id for vote in read_votes(file_log.folder)] == [again.id, first.id]


# ---- votes that cannot be saved


@pytest.mark.parametrize("error", [VoteRefused("not_saved", "The disk is full."), ValueError("a vote without a model")])
def test_a_vote_that_could_not_be_logged_can_be_cast_again(ballots, log, answered, error):
    ballots.offer(answered())
    log.error = error
    with pytest.raises(type(error)) as raised:
        ballots.cast("battle-1", "judge-1", Judgement("tie"))
    assert raised.value is error
    assert ballots.is_open("battle-1")
    log.error = None
    ballots.cast("battle-1", "judge-1", Judgement("tie"))
    assert len(log.votes) == 1


def test_a_failure_of_the_leak_filter_leaves_the_ballot_open(ballots, log, answered, monkeypatch):
    ballots.offer(answered())
    with monkeypatch.context() as patch:
        patch.setattr(arena.judging.ballots, "is_leaked", lambda battle: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            ballots.cast("battle-1", "judge-1", Judgement("tie"))
    assert ballots.is_open("battle-1")
    ballots.cast("battle-1", "judge-1", Judgement("tie"))
    assert len(log.votes) == 1


def test_a_full_disk_refuses_the_vote_and_keeps_earlier_rows(file_log, answered, full_disk):
    ballots = Ballots(file_log)
    for number in (1, 2):
        ballots.offer(answered(id=f"battle-{number}"))
    first = ballots.cast("battle-1", "judge-1", Judgement("model_a"))
    with full_disk(file_log.part.stat().st_size + 20), pytest.raises(VoteRefused) as refused:
        ballots.cast("battle-2", "judge-1", Judgement("model_b"))
    assert refused.value.code == "not_saved"
    assert [row["vote_id"] for row in rows(file_log)] == [first.id]
    later = ballots.cast("battle-2", "judge-1", Judgement("model_b"))
    assert [row["vote_id"] for row in rows(file_log)] == [first.id, later.id]


def test_a_closed_log_refuses_votes_with_the_reason(answered, file_log):
    log = InputError("data_dir_unwritable", "The data folder /x cannot be written.", folder="/x")
    ballots = Ballots(log)
    assert ballots.refuses_all and not Ballots(file_log).refuses_all
    ballots.offer(answered())
    with pytest.raises(VoteRefused) as refused:
        ballots.cast("battle-1", "judge-1", Judgement("tie"))
    assert (refused.value.code, refused.value.details) == ("data_dir_unwritable", {"folder": "/x"})
    assert "/x cannot be written" in str(refused.value)


def test_no_vote_is_taken_before_the_raters_key_is_on_disk(log, answered):
    problems = [OSError(28, "No space left on device")]

    def save_key():
        if problems:
            raise problems[0]

    ballots = Ballots(log, save_key=save_key)
    ballots.offer(answered())
    with pytest.raises(VoteRefused, match="NOT saved: No space left on device") as refused:
        ballots.cast(answered().id, "j", Judgement("tie"))
    assert refused.value.code == "not_saved" and log.votes == []
    problems.clear()
    assert [ballots.cast(answered().id, "j", Judgement("tie"))] == log.votes


def test_a_battle_that_was_judged_before_a_crash_gets_no_second_receipt(log, answered):
    other = Ballots(log)
    other.offer(answered())
    before = {"battle-1": other.cast("battle-1", "j", Judgement("tie"))}
    ballots = Ballots(log, vote_on=before.get)
    assert ballots.resume(answered()) == before["battle-1"] and not ballots.is_open("battle-1")
    with pytest.raises(VoteRefused) as refused:
        ballots.cast("battle-1", "j", Judgement("tie"))
    assert refused.value.code == "vote_unknown" and log.votes == [*before.values()]
    assert ballots.resume(answered(id="battle-2")) is None
    assert ballots.cast("battle-2", "j", Judgement("tie")) in log.votes
