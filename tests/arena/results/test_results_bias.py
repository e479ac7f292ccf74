"""What may have swayed raters, whether they agree, and what answers cost: shares, alpha, times, by hand."""

from dataclasses import replace

import pytest
from results_votes import TIE, A, B, assert_sound, mixed_log, outcomes, rater_votes
from vote_samples import make_side, make_vote, swapped, vote_between

from arena.recorded import Recorded
from arena.results.bias import Share
from arena.results.compute import Background
from arena.results.cost import peak_memory
from arena.types import Battle, Usage

# ---- bias and agreement


def test_sides_lengths_and_leaks_are_shares_of_what_they_can_be(figures):
    def vote(number, winner, long, short, leaked):
        battle = Battle(f"b{number}", "Why?", make_side("x", long), make_side("y", short), "q")
        return make_vote(number, battle=battle, winner=winner, leaked=leaked)

    votes = [
        vote(1, A, "long answer", "short", True),
        vote(2, B, "long answer", "short", False),
        vote(3, A, "same", "size", None),
        vote(4, TIE, "long answer", "short", False),
        vote(5, A, "s", "longer one", False),
    ]
    bias = figures(votes).bias
    assert (bias.shares["left_wins"], bias.shares["longer_wins"], bias.shares["leaked"]) == (
        Share(3, 4),
        Share(1, 3),
        Share(1, 4),
    )
    assert bias.shares["left_wins"].value == 0.75 and Share(0, 0).value is None


def test_first_votes_are_set_against_later_ones(figures):
    votes = [vote for judge in range(3) for vote in rater_votes(judge, [A, A, B, TIE])]
    bias = figures([*votes, *rater_votes(9, [A])]).bias
    assert (bias.shares["early"], bias.shares["late"]) == (Share(6, 6), Share(3, 6))
    assert (bias.shares["early_wins"], bias.shares["late_wins"]) == (Share(6, 6), Share(0, 3))
    assert figures(mixed_log(4)).bias.shares["early_wins"] is None


def test_agreement_is_about_the_same_two_answers(figures):
    said = {"agreed": [A, A, A], "also": [B, B, B], "apart": [A, B, A], "once": [TIE]}
    each = enumerate(
        (prompt, place, winner) for prompt, winners in said.items() for place, winner in enumerate(winners)
    )
    votes = [vote_between(number, "x", "y", winner, prompt, judge=f"j{n}") for number, (prompt, n, winner) in each]
    result = figures([swapped(vote) if number % 2 else vote for number, vote in enumerate(votes)])
    # By hand: of 9 judgements 2 disagree; 5 for one model and 4 for the other would disagree in 40 of 72 cases.
    assert result.agreement.alpha == pytest.approx(1 - (2 / 9) / (40 / 72))
    assert (result.agreement.units, result.agreement.judgements) == (3, 9)
    assert (result.disputed.prompt, result.disputed.share, result.disputed.votes) == ("apart", pytest.approx(2 / 3), 3)


def test_nothing_is_disputed_where_all_agree_or_nobody_judged_twice(figures):
    assert figures(outcomes(A, A, A)).disputed is None
    assert figures([vote_between(1, "x", "y", A, "p"), vote_between(2, "x", "y", B, "q")]).disputed is None


# ---- cost


def costly(number, prompt, winner, seconds):
    sides = [
        make_side(model, f"{model} {prompt}", new_tokens=101, first_token_seconds=2.0, seconds=took)
        for model, took in zip("xy", seconds, strict=True)
    ]
    return make_vote(number, battle=Battle(f"b{number}", "Why?", *sides, prompt), winner=winner)


def test_what_is_won_is_told_with_its_time(figures):
    votes = [costly(1, "q5", A, (98.0, 20.0)), costly(2, "q5", A, (98.0, 20.0)), costly(3, "q5", B, (98.0, 20.0))]
    votes += [costly(4, "q6", B, (40.0, 10.0)), costly(5, "q7", TIE, (8.0, 4.0)), costly(6, "", A, (4.0, 4.0))]
    result = figures(votes, background=Background(memory={("x", "int4"): 7_000_000_000}))
    output = [(item.prompt, item.winner, item.wins, item.decisive, item.times) for item in result.prompt_costs]
    assert output == [("q5", "x", 2, 3, pytest.approx(4.9)), ("q6", "y", 1, 1, pytest.approx(0.25))]
    x, y = result.costs
    # An answer counts once, however often it was judged.
    assert (x.model, x.precision, x.answers, x.seconds, x.tokens) == ("x", "int4", 4, 24.0, 101.0)
    assert x.tokens_per_second == pytest.approx((100 / 38 + 100 / 6) / 2)
    assert (x.peak_memory, y.peak_memory) == (7_000_000_000, None)


def test_joules_are_told_of_models_that_were_measured(figures):
    votes = []
    for number, joules in enumerate([300.0, 100.0, None]):
        vote = costly(number, f"q{number}", A, (98.0, 20.0))
        side = vote.battle.a
        usage = replace(side.answer.usage, joules=joules)
        side = replace(side, answer=replace(side.answer, usage=usage))
        votes.append(replace(vote, battle=replace(vote.battle, a=side)))
    x, y = figures(votes).costs
    assert (x.joules, y.joules) == (200.0, None)


def test_a_prompt_of_a_rater_may_read_like_the_id_of_a_prompt(figures):
    own = costly(1, "q5", A, (98.0, 20.0))
    own = replace(own, battle=replace(own.battle, id="b0", prompt="q5", prompt_id=""))
    result = figures([own, costly(2, "q5", A, (98.0, 20.0))])
    assert [cost.answers for cost in result.costs] == [1, 1] and result.prompt_costs == ()


def test_answers_that_tell_no_time_have_no_cost(figures):
    result = figures(outcomes(A))
    assert result.prompt_costs == () and {(item.seconds, item.tokens_per_second) for item in result.costs} == {
        (None, None)
    }


@pytest.mark.parametrize("seconds", [(1e300, 1e-300), (1e308, 1e308), (1e-320, 5.0)])
def test_times_beyond_measure_stay_finite_or_unknown(figures, seconds):
    assert_sound(figures([costly(1, "q1", A, seconds), costly(2, "q2", A, seconds)]))


def test_the_most_memory_of_the_recorded_answers_is_taken():
    side = make_side("x", "text")
    answers = [Recorded("q", "Why?", replace(side, answer=side.answer), memory=memory) for memory in (5, 9, None)]
    assert peak_memory(answers) == {("x", "int4"): 9}
    assert Usage().seconds is None
