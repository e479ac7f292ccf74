"""Counting votes by pair, and the interval of a win rate."""

from collections import Counter
from dataclasses import astuple, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vote_samples import make_vote

from arena.statistics import Counts, PairCount, count_votes, wilson
from arena.types import Winner

SWAPPED = {
    Winner.MODEL_A: Winner.MODEL_B,
    Winner.MODEL_B: Winner.MODEL_A,
    Winner.TIE: Winner.TIE,
    Winner.BOTH_BAD: Winner.BOTH_BAD,
}
WINNERS = st.sampled_from(list(Winner))


def swap(vote):
    """The same outcome with the models on each other's side."""
    battle = replace(vote.battle, a=vote.battle.b, b=vote.battle.a)
    return replace(vote, battle=battle, winner=SWAPPED[vote.winner])


# ---- counts


@given(st.lists(WINNERS, max_size=30), st.data())
def test_counts_depend_on_outcomes_only(winners, data):
    votes = [make_vote(number, winner=winner) for number, winner in enumerate(winners)]
    sides = data.draw(st.lists(st.booleans(), min_size=len(votes), max_size=len(votes)))
    mixed = data.draw(st.permutations([swap(vote) if side else vote for vote, side in zip(votes, sides, strict=True)]))
    assert count_votes(mixed) == count_votes(votes)


@given(st.lists(WINNERS, min_size=1, max_size=30))
def test_each_outcome_is_counted_for_itself(winners):
    (pair,) = count_votes(make_vote(number, winner=winner) for number, winner in enumerate(winners)).pairs
    found = Counter(winners)
    # "glm", on side b in these votes, sorts before "qwen".
    outcomes = (Winner.MODEL_B, Winner.MODEL_A, Winner.TIE, Winner.BOTH_BAD)
    assert astuple(pair) == ("glm", "qwen", *(found[outcome] for outcome in outcomes))
    assert pair.votes == len(winners)


def test_repeats_are_left_out():
    votes = [make_vote(1), make_vote(2, repeat_of="battle-1"), make_vote(3, winner=Winner.TIE)]
    assert count_votes(votes).pairs == (PairCount("glm", "qwen", second_wins=1, ties=1),)


def test_no_votes_are_no_pairs():
    assert count_votes([]) == Counts()


def test_one_vote():
    (pair,) = count_votes([make_vote(winner=Winner.MODEL_A)]).pairs
    assert pair == PairCount("glm", "qwen", second_wins=1)
    assert (pair.win_rate().rate, pair.votes) == (0.0, 1)


def test_pairs_of_other_models_are_counted_apart_most_votes_first(answered):
    def between(number, a, b, winner):
        battle = answered(id=f"battle-{number}")
        sides = {"a": replace(battle.a, model=replace(battle.a.model, id=a))}
        sides["b"] = replace(battle.b, model=replace(battle.b.model, id=b))
        return make_vote(number, battle=replace(battle, **sides), winner=winner)

    votes = [
        between(1, "x", "y", Winner.MODEL_A),
        between(2, "z", "x", Winner.MODEL_A),
        between(3, "x", "z", Winner.MODEL_A),
        between(4, "b", "a", Winner.TIE),
    ]
    assert count_votes(votes).pairs == (
        PairCount("x", "z", first_wins=1, second_wins=1),
        PairCount("a", "b", ties=1),
        PairCount("x", "y", first_wins=1),
    )


# ---- the win rate


@pytest.mark.parametrize(
    ("wins", "decisive", "low", "high"),
    [
        (8, 10, 0.490, 0.943),
        (0, 10, 0.0, 0.278),
        (10, 10, 0.722, 1.0),
        (1, 10, 0.018, 0.404),
        (81, 263, 0.255, 0.366),  # Newcombe 1998, table I
        (15, 148, 0.062, 0.161),
        (0, 20, 0.0, 0.161),
        (1, 29, 0.006, 0.172),
    ],
)
def test_the_interval_is_the_published_one(wins, decisive, low, high):
    found = wilson(wins, decisive)
    assert (found.low, found.high) == pytest.approx((low, high), abs=6e-4)
    assert found.rate == wins / decisive


@given(st.integers(1, 60), st.data())
def test_an_interval_is_ordered_and_mirrors_when_winners_change_places(decisive, data):
    wins = data.draw(st.integers(0, decisive))
    found, mirrored = wilson(wins, decisive), wilson(decisive - wins, decisive)
    assert 0 <= found.low <= found.rate <= found.high <= 1
    assert (found.low, found.high) == pytest.approx((1 - mirrored.high, 1 - mirrored.low))


def test_more_votes_make_the_interval_narrower():
    few, many = wilson(12, 20), wilson(120, 200)
    assert many.high - many.low < few.high - few.low


def test_ties_and_both_bad_are_no_part_of_the_win_rate():
    assert PairCount("a", "b", 3, 1, ties=50, both_bad=9).win_rate() == PairCount("a", "b", 3, 1).win_rate()
    assert PairCount("a", "b", 3, 1).win_rate().rate == 0.75


@pytest.mark.parametrize("pair", [PairCount("a", "b"), PairCount("a", "b", ties=5, both_bad=2)])
def test_without_a_decisive_vote_there_is_no_win_rate(pair):
    assert pair.win_rate() is None


def test_votes_that_cancel_out_leave_the_models_equal():
    winners = [Winner.TIE, Winner.BOTH_BAD, Winner.MODEL_A, Winner.MODEL_B]
    (pair,) = count_votes(make_vote(number, winner=winner) for number, winner in enumerate(winners)).pairs
    assert pair.win_rate().rate == 0.5
