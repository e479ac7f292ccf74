"""The interval of a win rate."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.statistics import PairCount, wilson

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
    result = wilson(wins, decisive)
    assert (result.low, result.high) == pytest.approx((low, high), abs=6e-4)
    assert result.rate == wins / decisive


@given(st.integers(1, 60), st.data())
def test_an_interval_is_ordered_and_mirrors_when_winners_change_places(decisive, data):
    wins = data.draw(st.integers(0, decisive))
    result, mirrored = wilson(wins, decisive), wilson(decisive - wins, decisive)
    assert 0 <= result.low <= result.rate <= result.high <= 1
    assert (result.low, result.high) == pytest.approx((1 - mirrored.high, 1 - mirrored.low))


def test_more_votes_make_the_interval_narrower():
    few, many = wilson(12, 20), wilson(120, 200)
    assert many.high - many.low < few.high - few.low


def test_ties_and_both_bad_are_no_part_of_the_win_rate():
    assert PairCount("a", "b", 3, 1, ties=50, both_bad=9).win_rate() == PairCount("a", "b", 3, 1).win_rate()
    assert PairCount("a", "b", 3, 1).win_rate().rate == 0.75


@pytest.mark.parametrize("pair", [PairCount("a", "b"), PairCount("a", "b", ties=5, both_bad=2)])
def test_without_a_decisive_vote_there_is_no_win_rate(pair):
    assert pair.win_rate() is None
