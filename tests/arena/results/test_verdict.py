"""The verdict on one score a rater: what is called, when nothing is, how firm it is, and what it would take."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from results_votes import class_scores
from simulated_verdicts import verdict_table

from arena.statistics import SignTest, sign_test
from arena.statistics.confidence_sequence import WHOLE, mean_interval
from arena.statistics.decision import (
    ALIKE_MARGIN,
    FEWEST_PER_PART,
    MOST_TO_COME,
    Change,
    Outcome,
    few_raters,
    find_change,
    make_verdict,
    raters_needed,
    raters_to_come,
)


def outcome(*parts):
    """The outcome on scores given as (number of raters, score)."""
    return make_verdict(np.concatenate([np.full(number, score) for number, score in parts])).outcome


def test_nobody_has_said_anything():
    verdict = make_verdict(np.array([]))
    assert (verdict.outcome, verdict.share, verdict.interval) == (Outcome.NO_VOTES, None, WHOLE)


@pytest.mark.parametrize(("raters", "expected"), [(1, "not_yet"), (7, "not_yet"), (8, "preferred"), (50, "preferred")])
def test_raters_who_all_agree_settle_it_when_there_are_eight(raters, expected):
    assert outcome((raters, 1.0)) == outcome((raters, 0.0)) == expected


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([(12, 0.75)], "not_yet"),  # 6 of 8 votes each
        ([(40, 0.75)], "preferred"),
        ([(90, 0.5), (10, 0.5625)], "alike"),  # 790 of 800 votes are ties
        ([(200, 0.5)], "alike"),
        ([(20, 0.5)], "not_yet"),
        ([(20, 1.0), (20, 0.0)], "raters_changed"),
        ([(12, 1.0), (30, 0.0)], "raters_changed"),
        ([(12, 1.0), (300, 0.0)], "raters_changed"),
        ([(100, 1.0), (100, 0.7)], "preferred"),  # they differ, and all are for one model
        ([(125_000, 0.498)], "alike"),  # a million votes at 49.8%
    ],
)
def test_what_raters_come_to(parts, expected):
    assert outcome(*parts) == expected


def test_a_change_says_where_and_how_much():
    assert find_change(np.array([1.0] * 12 + [0.0] * 30)) == Change(12, 1.0, 0.0)
    turned = make_verdict(np.array([1.0] * 12 + [0.0] * 30)).swapped
    assert turned.change == Change(12, 0.0, 1.0) and turned.share == pytest.approx(30 / 42)


def test_the_parts_of_a_change_are_not_few_and_do_not_agree():
    generator, seen = np.random.default_rng(1), 0
    for _ in range(400):
        raters, shares = generator.integers(20, 60), np.sort(generator.random(3))
        parts = np.diff(np.sort(generator.integers(3, raters - 3, 2)), prepend=0, append=raters)
        scores = generator.binomial(8, np.repeat(shares, parts)) / 8
        if change := find_change(scores):
            seen += 1
            early, late = scores[: change.raters], scores[change.raters :]
            assert min(len(early), len(late)) >= FEWEST_PER_PART
            assert (change.early, change.late) == pytest.approx((early.mean(), late.mean()))
            assert min(change.early, change.late) <= 0.5 + ALIKE_MARGIN + 1e-9
            assert max(change.early, change.late) >= 0.5 - ALIKE_MARGIN - 1e-9
    assert seen > 100


def test_fewer_than_six_raters_are_no_part_of_a_change():
    scores = np.array([0.0] * 4 + [1.0] * 30)  # the first four alone would explain everything
    assert find_change(scores) == Change(6, pytest.approx(2 / 6), 1.0)


@pytest.mark.parametrize(("early", "late"), [(20, 20), (30, 30), (20, 40), (40, 20)])
def test_two_classes_that_want_opposite_models_are_called_nothing(early, late):
    generator, runs, classes = np.random.default_rng(3), 60, ((0.85, early), (-0.85, late))
    result = [
        make_verdict(np.concatenate([class_scores(generator, 0.5, mean, size) for mean, size in classes]))
        for _ in range(runs)
    ]
    assert sum(item.outcome is Outcome.RATERS_CHANGED for item in result) > 0.8 * runs


@pytest.mark.parametrize("votes", [1, 8])
@pytest.mark.parametrize("mean", [0.0, 0.85])
def test_raters_who_stay_the_same_seldom_seem_to_change_at_any_look(mean, votes):
    generator, runs, seen = np.random.default_rng(4), 100, 0
    for _ in range(runs):
        scores = class_scores(generator, 0.5, mean, 100, votes)
        seen += any(find_change(scores[:looks]) for looks in range(14, 101, 6))
    assert seen / runs <= 0.05


@given(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=40))
def test_a_verdict_is_the_same_from_the_other_side(scores):
    result, turned = make_verdict(np.array(scores)), make_verdict(1 - np.array(scores))
    assert (result.outcome, result.raters, result.more) == (turned.outcome, turned.raters, turned.more)
    swapped = turned.swapped.interval
    assert (result.interval.low, result.interval.high) == pytest.approx((swapped.low, swapped.high), abs=1e-6)
    if result.prefers_first is not None:
        assert result.prefers_first is not turned.prefers_first and result.prefers_first == (result.share > 0.5)


@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_a_clear_preference_is_called_with_the_right_sign(spread):
    generator = np.random.default_rng(4)
    assert all(make_verdict(class_scores(generator, spread, 0.8)).prefers_first for _ in range(50))


# ---- how firm it is


def test_leaving_out_as_many_as_it_says_flips_the_verdict_and_one_fewer_does_not():
    many = np.random.default_rng(1).binomial(8, 0.57, 20_000) / 8
    for scores in (
        many,
        np.array([1.0] * 12 + [0.25] * 3),
        np.array([0.75] * 30),
        np.array([0.5] * 160 + [0.625] * 10),
    ):
        verdict, ordered = make_verdict(scores), np.sort(scores)
        assert verdict.outcome in (Outcome.PREFERRED, Outcome.ALIKE)
        flips = verdict.flips_with

        def said(left_out, ordered=ordered):
            rests = ordered[left_out:], ordered[: len(ordered) - left_out]
            result = [make_verdict(np.random.default_rng(2).permutation(rest)) for rest in rests]
            return {(item.outcome, item.prefers_first) for item in result}

        now = {(verdict.outcome, verdict.prefers_first)}
        assert said(flips) != now and said(flips - 1) == now


@pytest.mark.parametrize(("raters", "few"), [(1, 0), (49, 0), (50, 1), (59, 1), (60, 2), (222, 18), (1040, 100)])
def test_a_few_raters_are_a_tenth_of_those_beyond_the_first_forty(raters, few):
    assert few_raters(raters) == few


@pytest.mark.parametrize("raters", [30, 60, 100, 222])
def test_a_preference_is_called_if_its_interval_excludes_one_half_also_without_a_few_raters(raters):
    generator, seen = np.random.default_rng(raters), set()
    for share in np.linspace(0.5, 0.8, 40):
        scores = generator.permutation(class_scores(generator, 0.5, 4 * (share - 0.5), raters))
        rest = np.sort(scores)[: raters - int(few_raters(raters))]
        for side, sign in ((scores, True), (1 - scores, False)):
            verdict = make_verdict(side, is_brief=True)
            if verdict.outcome is Outcome.RATERS_CHANGED:
                continue
            excludes, stands = (mean_interval(part).low > 0.5 for part in (scores, rest))
            assert verdict.prefers_first is (sign if stands else None)
            assert verdict.is_fragile is (excludes and not stands)
            seen.add((excludes, stands))
    assert seen == {(False, False), (True, True)} | ({(True, False)} if raters > 50 else set())


@pytest.mark.parametrize("scores", [[0.0, 1.0] * 20, [0.5] * 30, [0.6] * 4, [0.5, 0.625] * 3])
def test_where_one_half_is_well_inside_no_number_of_raters_is_told(scores):
    assert raters_to_come(np.array(scores)) is None


def test_the_number_of_raters_to_come_is_seldom_shown_for_equal_models_and_mostly_comes_true_for_unequal_ones():
    generator, shown, true = np.random.default_rng(6), {0.0: 0, 0.85: 0}, 0
    for mean in shown:
        for _ in range(100):
            scores = class_scores(generator, 0.5, mean, raters=12)
            more = make_verdict(scores).more
            if more is None:
                continue
            shown[mean] += 1
            later = make_verdict(np.concatenate([scores, class_scores(generator, 0.5, mean, more)]))
            true += mean > 0 and later.prefers_first is True
    assert shown[0.0] <= 15 and shown[0.85] >= 50
    assert true / shown[0.85] > 0.7


def test_a_plan_grows_as_models_come_closer_and_has_an_end():
    needed = [raters_needed(share) for share in (0.9, 0.8, 0.7, 0.6)]
    assert needed == sorted(needed) and needed[0] >= 8 and 70 < needed[3] < 110
    assert raters_needed(0.65, votes=1) > 5 * raters_needed(0.65) and raters_needed(0.51) is None


def test_as_many_raters_as_planned_call_it_four_times_in_five():
    generator, needed = np.random.default_rng(8), raters_needed(0.7)
    result = [make_verdict(class_scores(generator, 0.5, 0.9, needed)).prefers_first for _ in range(200)]
    assert 0.7 < sum(item is True for item in result) / 200 < 0.95


def test_the_table_in_the_docs_keeps_its_promises():
    rows = list(verdict_table(200))
    promised = [row for row in rows if row["promise"]]
    assert len(promised) >= 13
    for row in promised:
        sign, limit = row["promise"].split()
        above = row["share"] - float(limit[:-1]) / 100
        assert above <= 0 if sign == "<=" else above >= 0, row
    power = {(row["case"], row["what"]): row["share"] for row in rows}
    assert power["70% for the first model, spread 0.5", "called with 20 raters"] > 0.6
    assert power["20 raters at 70%, then 20 at 30%", "raters changed"] > 0.8


def test_a_verdict_says_the_same_every_time():
    scores = class_scores(np.random.default_rng(7), 0.5, 0.5, raters=12)
    assert make_verdict(scores) == make_verdict(scores)
    assert make_verdict(scores).more is None or make_verdict(scores).more <= MOST_TO_COME


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
