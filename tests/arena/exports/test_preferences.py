"""What a model can be trained on: which votes count, who wins a pair, and what the files say."""

import json
from dataclasses import replace

import pytest
from vote_samples import make_side, make_vote

from arena.exports.formats import DATASET_INFO, LLAMA_FACTORY, TRL, Preferences, Reason
from arena.types import Battle, Message, SideName, Winner
from arena.votes.rows import to_row
from arena.votes.store import StoredVote

A, B, TIE, BAD = Winner.MODEL_A, Winner.MODEL_B, Winner.TIE, Winner.BOTH_BAD


def vote(number=1, winner=A, texts=("good", "bad"), prompt="Why?", **changes):
    """A vote from which a preference follows, by a rater of its own; `changes` are fields of Vote."""
    sides = (make_side(model, text) for model, text in zip(("qwen", "glm"), texts, strict=True))
    sides = [replace(side, messages=(Message("user", prompt),)) for side in sides]
    return make_vote(number, battle=Battle(f"battle-{number}", prompt, *sides, blind=True), winner=winner, **changes)


def with_sides(created, **fields):
    """The vote with these fields of both sides."""
    battle = created.battle
    for name in SideName:
        battle = replace(battle, **{name.value: replace(battle.side(name), **fields)})
    return replace(created, battle=battle)


def with_answer(created, name, **fields):
    answer = replace(created.battle.side(name).answer, **fields)
    return replace(created, battle=created.battle.with_answer(name, answer))


@pytest.fixture
def summed_up(tmp_path):
    def sum_up(*votes):
        with Preferences(tmp_path) as preferences:
            for item in votes:
                preferences.add(StoredVote(to_row(item)))
            preferences.write()
        trl, llama = (
            [json.loads(line) for line in (tmp_path / name).read_bytes().splitlines()] for name in (TRL, LLAMA_FACTORY)
        )
        assert len(trl) == len(llama) == preferences.pairs
        assert sum(preferences.left_out.values()) + preferences.votes == len(votes)
        assert sum(row["votes_for"] + row["votes_against"] for row in trl) == preferences.votes
        return trl, llama, {reason: count for reason, count in preferences.left_out.items() if count}

    return sum_up


def short(row):
    return row["chosen"][0]["content"], row["rejected"][0]["content"], row["votes_for"], row["votes_against"]


def test_a_row_is_what_both_trainers_read(summed_up):
    asked = (Message("system", "Be kind."), Message("user", "Hi"), Message("assistant", "Yo"), Message("user", "Why?"))
    (trl,), (llama,), left_out = summed_up(with_sides(vote(winner=B, texts=("no\n", '是 "q"\u2028')), messages=asked))
    assert trl == {
        "prompt": [{"role": message.role, "content": message.content} for message in asked],
        "chosen": [{"role": "assistant", "content": '是 "q"\u2028'}],
        "rejected": [{"role": "assistant", "content": "no\n"}],
        "votes_for": 1,
        "votes_against": 0,
    }
    assert llama == {
        "conversations": [
            {"from": "system", "value": "Be kind."},
            {"from": "human", "value": "Hi"},
            {"from": "gpt", "value": "Yo"},
            {"from": "human", "value": "Why?"},
        ],
        "chosen": {"from": "gpt", "value": '是 "q"\u2028'},
        "rejected": {"from": "gpt", "value": "no\n"},
    }
    assert not left_out


def test_llama_factory_is_told_of_its_file(summed_up, tmp_path):
    summed_up()
    assert json.loads((tmp_path / DATASET_INFO).read_text(encoding="utf-8")) == {
        "preferences": {
            "file_name": LLAMA_FACTORY,
            "formatting": "sharegpt",
            "ranking": True,
            "columns": {"messages": "conversations", "chosen": "chosen", "rejected": "rejected"},
        }
    }


# ---- which votes count


@pytest.mark.parametrize(
    ("created", "reason"),
    [
        (vote(repeat_of="battle-0"), "repeated"),
        (replace(vote(), battle=replace(vote().battle, blind=False)), "named"),
        (vote(leaked=True), "leaked"),
        (vote(winner=TIE), "tied"),
        (vote(winner=BAD), "tied"),
        (vote(texts=("same", "same")), "equal"),
        (vote(texts=("same", " same\n")), "equal"),
        (vote(texts=("", "")), "equal"),
        (vote(texts=("good", "")), "cut"),
        (vote(texts=("good", " \n")), "cut"),
        (vote(texts=("", "bad")), "cut"),
        *(
            (with_answer(vote(), side, finish_reason=reason), "cut")
            for side in SideName
            for reason in ("length", "cancelled", "error", None)
        ),
        (with_sides(vote(), messages=(Message("user", "Hi"), Message("user", "Why?"))), "unlike"),
        (with_sides(vote(), messages=(Message("user", "Hi"), Message("assistant", "Yo"))), "unlike"),
        (with_sides(vote(), messages=(Message("system", "Be kind."),)), "unlike"),
        (with_sides(vote(prompt=""), messages=()), "unlike"),
        (vote(prompt=" "), "unlike"),
    ],
)
def test_a_vote_from_which_nothing_can_be_learnt_is_left_out_and_counted(summed_up, created, reason):
    trl, _, left_out = summed_up(vote(9, texts=("other", "pair")), created)
    assert [short(row) for row in trl] == [("other", "pair", 1, 0)] and left_out == {reason: 1}


def test_two_sides_that_were_asked_different_things_make_no_pair(summed_up):
    created = vote()
    other = replace(created.battle.b, messages=(Message("system", "Be rude."), *created.battle.b.messages))
    assert summed_up(replace(created, battle=replace(created.battle, b=other)))[2] == {"unlike": 1}


def test_the_first_reason_that_fits_is_the_one_that_counts(summed_up):
    everything = vote(winner=TIE, texts=("", ""), leaked=True, repeat_of="battle-0")
    named = replace(everything, repeat_of="", battle=replace(everything.battle, blind=False))
    leaked = vote(2, winner=TIE, texts=("", ""), leaked=True)
    assert summed_up(everything, named, leaked)[2] == {"repeated": 1, "named": 1, "leaked": 1}


@pytest.mark.parametrize("leaked", [False, None])
def test_a_vote_that_nobody_found_to_be_leaked_counts(summed_up, leaked):
    assert len(summed_up(vote(leaked=leaked))[0]) == 1


def test_a_log_without_conversations_has_its_prompt(summed_up):
    (row,), _, _ = summed_up(with_sides(vote(prompt="Why?"), messages=()))
    assert row["prompt"] == [{"role": "user", "content": "Why?"}]


def test_every_reason_is_there_from_the_start(tmp_path):
    with Preferences(tmp_path) as preferences:
        assert preferences.left_out == dict.fromkeys(Reason, 0)


# ---- who wins a pair


def test_most_raters_decide_and_the_others_are_counted_against(summed_up):
    votes = [vote(number, winner=winner) for number, winner in enumerate([B, A, B, B, A])]
    trl, _, left_out = summed_up(*votes)
    assert [short(row) for row in trl] == [("bad", "good", 3, 2)] and not left_out


def test_a_pair_is_the_same_whichever_side_its_answers_are_on(summed_up):
    trl, _, _ = summed_up(vote(1, A), vote(2, B, texts=("bad", "good")), vote(3, A, texts=("bad", "good")), vote(4, A))
    assert [short(row) for row in trl] == [("good", "bad", 3, 1)]


def test_a_draw_between_raters_gives_no_row(summed_up):
    trl, _, left_out = summed_up(vote(1, A), vote(2, B), vote(3, A), vote(4, B), vote(5, texts=("other", "pair")))
    assert [short(row) for row in trl] == [("other", "pair", 1, 0)] and left_out == {"drawn": 4}


def test_a_tie_settles_no_draw(summed_up):
    assert summed_up(vote(1, A), vote(2, B), vote(3, TIE))[2] == {"drawn": 2, "tied": 1}


def test_each_rater_counts_once_for_a_pair(summed_up):
    """Live battles may give the same two answers twice."""
    votes = [vote(number, B, judge="one") for number in (1, 2, 3)]
    trl, _, left_out = summed_up(*votes, vote(4, A, judge="two"), vote(5, A, judge="three"))
    assert [short(row) for row in trl] == [("good", "bad", 2, 1)] and left_out == {"again": 2}


def test_a_rater_counts_for_every_pair(summed_up):
    votes = [vote(number, prompt=f"Why {number}?", judge="one") for number in (1, 2, 3)]
    assert [short(row) for row in summed_up(*votes)[0]] == [("good", "bad", 1, 0)] * 3


def test_votes_that_name_no_rater_count_each(summed_up):
    assert [short(row) for row in summed_up(vote(1, judge=""), vote(2, judge=""))[0]] == [("good", "bad", 2, 0)]


@pytest.mark.parametrize(
    "other",
    [
        vote(2, prompt="What?"),
        vote(2, texts=("good", "worse")),
        vote(2, texts=("good", "bad\n")),
        with_sides(vote(2), messages=(Message("system", "Be kind."), Message("user", "Why?"))),
    ],
)
def test_another_prompt_or_another_answer_is_another_pair(summed_up, other):
    assert len(summed_up(vote(1), other)[0]) == 2


def test_pairs_come_in_the_order_of_their_first_votes(summed_up):
    votes = [vote(number, prompt=f"Why {number % 3}?") for number in range(9)]
    trl, llama, _ = summed_up(*votes)
    assert [row["prompt"][0]["content"] for row in trl] == ["Why 0?", "Why 1?", "Why 2?"]
    assert [row["conversations"][0]["value"] for row in llama] == ["Why 0?", "Why 1?", "Why 2?"]


def test_half_a_surrogate_pair_breaks_nothing(summed_up):
    """JSON may hold one where the CSV cannot."""
    (row,), (other,), _ = summed_up(with_sides(vote(), messages=(Message("user", "Why \ud83d?"),)))
    assert row["prompt"][0]["content"] == other["conversations"][0]["value"] == "Why \ufffd?"
