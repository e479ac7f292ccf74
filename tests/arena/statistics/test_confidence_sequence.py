"""Intervals that hold however often one looks."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from results_votes import class_scores

from arena.statistics.confidence_sequence import ALPHA, WHOLE, Interval, bets, log_mean_exp, mean_interval
from arena.statistics.decision import Outcome, _outcome

SCORES = st.lists(st.sampled_from([0.0, 0.125, 0.25, 0.5, 0.75, 1.0]), min_size=1, max_size=60)


def capital(scores, mean):
    """What stands against a mean by the definition: the average over the bets of what each has made of 1."""
    return float(np.mean([math.prod(1 + stake * (score / mean - 1) for score in scores) for stake in bets()]))


@given(SCORES)
def test_an_interval_ends_where_the_capital_reaches_its_goal(scores):
    result, goal = mean_interval(np.array(scores)), 2 / ALPHA
    assert 0 <= result.low <= np.mean(scores) + 1e-6 and np.mean(scores) - 1e-6 <= result.high <= 1
    if result.low > 1e-3:
        assert capital(scores, result.low) == pytest.approx(goal, rel=1e-2)
    if result.high < 1 - 1e-3:
        assert capital([1 - score for score in scores], 1 - result.high) == pytest.approx(goal, rel=1e-2)


@given(SCORES)
def test_it_mirrors_when_the_models_change_places_and_the_order_does_not_matter(scores):
    result, turned = mean_interval(np.array(scores)), mean_interval(1 - np.array(scores))
    assert (result.low, result.high) == pytest.approx((1 - turned.high, 1 - turned.low), abs=1e-6)
    assert mean_interval(np.array(scores[::-1])) == result


def test_the_interval_of_nothing_is_all():
    assert mean_interval(np.array([])) == WHOLE


def test_it_narrows_with_raters():
    widths = [result.high - result.low for result in (mean_interval(np.array([0.5, 0.7] * n)) for n in (5, 50, 500))]
    assert widths[0] > 2 * widths[1] > 4 * widths[2]


@pytest.mark.parametrize("mean", [0.2, 0.5, 0.7])
def test_it_holds_the_mean_it_was_drawn_from_at_every_look(mean):
    generator, runs, missed = np.random.default_rng(5), 300, 0
    for _ in range(runs):
        scores = generator.binomial(4, mean, 80) / 4
        # The capital against the true mean at each look, from both sides.
        for seen, at in ((scores, mean), (1 - scores, 1 - mean)):
            growth = np.cumsum(np.log1p(np.outer(seen / at - 1, bets())), axis=0)
            missed += bool((log_mean_exp(growth) >= math.log(2 / ALPHA)).any())
    assert missed / runs < ALPHA


@pytest.mark.parametrize("spread", [0.0, 0.5, 1.0])
def test_between_equal_models_fewer_than_five_in_a_hundred_classes_ever_call_a_winner(spread):
    generator, runs, called = np.random.default_rng(2), 1000, 0
    for _ in range(runs):
        scores = class_scores(generator, spread)
        for seen in (scores, 1 - scores):
            growth = np.cumsum(np.log1p(np.outer(2 * seen - 1, bets())), axis=0)
            called += bool((log_mean_exp(growth) >= math.log(2 / ALPHA)).any())
    assert called / runs < ALPHA


def test_an_interval_that_touches_one_half_does_not_exclude_it():
    assert {_outcome(Interval(0.5, 0.9)), _outcome(Interval(0.1, 0.5))} == {Outcome.NOT_YET}
    assert {_outcome(Interval(0.51, 0.9)), _outcome(Interval(0.1, 0.49))} == {Outcome.PREFERRED}
    assert _outcome(Interval(0.45, 0.55)) is Outcome.ALIKE and _outcome(Interval(0.44, 0.5)) is Outcome.NOT_YET
