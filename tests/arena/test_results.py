"""What votes come to: counts, verdicts, ranks, groups, bias and cost, by outcomes only and finite in every case."""

import json
import math
import random
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from vote_samples import make_side, make_vote, swapped, vote_between, votes_of

from arena.answers import Recorded
from arena.results.as_json import as_json
from arena.results.bias import Share
from arena.results.compute import Background, compute
from arena.results.cost import peak_memory
from arena.results.raters import IDLE_SECONDS
from arena.results.store import store_of
from arena.results.view import Filters
from arena.statistics import PairCount
from arena.statistics.verdict import Call
from arena.types import Battle, Usage, Winner

A, B, TIE, BAD = Winner.MODEL_A, Winner.MODEL_B, Winner.TIE, Winner.BOTH_BAD
LONG_AFTER = 2e9
SLOW = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)


@pytest.fixture
def figures(tmp_path_factory):
    """The figures of some votes, seen long after them."""

    def make(votes, filters=Filters(), background=Background(), now=LONG_AFTER):  # noqa: B008
        return compute(votes_of(tmp_path_factory.mktemp("votes"), votes), filters, background, now)

    return make


def outcomes(*winners, a="good", b="bad", **changes):
    """A vote for each, by raters of their own."""
    return [vote_between(number, a, b, winner, "q1", **changes) for number, winner in enumerate(winners)]


def numbers_in(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for one in value for number in numbers_in(one)]
    return [value] if isinstance(value, float) else []


def assert_sound(found):
    """Every number is finite, every interval is ordered, and all of it can be written as JSON."""
    told = as_json(found)
    assert all(map(math.isfinite, numbers_in(json.loads(json.dumps(told, allow_nan=False)))))
    for model in told["models"]:
        low, high = model["interval"] or (0, 1)
        assert low <= (0.5 if model["win_rate"] is None else model["win_rate"]) <= high
        if model["rating_interval"]:
            assert model["rating_interval"][0] <= model["rating"] <= model["rating_interval"][1]
    return told


# ---- what broke others


@pytest.mark.parametrize(
    "winners",
    [[A], [A] * 5, [A] * 50, [TIE], [TIE] * 6, [BAD] * 6, [A, B], [A, TIE], [A, A, BAD], [A] * 10, [A, B, TIE] * 3],
    ids=str,
)
def test_every_log_is_finite_and_in_order(figures, winners):
    found = figures(outcomes(*winners))
    told = assert_sound(found)
    good, bad = sorted(found.models, key=lambda model: model.model != "good")
    assert good.rank <= bad.rank and good.rating >= bad.rating
    assert (good.rank == bad.rank) == (winners.count(A) == winners.count(B))
    assert [model["preliminary"] for model in told["models"]] == [len(winners) < 10] * 2
    assert found == figures(outcomes(*winners))


def test_no_votes_are_no_results(figures):
    told = assert_sound(figures([]))
    assert (told["votes"], told["models"], told["pairs"], told["verdict"]) == (0, [], [], None)


def test_a_file_with_one_model_only_has_no_results_and_says_why(tmp_path):
    votes_of(tmp_path, [vote_between(1, "x", "y", A, "q")])
    path = tmp_path / "votes.csv"
    path.write_text(path.read_text(encoding="utf-8-sig").replace(",y,", ",x,"), encoding="utf-8")
    found = compute(store_of(tmp_path).refresh())
    assert (found.votes, found.models) == (0, ())
    assert [(row.line, row.reason) for row in found.skipped] == [(2, "both sides are the same model")]


@pytest.mark.parametrize("size", [1, 2, 3, 10])
def test_an_interval_by_resampling_needs_enough_raters(figures, size):
    told = assert_sound(figures(outcomes(*([A, B, TIE] * 4)[:size])))
    assert all((model["rating_interval"] is None) == (size < 10) for model in told["models"])


def mixed_log(seed, size=60):
    """Votes between three models by twelve raters, with ties."""
    draw = random.Random(seed)
    votes = []
    for number in range(size):
        a, b = draw.sample(["x", "y", "z"], 2)
        winner, prompt = draw.choice([A, A, B, TIE, BAD]), f"q{draw.randrange(4)}"
        votes.append(vote_between(number, a, b, winner, prompt, judge=f"judge-{draw.randrange(12)}"))
    return votes


def without_order(found):
    """What must not depend on the order of the rows."""
    return replace(found, skipped=())


def test_twenty_shuffles_of_sixty_votes_give_the_same_table(figures):
    votes, first = mixed_log(1), figures(mixed_log(1))
    for seed in range(20):
        shuffled = random.Random(seed).sample(votes, len(votes))
        assert without_order(figures(shuffled)) == without_order(first)


def test_sides_do_not_matter_but_for_what_is_told_of_sides(figures):
    votes = mixed_log(2)
    turned = [swapped(vote) if number % 3 else vote for number, vote in enumerate(votes)]
    found, again = figures(votes), figures(turned)
    assert replace(again, bias=found.bias) == found
    assert again.bias.early == found.bias.early


def test_other_names_give_the_same_numbers(figures):
    names = {"x": "zz", "y": "a", "z": "m"}

    def renamed(vote):
        sides = (make_side(names[side.model.id], side.answer.text) for side in (vote.battle.a, vote.battle.b))
        a, b = sides
        return replace(vote, battle=replace(vote.battle, a=a, b=b))

    votes = mixed_log(3)
    found, again = figures(votes), figures([renamed(vote) for vote in votes])
    assert [names[model.model] for model in found.models] == [model.model for model in again.models]
    for one, other in zip(found.models, again.models, strict=True):
        assert (one.wins, one.losses, one.rank, one.rate) == (other.wins, other.losses, other.rank, other.rate)
        assert (one.rating, one.elo) == pytest.approx((other.rating, other.elo), abs=1e-6)
    verdicts = {frozenset(names[model] for model in (p.count.first, p.count.second)): p.verdict for p in found.pairs}
    for pair in again.pairs:
        then, now = verdicts[frozenset([pair.count.first, pair.count.second])], pair.verdict
        assert (then.call, then.raters, then.more) == (now.call, now.raters, now.more)
        assert (then.share, then.interval.low) == pytest.approx((now.share, now.interval.low), abs=1e-9)


@given(st.lists(st.sampled_from(list(Winner)), min_size=1, max_size=12))
@SLOW
def test_more_wins_never_hurt(figures, winners):
    before = {model.model: model for model in figures(outcomes(*winners)).models}
    after = {model.model: model for model in figures(outcomes(*winners, A)).models}
    assert after["good"].rating >= before["good"].rating and after["good"].rank <= before["good"].rank


def test_models_that_never_met_are_not_ranked(figures):
    votes = [vote_between(1, "a", "b", A, "q"), vote_between(2, "c", "d", B, "q")]
    assert [model.rank for model in assert_and_models(figures(votes))] == [None] * 4


def assert_and_models(found):
    assert_sound(found)
    return found.models


def test_an_unbeaten_model_ranks_first_among_three(figures):
    votes = [
        vote_between(n, *pair, A, "q") for n, pair in enumerate([("top", "x"), ("x", "y"), ("y", "x"), ("top", "y")])
    ]
    found = figures(votes)
    assert (found.models[0].model, found.models[0].rank, found.prior) == ("top", 1, 0.5)


# ---- counts, filters, groups


def test_counts_are_told_from_the_one_ahead(figures):
    (pair,) = figures(outcomes(A, B, B, TIE, BAD, B)).pairs
    assert pair.count == PairCount("bad", "good", first_wins=3, second_wins=1, ties=1, both_bad=1)
    assert pair.rate.rate == 0.75 and pair.anytime.low < pair.rate.low < pair.rate.high < pair.anytime.high


def test_each_filter_leaves_what_it_says_it_leaves(figures):
    def vote(number, blind=True, leaked=False, finish="stop"):
        made = vote_between(number, "x", "y", A, "q", leaked=leaked)
        b = replace(made.battle.b, answer=replace(made.battle.b.answer, finish_reason=finish))
        return replace(made, battle=replace(made.battle, blind=blind, b=b))

    votes = [vote(1), vote(2, blind=False), vote(3, leaked=True), vote(4, leaked=None), vote(5, finish="length")]
    found = figures(votes)
    assert found.switches == {"blind": 4, "complete": 4, "not_leaked": 4}
    for name, count in found.switches.items():
        assert figures(votes, Filters(**{name: True})).votes == count
    both = figures(votes, Filters(blind=True, not_leaked=True))
    assert (both.votes, both.switches["complete"]) == (3, 2)


def test_votes_are_grouped_by_what_is_known_of_them(figures):
    def vote(number, winner, prompt, dimension, language, source="recorded", room=""):
        made = vote_between(number, "x", "y", winner, prompt, language=language, room=room)
        return replace(made, battle=replace(made.battle, dimension=dimension, source=source))

    votes = [
        vote(1, A, "q1", "reasoning", "Chinese"),
        vote(2, B, "q2", "knowledge", "Chinese", room="AAA"),
        vote(3, A, "q1", "reasoning", "English", "live"),
        vote(4, TIE, "", "", ""),
    ]
    found = figures(votes, background=Background({"q2": "easy", "q1": "hard"}))
    told = {by: {name: counts[0].votes for name, counts in groups.items()} for by, groups in found.by.items()}
    assert told == {
        "dimension": {"reasoning": 2, "knowledge": 1, "": 1},
        "category": {"easy": 1, "hard": 2, "": 1},
        "prompt": {"q2": 1, "q1": 2, "": 1},
        "language": {"Chinese": 2, "English": 1, "": 1},
        "source": {"live": 1, "recorded": 3},
        "room": {"AAA": 1, "": 3},
    }
    assert list(told["dimension"]) == ["reasoning", "knowledge", ""] and list(told["prompt"]) == ["q2", "q1", ""]
    assert found.by["prompt"]["q1"] == (PairCount("x", "y", first_wins=2),)
    assert [figures(votes, Filters(room=code)).votes for code in ("AAA", "BBB")] == [1, 0]
    assert (found.raters, found.prompts) == (4, 3)


def test_repeats_second_votes_and_bad_rows_are_counted_apart(tmp_path):
    votes = votes_of(
        tmp_path,
        [
            vote_between(1, "x", "y", A, "q", judge="one"),
            vote_between(2, "y", "x", B, "q", judge="one", repeat_of="battle-1"),
            vote_between(3, "x", "y", A, "q", judge="two"),
            vote_between(4, "x", "y", TIE, "q", judge="two", repeat_of="battle-3"),
            vote_between(5, "x", "y", TIE, "q", judge="two", repeat_of="battle-99"),
            vote_between(1, "x", "y", B, "q", judge="one", id="again"),
        ],
    )
    found = compute(votes, now=LONG_AFTER)
    assert (found.votes, found.repeats, found.duplicates) == (2, 3, 1)
    # Of the first repeat the sides were exchanged; what the last one repeats is nowhere.
    assert found.bias.consistent == Share(1, 2)


# ---- the verdict


def rater_votes(judge, winners, since=1.7e9, **changes):
    return [
        vote_between(1000 * judge + n, "x", "y", winner, f"q{n}", judge=f"j{judge}", time=since + n, **changes)
        for n, winner in enumerate(winners)
    ]


def test_a_rater_with_many_votes_is_one_rater(figures):
    one_fan = figures([*rater_votes(0, [A] * 100), *rater_votes(1, [B]), *rater_votes(2, [B])])
    (pair,) = one_fan.pairs
    assert pair.rate.low > 0.9 and pair.verdict.call is not Call.CALL_IT
    assert (pair.verdict.raters, pair.verdict.share) == (3, pytest.approx(1 / 3))
    everybody = figures([vote for judge in range(12) for vote in rater_votes(judge, [A, A, TIE])])
    assert (everybody.pairs[0].verdict.call, everybody.pairs[0].preferred) == (Call.CALL_IT, "x")


def test_votes_that_name_no_rater_are_one_raters(figures):
    votes = [replace(vote, judge="") for judge in range(50) for vote in rater_votes(judge, [A])]
    (pair,) = figures(votes).pairs
    assert pair.count.first_wins == 50 and pair.verdict.raters == 1 and pair.preferred is None


def test_raters_count_once_they_are_done(figures):
    votes = [*rater_votes(0, [A, A]), *rater_votes(1, [A])]
    for since_last, done in ((10, 1), (IDLE_SECONDS + 2, 2)):
        # The first rater has judged all that anybody has, the second may go on.
        (pair,) = figures(votes, now=1.7e9 + since_last).pairs
        assert (pair.verdict.raters, pair.under_way) == (done, 2 - done)
    live = [replace(vote, battle=replace(vote.battle, source="live")) for vote in votes]
    assert figures(live, now=1.7e9 + 10).pairs[0].under_way == 2


def test_each_room_has_its_own_end(figures):
    votes = [*rater_votes(0, [A, A, A], room=""), *rater_votes(1, [A], room="R"), *rater_votes(2, [B], room="R")]
    assert figures(votes, now=1.7e9 + 5).pairs[0].under_way == 0


def test_prompts_are_signs(figures):
    said = {"p": [A, A, B], "q": [A], "r": [B], "s": [A, B], "t": [TIE]}
    each = enumerate((prompt, winner) for prompt, winners in said.items() for winner in winners)
    votes = [vote_between(number, "x", "y", winner, prompt) for number, (prompt, winner) in each]
    signs = figures(votes).pairs[0].prompts
    assert (signs.first, signs.second, signs.even, signs.p) == (2, 1, 1, 1.0)


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
    assert (bias.left_wins, bias.longer_wins, bias.leaked) == (Share(3, 4), Share(1, 3), Share(1, 4))
    assert bias.left_wins.value == 0.75 and Share(0, 0).value is None


def test_first_votes_are_set_against_later_ones(figures):
    votes = [vote for judge in range(3) for vote in rater_votes(judge, [A, A, B, TIE])]
    bias = figures([*votes, *rater_votes(9, [A])]).bias
    assert (bias.early, bias.late) == (Share(6, 6), Share(3, 6))
    assert (bias.early_wins, bias.late_wins) == (Share(6, 6), Share(0, 3))
    assert figures(mixed_log(4)).bias.early_wins is None


def test_agreement_is_about_the_same_two_answers(figures):
    said = {"agreed": [A, A, A], "also": [B, B, B], "apart": [A, B, A], "once": [TIE]}
    each = enumerate(
        (prompt, place, winner) for prompt, winners in said.items() for place, winner in enumerate(winners)
    )
    votes = [vote_between(number, "x", "y", winner, prompt, judge=f"j{n}") for number, (prompt, n, winner) in each]
    found = figures([swapped(vote) if number % 2 else vote for number, vote in enumerate(votes)])
    # By hand: of 9 judgements 2 disagree; 5 for one model and 4 for the other would disagree in 40 of 72 cases.
    assert found.agreement.alpha == pytest.approx(1 - (2 / 9) / (40 / 72))
    assert (found.agreement.units, found.agreement.judgements) == (3, 9)
    assert (found.disputed.prompt, found.disputed.share, found.disputed.votes) == ("apart", pytest.approx(2 / 3), 3)


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
    found = figures(votes, background=Background(memory={("x", "int4"): 7_000_000_000}))
    told = [(one.prompt, one.winner, one.wins, one.decisive, one.times) for one in found.prompt_costs]
    assert told == [("q5", "x", 2, 3, pytest.approx(4.9)), ("q6", "y", 1, 1, pytest.approx(0.25))]
    x, y = found.costs
    # An answer counts once, however often it was judged.
    assert (x.model, x.precision, x.answers, x.seconds, x.tokens) == ("x", "int4", 4, 24.0, 101.0)
    assert x.tokens_per_second == pytest.approx((100 / 38 + 100 / 6) / 2)
    assert (x.peak_memory, y.peak_memory) == (7_000_000_000, None)


def test_answers_that_tell_no_time_have_no_cost(figures):
    found = figures(outcomes(A))
    assert found.prompt_costs == () and {(one.seconds, one.tokens_per_second) for one in found.costs} == {(None, None)}


@pytest.mark.parametrize("seconds", [(1e300, 1e-300), (1e308, 1e308), (1e-320, 5.0)])
def test_times_beyond_measure_stay_finite_or_unknown(figures, seconds):
    assert_sound(figures([costly(1, "q1", A, seconds), costly(2, "q2", A, seconds)]))


def test_the_most_memory_of_the_recorded_answers_is_taken():
    side = make_side("x", "text")
    answers = [Recorded("q", "Why?", replace(side, answer=side.answer), memory=memory) for memory in (5, 9, None)]
    assert peak_memory(answers) == {("x", "int4"): 9}
    assert Usage().seconds is None
