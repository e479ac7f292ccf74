"""Ratings of several models against published and reckoned values, and agreement."""

import math
from dataclasses import replace
from itertools import combinations, permutations

import numpy as np
import pytest
from scipy.stats import t
from simulated_classes import Setting, rating_table, sim_outcomes, true_ratings

from arena.statistics import PairCount
from arena.statistics.ratings import CENTRE, PRIOR, rate

# Wikipedia's example of 22 games ("Bradley–Terry model", worked out there to three digits).
PUBLISHED = [PairCount("A", "B", 2, 3), PairCount("A", "D", 1, 4), PairCount("B", "C", 5, 3), PairCount("C", "D", 1, 3)]
STRENGTHS = {"A": 0.640, "B": 1.043, "C": 0.660, "D": 2.270}


def odds(ratings):
    return {model: 10 ** ((rating.value - CENTRE) / 400) for model, rating in ratings.by_model.items()}


def test_the_published_example():
    result = rate(PUBLISHED)
    assert odds(result) == pytest.approx(STRENGTHS, abs=6e-4)
    assert result.prior == 0.0


@pytest.mark.parametrize("order", list(permutations(range(4)))[::5])
def test_order_and_sides_do_not_matter(order):
    pairs = [PUBLISHED[place] for place in order]
    turned = [pair.seen_from(pair.second) if place % 2 else pair for place, pair in enumerate(pairs)]
    assert odds(rate(turned)) == pytest.approx(odds(rate(PUBLISHED)), abs=1e-6)


def test_other_names_have_the_same_ratings():
    names = {"A": "zeta", "B": "A", "C": "mid", "D": "B"}
    renamed = [PairCount(names[p.first], names[p.second], p.first_wins, p.second_wins) for p in PUBLISHED]
    expected = {names[model]: value for model, value in odds(rate(PUBLISHED)).items()}
    assert odds(rate(renamed)) == pytest.approx(expected, abs=1e-6)


def test_of_two_models_it_is_the_log_odds_with_ties_as_halves():
    (good, bad) = (rate([PairCount("a", "b", 6, 2, ties=1, both_bad=3)]).by_model[name].value for name in "ab")
    assert good - bad == pytest.approx(400 * math.log10(8 / 4)) and (good + bad) / 2 == pytest.approx(CENTRE)


@pytest.mark.parametrize("wins", [1, 5, 8, 50])
def test_an_unbeaten_model_is_first_and_finite_by_the_stated_prior(wins):
    result = rate([PairCount("a", "b", wins, 0)])
    assert result.prior == PRIOR
    apart = result.by_model["a"].value - result.by_model["b"].value
    assert apart == pytest.approx(400 * math.log10((wins + 0.5) / 0.5))


def test_an_unbeaten_model_among_four_is_first():
    pairs = [PairCount("A", "B", 2, 0), PairCount("A", "C", 1, 0), PairCount("A", "D", 1, 0), *PUBLISHED[2:]]
    result = rate(pairs)
    assert result.prior == PRIOR and all(math.isfinite(item.value) for item in result.by_model.values())
    assert max(result.by_model, key=lambda model: result.by_model[model].value) == "A"


def test_more_wins_never_lower_a_rating():
    values = [rate([PairCount("a", "b", wins, 3, ties=1)]).by_model["a"].value for wins in range(20)]
    assert values == sorted(values) and len(set(values)) == 20


def test_models_that_never_met_have_no_common_rating():
    assert rate([PairCount("a", "b", 3, 1), PairCount("c", "d", 2, 2)]).by_model == {}
    assert rate([]).by_model == {}


@pytest.mark.parametrize("pair", [PairCount("a", "b", ties=7), PairCount("a", "b", both_bad=4)])
def test_models_that_only_tied_are_equal(pair):
    result = rate([pair])
    assert result.by_model["a"].value == result.by_model["b"].value == CENTRE and result.prior == 0


def raters_of(pairs, probability, raters, seed, votes=6):
    """Votes of raters on pairs whose first model wins with this probability, by rater and pair, and their sums."""
    generator = np.random.default_rng(seed)
    cells = [generator.multinomial(votes, [probability, 1 - probability, 0], raters) for _ in pairs]
    counts = [PairCount(*pair, *map(int, cell.sum(axis=0))) for pair, cell in zip(pairs, cells, strict=True)]
    return counts, cells


def test_intervals_hold_the_rating_narrow_with_raters_and_are_the_same_each_time():
    pairs = list(combinations("abc", 2))
    widths = []
    for raters in (10, 200):
        counts, cells = raters_of(pairs, 0.6, raters, seed=1)
        result = rate(counts, cells)
        assert result == rate(counts, cells)
        assert all(item.low <= item.value <= item.high for item in result.by_model.values())
        widths.append(result.by_model["a"].high - result.by_model["a"].low)
    assert widths[1] < widths[0] / 3


def test_the_order_of_raters_does_not_matter():
    counts, cells = raters_of([("a", "b"), ("b", "c")], 0.7, 40, seed=2)
    shuffled = np.random.default_rng(0).permutation(40)
    assert rate(counts, [cell[shuffled] for cell in cells]) == rate(counts, cells)


def test_sides_of_a_pair_do_not_matter_to_the_interval():
    counts, cells = raters_of([("a", "b"), ("b", "c"), ("a", "c")], 0.7, 12, seed=2)
    turned = [pair.seen_from(pair.second) for pair in counts], [cell[:, [1, 0, 2]] for cell in cells]
    result, other = rate(counts, cells).by_model, rate(*turned).by_model
    assert [result[model].low for model in "abc"] == pytest.approx([other[model].low for model in "abc"], abs=1e-4)


def test_other_names_have_the_same_intervals():
    counts, cells = raters_of([("a", "b"), ("b", "c"), ("a", "c")], 0.7, 12, seed=2)
    names = {"a": "zeta", "b": "A", "c": "mid"}
    renamed = [replace(count, first=names[count.first], second=names[count.second]) for count in counts]
    result, other = rate(counts, cells).by_model, rate(renamed, cells).by_model
    for model, name in names.items():
        assert (result[model].low, result[model].high) == pytest.approx((other[name].low, other[name].high), abs=1e-4)


@pytest.mark.parametrize("raters", [1, 10, 50])
def test_fifty_to_nothing_has_no_interval_that_votes_cannot_give(raters):
    votes = np.full((raters, 3), 0)
    votes[:, 0] = 50 // raters
    result = rate([PairCount("a", "b", 50, 0)], [votes])
    assert result.prior == PRIOR and {item.low for item in result.by_model.values()} == {None}


def test_the_interval_is_that_of_leaving_out_one_rater_at_a_time():
    pairs = list(combinations("abcd", 2))
    counts, cells = raters_of(pairs, 0.6, 80, seed=5)
    result = rate(counts, cells).by_model
    without = []
    for rater in range(80):
        rest = [np.delete(cell, rater, axis=0).sum(axis=0) for cell in cells]
        left = rate([PairCount(*pair, *map(int, cell)) for pair, cell in zip(pairs, rest, strict=True)]).by_model
        without.append([left[model].value - result[model].value for model in "abcd"])
    errors = np.sqrt(79 / 80 * (np.array(without) ** 2).sum(axis=0))
    expected = 2 * t.ppf(0.975, 79) * errors
    assert [result[model].high - result[model].low for model in "abcd"] == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("raters", [5, 6, 8, 10])
@pytest.mark.parametrize("uneven", [False, True])
def test_few_raters_intervals_cover_as_often_as_they_say(raters, uneven):
    settings = [Setting(3, 8, 0.0, 1.0, uneven), Setting(4, 12, 1.0, 0.5, uneven)]
    for row in rating_table(200, [raters], settings):
        assert 0.91 <= row["covered"] <= 0.99, row


def each_vote_alone(cells):
    """The same votes, each by a rater of its own."""
    votes = [np.repeat(np.eye(3, dtype=int), row, axis=0) for row in cells.sum(axis=1)]
    ends = np.cumsum([len(some) for some in votes])
    return [np.pad(some, [(end - len(some), ends[-1] - end), (0, 0)]) for some, end in zip(votes, ends, strict=True)]


def test_intervals_that_took_votes_as_independent_would_cover_less():
    setting, held = Setting(3, 20, spread=1.5), []
    truth, generator = true_ratings(setting), np.random.default_rng(6)
    for _ in range(100):
        cells = sim_outcomes(generator, setting, 10)
        counts = [PairCount(*pair, *map(int, row)) for pair, row in zip(setting.pairs, cells.sum(axis=1), strict=True)]
        result = rate(counts, each_vote_alone(cells)).by_model
        held += [item.low <= truth[model] <= item.high for model, item in result.items()]
    assert np.mean(held) < 0.8


@pytest.mark.parametrize(("raters", "votes"), [(1, 3), (2, 1), (3, 1), (4, 8), (9, 1)])
def test_too_few_raters_or_votes_have_no_interval(raters, votes):
    counts, cells = raters_of([("a", "b")], 0.5, raters, seed=3, votes=votes)
    assert all(item.low is None and item.high is None for item in rate(counts, cells).by_model.values())


def without_interval(cells):
    counts = [PairCount("a", "b", *map(int, cells.sum(axis=0)))]
    result = rate(counts, [cells])
    return all(item.low is None and item.high is None for item in result.by_model.values())


def test_a_model_that_never_lost_leaves_no_interval():
    assert without_interval(np.array([[3, 0, 0]] * 10))
    assert not without_interval(np.array([[3, 0, 0]] * 9 + [[2, 1, 0]]))


def test_raters_who_do_not_differ_leave_no_interval():
    assert without_interval(np.array([[0, 0, 3]] * 10)) and without_interval(np.array([[2, 1, 0]] * 10))


@pytest.mark.parametrize(("most", "is_without"), [(200, True), (10, False)])
def test_one_rater_with_nearly_all_votes_leaves_no_interval(most, is_without):
    cells = np.array([[most, most // 2, 0], *[[1, 1, 0], [2, 0, 0], [0, 1, 0], [1, 0, 1], [1, 2, 0]]])
    assert without_interval(cells) == is_without


def test_many_raters_have_the_width_that_their_votes_would_have_alone():
    counts, cells = raters_of([("a", "b")], 0.55, 9000, seed=4, votes=4)
    result = rate(counts, cells).by_model["a"]
    # Of a log-odds: 1 / sqrt(n p (1 - p)), half of it for each of two models.
    expected = 2 * 1.96 * 0.5 * 400 / math.log(10) / math.sqrt(36_000 * 0.55 * 0.45)
    assert result.high - result.low == pytest.approx(expected, rel=0.03)
