"""What else decided the votes, and the share adjusted for it, against simple cases worked out otherwise."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t, ttest_1samp
from simulated_classes import PROMPTS, REASONS, Reasons, coverage_table, sim_votes, true_share

from arena.statistics.regression import (
    FEWEST_RATERS,
    FEWEST_VOTES,
    MOST_GROUPS,
    Estimate,
    adjust,
    difference,
    swayed_by,
)

LONGER = np.array([1, 1, 1, -1, 1, -1, 1, 1.0])
"""Where the first model's answer is longer, by prompt."""


def a_class(score, raters=12, **by_prompt):
    """Raters who all judge the same prompts; `score` and the covariates have one entry per prompt."""
    rater = np.repeat(np.arange(raters), len(score))
    prompt = np.tile(np.arange(len(score)), raters)
    columns = {name: np.concatenate([values] * raters) for name, values in by_prompt.items()}
    return np.tile(score, raters), rater, columns, prompt


def taste(seed, raters, votes, chance=0.7, spread=1.5):
    """Scores of raters who differ, as an array (raters, votes)."""
    generator = np.random.default_rng(seed)
    chances = 1 / (1 + np.exp(-generator.normal(np.log(chance / (1 - chance)), spread, raters)))
    return (generator.random((raters, votes)) < chances[:, None]).astype(float)


# ---- what it is without covariates


def test_without_covariates_it_is_the_mean_of_the_raters_means_with_its_t_interval():
    scores, votes = taste(1, 15, 20), np.random.default_rng(2).integers(1, 21, 15)
    rater = np.repeat(np.arange(15), votes)
    means = [row[:number].mean() for row, number in zip(scores, votes, strict=True)]
    result = adjust(np.concatenate([row[:n] for row, n in zip(scores, votes, strict=True)]), rater, {})
    interval = ttest_1samp(means, 0.5).confidence_interval()
    assert result.share.value == pytest.approx(np.mean(means))
    assert (result.share.low, result.share.high) == pytest.approx(tuple(interval))
    assert result.share.p == pytest.approx(ttest_1samp(means, 0.5).pvalue)
    assert (result.effects, result.confounded) == ({}, ())


def test_where_raters_agree_prompt_by_prompt_it_is_the_t_interval_of_the_prompts():
    score = np.array([1, 0, 1, 1, 0.5, 1, 0, 1])
    result = adjust(*a_class(score, 30)).share
    interval = ttest_1samp(score, 0.5).confidence_interval()
    assert (result.low, result.high) == pytest.approx((max(interval.low, 0), min(interval.high, 1)))


def test_ties_of_either_kind_count_as_half_a_win():
    halves = adjust(*a_class(np.full(8, 0.5))).share
    split = adjust(*a_class(np.array([1.0, 0.0] * 4))).share
    assert halves.value == split.value == pytest.approx(0.5)


# ---- against leaving out each rater by hand


def by_hand(score, rater, columns):
    """Coefficients and jackknife standard errors by weighted least squares, one fit for each rater left out."""
    weight = np.sqrt(1 / np.bincount(rater)[rater])

    def fit(rows):
        return np.linalg.lstsq((columns * weight[:, None])[rows], ((score - 0.5) * weight)[rows], rcond=None)[0]

    full = fit(np.full(len(rater), True))
    without = np.array([fit(rater != entry) for entry in np.unique(rater)])
    return full, np.sqrt((len(without) - 1) / len(without) * ((without - full) ** 2).sum(axis=0))


def test_effects_and_intervals_are_those_of_leaving_out_each_rater():
    side = np.random.default_rng(3).choice([-1.0, 1.0], 108)
    rater = np.repeat(np.arange(9), 12)
    # Some go by side alone, so that raters differ in both.
    scores = np.where(rater % 3 == 0, side > 0, taste(4, 9, 12).ravel())
    coefficients, errors = by_hand(scores, rater, np.column_stack([np.ones(108), side]))
    result, reach = adjust(scores, rater, {"side": side}), t.ppf(0.975, 8) * errors
    assert (result.share.value, result.effects["side"].value) == pytest.approx(
        (0.5 + coefficients[0], 2 * coefficients[1])
    )
    assert result.share.high - result.share.value == pytest.approx(reach[0])
    assert result.effects["side"].high - result.effects["side"].value == pytest.approx(2 * reach[1])
    assert result.effects["side"].p == pytest.approx(2 * t.sf(coefficients[1] / errors[1], 8))


def test_more_raters_than_groups_are_left_out_in_groups_to_about_the_same_interval():
    raters = 3 * MOST_GROUPS
    scores = taste(5, raters, 4)
    result = adjust(scores.ravel(), np.repeat(np.arange(raters), 4), {}).share
    interval = ttest_1samp(scores.mean(axis=1), 0.5).confidence_interval()
    assert result.high - result.low == pytest.approx(interval.high - interval.low, rel=0.1)


# ---- raters with one reason


@pytest.mark.parametrize("raters", [5, 12, 200])
@pytest.mark.parametrize("columns", [1, 2])
def test_raters_who_always_take_the_longer_answer_leave_no_winner(raters, columns):
    length = difference(400 + 150 * LONGER, np.full(8, 400.0))[:, :columns]
    score = (LONGER + 1) / 2
    result = adjust(*a_class(score, raters, length=length))
    assert score.mean() == 0.75 and result.share.value == pytest.approx(0.5)
    assert result.share.low < 0.5 < result.share.high
    assert result.effects["length"].value == pytest.approx(1)
    assert swayed_by(result) == ("length",) and result.confounded == ()


def test_raters_who_always_take_the_left_answer():
    generator = np.random.default_rng(6)
    side = generator.choice([-1.0, 1.0], 96)
    _, rater, covariates, prompt = a_class((LONGER + 1) / 2, length=LONGER)
    result = adjust((side + 1) / 2, rater, {"side": side, **covariates}, prompt)
    assert swayed_by(result) == ("side",) and result.share.value == pytest.approx(0.5)
    assert result.effects["side"].value == pytest.approx(1) and result.effects["length"].value == pytest.approx(0)


def test_raters_who_take_more_markdown_are_not_said_to_take_the_longer():
    markdown = np.array([1, 1, -1, 1, 1, -1, 0, 1.0])
    result = adjust(*a_class((markdown + 1) / 2, length=LONGER, markdown=markdown))
    assert swayed_by(result) == ("markdown",) and result.share.value == pytest.approx(0.5)


@pytest.mark.parametrize("won", [0.0, 1.0])
def test_all_votes_for_one_model(won):
    result = adjust(*a_class(np.full(8, won), length=LONGER))
    assert result.share.value == pytest.approx(won) and swayed_by(result) == ()
    assert 0 <= result.share.low <= result.share.high <= 1 and result.share.high - result.share.low > 0.01


def test_a_better_model_that_is_also_longer_keeps_its_lead():
    # It wins wherever it is longer, and half of the votes where it is shorter.
    result = adjust(*a_class(np.where(LONGER > 0, 1.0, 0.5), length=LONGER))
    assert result.share.value == pytest.approx(0.75) and result.share.low > 0.5
    assert result.effects["length"].value == pytest.approx(0.5)


def test_a_small_or_unsure_effect_sways_nobody():
    clear = adjust(*a_class((LONGER + 1) / 2, length=LONGER))
    effect = clear.effects["length"]
    for value, p, expected in [
        (0.19, 0.001, ()),
        (0.2, 0.009, ("length",)),
        (-0.6, 0.009, ("length",)),
        (0.9, 0.01, ()),
    ]:
        changed = replace(clear, effects={"length": replace(effect, value=value, p=p)})
        assert swayed_by(changed) == expected


# ---- what cannot be told apart


def test_a_model_that_is_always_longer_cannot_be_told_from_the_length():
    length = difference(np.arange(500.0, 508), np.arange(400.0, 408))
    result = adjust(*a_class((LONGER + 1) / 2, length=length))
    assert result.share is None and result.confounded == ("length",) and result.effects == {}


def test_other_effects_are_still_told():
    side = np.tile([1.0, -1.0], 48)
    _, rater, _, prompt = a_class(LONGER)
    result = adjust((side + 1) / 2, rater, {"side": side, "length": np.ones(96)}, prompt)
    assert result.share is None and result.confounded == ("length",) and swayed_by(result) == ("side",)


def test_a_covariate_that_is_always_balanced_is_ignored():
    scored = a_class((LONGER + 1) / 2, length=LONGER)
    result = adjust(*a_class((LONGER + 1) / 2, length=LONGER, markdown=np.zeros(8)))
    assert result == adjust(*scored) and result.share is not None


@pytest.mark.parametrize("sign", [1, -1])
def test_a_covariate_that_repeats_another_is_named_and_the_share_stays(sign):
    alone = adjust(*a_class((LONGER + 1) / 2, length=LONGER))
    result = adjust(*a_class((LONGER + 1) / 2, length=LONGER, markdown=sign * LONGER))
    assert result == replace(alone, confounded=("markdown",))


def test_a_covariate_that_repeats_another_and_the_model_leaves_no_share():
    # The first model uses Markdown exactly where it is longer, the second never.
    result = adjust(*a_class((LONGER + 1) / 2, length=LONGER, markdown=(LONGER + 1) / 2))
    assert result.share is None and result.confounded == ("markdown",)


def test_what_rests_on_one_rater_is_not_told():
    score, rater, covariates, prompt = a_class((LONGER + 1) / 2, length=LONGER)
    seen = (covariates["length"] > 0) | (rater == 0)
    length = covariates["length"][seen]
    result = adjust(score[seen], rater[seen], {"length": length}, prompt[seen])
    assert (length < 0).sum() == 2
    assert result.share is None and result.confounded == ("length",)


@pytest.mark.parametrize(("prompts", "is_told"), [(1, False), (2, False), (3, True)])
def test_as_many_prompts_as_columns_tell_nothing(prompts, is_told):
    longer = np.array([1.0, -1, 1])[:prompts]
    result = adjust(*a_class((longer + 1) / 2, length=longer))
    assert (result.share is not None) == is_told == ("length" in result.effects)


def test_the_side_is_told_from_a_single_prompt():
    side = np.tile([1.0, -1.0], 20)
    result = adjust((side + 1) / 2, np.arange(40), {"side": side}, np.zeros(40, int))
    assert swayed_by(result) == ("side",) and result.share.value == pytest.approx(0.5)


@pytest.mark.parametrize(("raters", "votes", "is_enough"), [(4, 8, False), (5, 1, False), (5, 2, True), (10, 1, True)])
def test_few_raters_or_votes_tell_nothing(raters, votes, is_enough):
    assert (FEWEST_RATERS, FEWEST_VOTES) == (5, 10)
    score, rater = taste(7, raters, votes).ravel(), np.repeat(np.arange(raters), votes)
    assert (adjust(score, rater, {}) is not None) == is_enough


def test_no_votes():
    assert adjust(np.array([]), np.array([], int), {"side": np.array([])}) is None


# ---- what holds of any votes


@st.composite
def any_votes(draw):
    votes = draw(st.integers(0, 40))
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    score = generator.choice(draw(st.sampled_from([[0.0, 1.0], [0.0, 0.5, 1.0], [1.0]])), votes)
    rater = generator.integers(0, draw(st.integers(1, 12)), votes)
    item = generator.integers(0, draw(st.integers(1, 9)), votes) if draw(st.booleans()) else None
    lengths = generator.integers(0, draw(st.sampled_from([1, 2, 5, 2000])), (2, votes))
    marks = generator.integers(0, draw(st.integers(1, 4)), votes) / 3 - draw(st.sampled_from([0, 0.5, 1]))
    side = generator.choice(draw(st.sampled_from([[-1.0, 1.0], [1.0]])), votes)
    return score, rater, {"side": side, "length": difference(*lengths), "markdown": marks}, item


def parts(result):
    return [*([result.share] if result.share else []), *result.effects.values()]


@given(any_votes())
def test_any_votes_give_finite_numbers_in_order_and_no_warning(votes):
    with warnings.catch_warnings(), np.errstate(all="raise", under="ignore"):
        warnings.simplefilter("error")
        result = adjust(*votes)
    if result is not None:
        for entry in parts(result):
            assert np.isfinite([entry.value, entry.low, entry.high, entry.p]).all()
            assert entry.low <= entry.value <= entry.high and 0 <= entry.p <= 1
        assert result.share is None or (result.share.low >= 0 and result.share.high <= 1)
        assert all(effect.low >= -1 and effect.high <= 1 for effect in result.effects.values())
        assert not set(result.confounded) & set(result.effects)


def close(result, other):
    assert result.confounded == other.confounded and list(result.effects) == list(other.effects)
    for entry, another in zip(parts(result), parts(other), strict=True):
        assert (entry.value, entry.low, entry.high) == pytest.approx(
            (another.value, another.low, another.high), abs=1e-7
        )
        assert entry.p == pytest.approx(another.p, abs=1e-6)


@given(any_votes())
def test_it_mirrors_when_models_change_places(votes):
    score, rater, covariates, item = votes
    result = adjust(score, rater, covariates, item)
    turned = adjust(1 - score, rater, {name: -values for name, values in covariates.items()}, item)
    if result is None:
        assert turned is None
        return
    share = turned.share
    mirrored = share and Estimate(1 - share.value, 1 - share.high, 1 - share.low, share.p)
    close(result, replace(turned, share=mirrored))


@given(any_votes(), st.randoms(use_true_random=False))
def test_order_and_names_of_votes_do_not_matter(votes, random):
    score, rater, covariates, item = votes
    order = np.array(random.sample(range(len(score)), len(score)), int)
    shuffled = {name: values[order] for name, values in covariates.items()}
    names = np.array(random.sample(range(100), 12))
    other = adjust(score[order], names[rater[order]], shuffled, None if item is None else item[order] + 7)
    result = adjust(*votes)
    assert (result is None) == (other is None)
    if result is not None:
        close(result, other)


@pytest.mark.parametrize(
    ("first", "second", "sign", "relative"),
    [(300, 100, 1, 0.5), (100, 300, -1, -0.5), (7, 7, 0, 0), (0, 0, 0, 0), (5, 0, 1, 1), (0, 5, -1, -1)],
)
@pytest.mark.parametrize("kind", [float, np.int32, np.uint32])
def test_the_difference_of_two_lengths(first, second, sign, relative, kind):
    assert difference(np.array([first], kind), np.array([second], kind)).tolist() == [[sign, relative]]


# ---- how often it is right, in simulated classes


def table(runs, raters, *reasons):
    rows = coverage_table(runs, [raters], [0.0, 1.0], {name: REASONS[name] for name in reasons})
    return {(row["reasons"], row["spread"]): row for row in rows}


def test_where_length_alone_decides_the_raw_share_calls_a_winner_and_the_adjusted_does_not():
    for (name, spread), row in table(150, 40, "always longer", "longer", "much longer").items():
        assert row["raw_called"] > 0.4 and row["called"] <= 0.1, (name, spread)
        assert row["length"] > 0.6 and row["side"] <= 0.03, (name, spread)


def test_where_the_side_alone_decides_it_is_found():
    for row in table(150, 20, "left").values():
        assert row["side"] > 0.9 and row["called"] <= 0.1 and row["length"] <= 0.03


def test_where_one_model_is_better_its_true_share_is_held_and_nothing_sways():
    for row in table(150, 40, "better", "nothing").values():
        assert 0.9 <= row["covered"] <= 0.999 and row["length"] <= 0.03 and row["side"] <= 0.03
        assert (row["called"] > 0.7) == (row["reasons"] == "better") and abs(row["bias"]) < 0.02


def test_prompts_on_which_one_model_happens_to_be_better_are_not_taken_for_length():
    for row in table(150, 100, "prompts differ much").values():
        assert row["covered"] >= 0.88 and row["length"] <= 0.04 and row["raw_called"] > 0.3


def test_votes_counted_without_their_prompts_would_find_length_at_work():
    generator, result = np.random.default_rng(8), 0
    for _ in range(60):
        votes = sim_votes(generator, Reasons(by_prompt=1.0), 100)
        result += "length" in swayed_by(replace(votes, prompt=np.arange(100 * PROMPTS)).adjusted())
    assert result / 60 > 0.1


def test_the_true_share_is_that_of_many_raters():
    votes = sim_votes(np.random.default_rng(9), Reasons(better=0.8), 50_000, 1.0)
    assert votes.score.mean() == pytest.approx(true_share(Reasons(better=0.8), 1.0), abs=0.004)
