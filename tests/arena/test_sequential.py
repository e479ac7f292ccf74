"""Intervals that hold however often one looks, and the verdict on one score a rater."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.statistics.sequential import WHOLE, Interval, betting_interval, mixture_interval
from arena.statistics.verdict import Call, SignTest, make_verdict, raters_to_come, sign_test

ALPHA = 0.05


def wealth(wins, losses, share):
    """What the mixture's capital against a share is by its definition, a ratio of likelihoods."""
    seen = math.lgamma(wins + 1) + math.lgamma(losses + 1) - math.lgamma(wins + losses + 2)
    return seen - wins * math.log(share) - losses * math.log1p(-share)


@given(st.integers(1, 300), st.data())
@settings(deadline=None)  # the first one imports scipy
def test_the_mixture_interval_ends_where_capital_reaches_its_goal(decisive, data):
    wins = data.draw(st.integers(0, decisive))
    found = mixture_interval(wins, decisive)
    assert 0 <= found.low <= wins / decisive <= found.high <= 1
    for end in (found.low, found.high):
        if 0 < end < 1:
            assert wealth(wins, decisive - wins, end) == pytest.approx(-math.log(ALPHA), abs=1e-6)


def test_the_mixture_interval_of_nothing_is_all():
    assert mixture_interval(0, 0) == WHOLE


def test_it_is_wider_than_an_interval_for_one_look_and_narrows():
    few, many = mixture_interval(12, 20), mixture_interval(1200, 2000)
    assert few.low < 0.387 and few.high > 0.781  # Wilson's ends
    assert many.high - many.low < (few.high - few.low) / 5


def test_looking_after_each_vote_the_mixture_calls_few_false_winners():
    generator, called, runs = np.random.default_rng(1), 0, 400
    for _ in range(runs):
        wins = np.cumsum(generator.random(200) < 0.5)
        looks = (mixture_interval(int(won), number) for number, won in enumerate(wins, start=1))
        called += any(interval.excludes_half for interval in looks)
    assert called / runs < ALPHA


def class_scores(generator, spread, mean=0.0, raters=200, votes=8):
    """One score a rater, whose taste in log-odds is drawn from a normal distribution."""
    tastes = 1 / (1 + np.exp(-generator.normal(mean, spread, raters)))
    return generator.binomial(votes, tastes) / votes


@pytest.mark.parametrize("spread", [0.0, 0.5, 1.0])
def test_between_equal_models_fewer_than_five_in_a_hundred_classes_call_a_winner(spread):
    # The interval only ever shrinks as raters are added, so that the last look has seen what all before it saw.
    generator, runs = np.random.default_rng(2), 1000
    called = sum(betting_interval(class_scores(generator, spread)).excludes_half for _ in range(runs))
    assert called / runs < ALPHA


def test_the_last_look_calls_what_any_look_before_it_called():
    generator = np.random.default_rng(3)
    for _ in range(30):
        scores = class_scores(generator, 1.0, 0.1, raters=60)
        looks = [betting_interval(scores[:number]).excludes_half for number in range(1, 61)]
        assert looks == sorted(looks)


def test_counting_each_vote_as_independent_would_call_many():
    generator, runs, called = np.random.default_rng(2), 200, 0
    for _ in range(runs):
        votes = (class_scores(generator, 1.0) * 8).astype(int)
        wins, decisive = np.cumsum(votes), 8 * np.arange(1, 201)
        called += any(mixture_interval(int(w), int(n)).excludes_half for w, n in zip(wins, decisive, strict=True))
    assert called / runs > 0.15


@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_a_clear_preference_is_called_with_the_right_sign(spread):
    generator = np.random.default_rng(4)
    found = [betting_interval(class_scores(generator, spread, 0.8)) for _ in range(50)]
    assert all(interval.low > 0.5 for interval in found)


@pytest.mark.parametrize("mean", [0.2, 0.5, 0.7])
def test_the_betting_interval_holds_the_mean_it_was_drawn_from(mean):
    generator, runs = np.random.default_rng(5), 300
    missed = 0
    for _ in range(runs):
        interval = betting_interval(generator.binomial(4, mean, 80) / 4)
        missed += not interval.low <= mean <= interval.high
    assert missed / runs < ALPHA


@given(st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), max_size=60))
def test_the_betting_interval_is_ordered_and_mirrors_when_models_change_places(scores):
    found, turned = betting_interval(np.array(scores)), betting_interval(1 - np.array(scores))
    assert 0 <= found.low <= found.high <= 1
    assert (found.low, found.high) == pytest.approx((1 - turned.high, 1 - turned.low), abs=1e-6)


def test_nobody_has_said_anything():
    verdict = make_verdict(np.array([]))
    assert (verdict.call, verdict.share, verdict.interval, verdict.more) == (Call.KEEP_VOTING, None, WHOLE, None)


@pytest.mark.parametrize(("raters", "call"), [(1, Call.KEEP_VOTING), (9, Call.MORE_RATERS), (10, Call.CALL_IT)])
def test_raters_who_all_agree_settle_it_when_there_are_ten(raters, call):
    # 1.5 ** 10 is the first power above 2 / 0.05.
    verdict = make_verdict(np.ones(raters))
    assert verdict.call is call
    assert verdict.more == (1 if call is Call.MORE_RATERS else None)


def test_about_so_many_more_raters_do_settle_it():
    generator, found = np.random.default_rng(6), []
    for _ in range(40):
        scores = class_scores(generator, 0.5, 0.5, raters=15)
        if (more := make_verdict(scores).more) is not None and scores.mean() > 0.55:
            later = np.concatenate([scores, generator.choice(scores, more)])
            found.append(make_verdict(later).call is Call.CALL_IT)
    # The median of what may come: half of the time it takes fewer.
    assert len(found) > 10 and 0.25 < sum(found) / len(found) < 0.8


def test_raters_that_are_split_evenly_give_no_number():
    assert raters_to_come(np.array([0.0, 1.0] * 20)) is None
    assert make_verdict(np.array([0.0, 1.0] * 20)).call is Call.KEEP_VOTING


def test_a_verdict_tells_the_same_every_time():
    scores = class_scores(np.random.default_rng(7), 0.5, 0.3, raters=20)
    assert make_verdict(scores) == make_verdict(scores)


@pytest.mark.parametrize(
    ("margins", "expected"),
    [
        ([3, 1, 2, 5, 1, 1, 0], SignTest(6, 0, 1, 0.03125)),
        ([1, -1], SignTest(1, 1, 0, 1.0)),
        ([4, 2, 1, 1, 1, 1, 1, -9], SignTest(7, 1, 0, 0.0703125)),
        ([], SignTest(0, 0, 0, 1.0)),
        ([0, 0], SignTest(0, 0, 2, 1.0)),
    ],
)
def test_the_sign_test_counts_prompts_not_votes(margins, expected):
    assert sign_test(margins) == expected


def test_an_interval_that_touches_one_half_does_not_exclude_it():
    assert not Interval(0.5, 0.9).excludes_half and not Interval(0.1, 0.5).excludes_half
    assert Interval(0.51, 0.9).excludes_half and Interval(0.1, 0.49).excludes_half
