"""What votes come to: counts, verdicts, ranks, groups, bias and cost, by outcomes only and finite in every case."""

import random
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from results_votes import BAD, TIE, A, B, assert_sound, mixed_log, outcomes, rater_votes
from vote_samples import make_side, swapped, vote_between, votes_of

from arena.events import ROOM_CLOSED, EventLog
from arena.results.bias import Share
from arena.results.compute import Background, compute
from arena.results.figures import Mixture, as_json
from arena.results.raters import IDLE_SECONDS
from arena.results.selection import Filters
from arena.results.sentences import first_sentences
from arena.statistics import PairCount
from arena.statistics.decision import Outcome
from arena.types import Message, Winner
from arena.votes.store import VoteStore

LONG_AFTER = 2e9
SLOW = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)


# ---- one name, several revisions or settings


def test_revisions_and_settings_under_one_name_are_named(figures):
    def vote(number, seed=7, temperature=0.2, revision="sha-x", system=""):
        vote = vote_between(number, "x", "y", A, "q")
        side = vote.battle.a
        side = replace(
            side,
            model=replace(side.model, revision=revision),
            config=replace(side.config, seed=seed, temperature=temperature),
            messages=(*([Message("system", system)] if system else []), *side.messages),
        )
        return replace(vote, battle=replace(vote.battle, a=side))

    assert figures([vote(1), vote(2, seed=8)]).mixtures == ()
    warm = figures([vote(1), vote(2, temperature=1.0)])
    assert warm.mixtures == (Mixture("x", ("sha-x",), ("temperature 0.2", "temperature 1")),)
    line = "Note: the votes on x add up 2 settings: temperature 0.2; temperature 1."
    assert first_sentences("en", warm)[1] == line and as_json(warm)["mixtures"][0]["model"] == "x"
    other = figures([vote(1), vote(2, revision="sha-z"), vote(3, system="Be\nkind.")])
    assert other.mixtures == (Mixture("x", ("sha-x", "sha-z"), ("", "system Be kind.")),)
    lines = first_sentences("en", other)[1:3]
    assert lines[0].endswith("2 revisions: sha-x; sha-z.") and "none of these; system Be kind." in lines[1]


# ---- what broke others


@pytest.mark.parametrize(
    "winners",
    [[A], [A] * 5, [A] * 50, [TIE], [TIE] * 6, [BAD] * 6, [A, B], [A, TIE], [A, A, BAD], [A] * 10, [A, B, TIE] * 3],
    ids=str,
)
def test_every_log_is_finite_and_in_order(figures, winners):
    result = figures(outcomes(*winners))
    output = assert_sound(result)
    good, bad = sorted(result.models, key=lambda model: model.model != "good")
    assert good.rating.value >= bad.rating.value
    # Each vote is by a rater of its own: eight who agree call it.
    called = winners.count(A) == len(winners) >= 8
    assert ((good.best_rank, good.worst_rank), (bad.best_rank, bad.worst_rank)) == (
        ((1, 1), (2, 2)) if called else ((1, 2), (1, 2))
    )
    assert output["verdict"]["outcome"] == ("preferred" if called else "not_yet")
    assert result == figures(outcomes(*winners))


def test_no_votes_are_no_results(figures):
    output = assert_sound(figures([]))
    assert (output["votes"], output["models"], output["pairs"]) == (0, [], [])
    assert (output["verdict"]["outcome"], output["verdict"]["preferred"], output["verdict"]["raters"]) == (
        "no_votes",
        None,
        0,
    )


def test_a_file_with_one_model_only_has_no_results_and_says_why(tmp_path):
    votes_of(tmp_path, [vote_between(1, "x", "y", A, "q")])
    path = tmp_path / "votes.csv"
    path.write_text(path.read_text(encoding="utf-8-sig").replace(",y,", ",x,"), encoding="utf-8")
    result = compute(VoteStore(tmp_path).refresh())
    assert (result.votes, result.models) == (0, ())
    assert [(row.line, row.reason) for row in result.left_out.unreadable] == [(2, "both sides are the same model")]


@pytest.mark.parametrize("size", [1, 2, 3, 10])
def test_an_interval_by_resampling_needs_enough_raters(figures, size):
    output = assert_sound(figures(outcomes(*([A, B, TIE] * 4)[:size])))
    assert all((model["rating_interval"] is None) == (size < 10) for model in output["models"])


def test_twenty_shuffles_of_sixty_votes_give_the_same_table(figures):
    votes, first = mixed_log(1), figures(mixed_log(1))
    for seed in range(20):
        shuffled = random.Random(seed).sample(votes, len(votes))
        assert figures(shuffled) == first


def test_sides_do_not_matter_but_for_what_is_told_of_sides(figures):
    votes = mixed_log(2)
    turned = [swapped(vote) if number % 3 else vote for number, vote in enumerate(votes)]
    result, again = figures(votes), figures(turned)
    output, turned = as_json(result), as_json(again)
    for item in (output, turned):
        item.pop("bias")
        for pair in item["pairs"]:
            # Who stood on the left is what was changed.
            pair["verdict"].pop("adjusted"), pair["verdict"].pop("swayed_by")
    assert output == turned and again.bias.shares["early"] == result.bias.shares["early"]


def test_other_names_give_the_same_numbers(figures):
    names = {"x": "zz", "y": "a", "z": "m"}

    def renamed(vote):
        sides = (make_side(names[side.model.id], side.answer.text) for side in (vote.battle.a, vote.battle.b))
        a, b = sides
        return replace(vote, battle=replace(vote.battle, a=a, b=b))

    votes = mixed_log(3)
    result, again = figures(votes), figures([renamed(vote) for vote in votes])
    assert [names[model.model] for model in result.models] == [model.model for model in again.models]
    for item, other in zip(result.models, again.models, strict=True):
        assert (item.count.win_rate(), item.best_rank) == (other.count.win_rate(), other.best_rank)
        assert (item.count.first_wins, item.count.second_wins) == (other.count.first_wins, other.count.second_wins)
        assert item.rating.value == pytest.approx(other.rating.value, abs=1e-6)
    verdicts = {frozenset(names[model] for model in (p.count.first, p.count.second)): p.verdict for p in result.pairs}
    for pair in again.pairs:
        then, now = verdicts[frozenset([pair.count.first, pair.count.second])], pair.verdict
        assert (then.outcome, names[then.first], then.numbers.raters) == (now.outcome, now.first, now.numbers.raters)
        ends = (now.numbers.share, now.numbers.interval.low, now.numbers.interval.high)
        before = (then.numbers.share, then.numbers.interval.low, then.numbers.interval.high)
        assert before == pytest.approx(ends, abs=1e-9)


@given(st.lists(st.sampled_from(list(Winner)), min_size=1, max_size=12))
@SLOW
def test_more_wins_never_hurt(figures, winners):
    before = {model.model: model for model in figures(outcomes(*winners)).models}
    after = {model.model: model for model in figures(outcomes(*winners, A)).models}
    assert after["good"].rating.value >= before["good"].rating.value
    assert after["good"].worst_rank <= before["good"].worst_rank


def test_models_that_never_met_are_not_ranked(figures):
    votes = [vote_between(1, "a", "b", A, "q"), vote_between(2, "c", "d", B, "q")]
    assert [model.rating for model in assert_and_models(figures(votes))] == [None] * 4


def assert_and_models(result):
    assert_sound(result)
    return result.models


def test_an_unbeaten_model_ranks_first_among_three(figures):
    votes = [
        vote_between(n, *pair, A, "q") for n, pair in enumerate([("top", "x"), ("x", "y"), ("y", "x"), ("top", "y")])
    ]
    result = figures(votes)
    assert (result.models[0].model, result.prior) == ("top", 0.5)
    assert max(result.models, key=lambda model: model.rating.value).model == "top"
    assert {(model.best_rank, model.worst_rank) for model in result.models} == {(1, 3)}  # four votes show no order


# ---- counts, filters, groups


def test_counts_are_told_from_the_one_ahead(figures):
    (pair,) = figures(outcomes(A, B, B, TIE, BAD, B)).pairs
    assert pair.count == PairCount("bad", "good", first_wins=3, second_wins=1, ties=1, both_bad=1)
    assert pair.count.win_rate().rate == 0.75 and pair.verdict.first == "bad"
    assert pair.verdict.numbers.share == pytest.approx(4 / 6)  # each tie is one half


def test_each_filter_leaves_what_it_says_it_leaves(figures):
    def vote(number, blind=True, leaked=False, finish="stop"):
        created = vote_between(number, "x", "y", A, "q", leaked=leaked)
        b = replace(created.battle.b, answer=replace(created.battle.b.answer, finish_reason=finish))
        return replace(created, battle=replace(created.battle, blind=blind, b=b))

    votes = [vote(1), vote(2, blind=False), vote(3, leaked=True), vote(4, leaked=None), vote(5, finish="length")]
    result = figures(votes)
    assert result.switches == {"blind": 4, "complete": 4, "not_leaked": 4, "not_suspicious": 5}
    for name, count in result.switches.items():
        assert figures(votes, Filters(**{name: True})).votes == count
    both = figures(votes, Filters(blind=True, not_leaked=True))
    assert (both.votes, both.switches["complete"]) == (3, 2)


def test_votes_are_grouped_by_what_is_known_of_them(figures):
    def vote(number, winner, prompt, dimension, language, source="recorded", room=""):
        created = vote_between(number, "x", "y", winner, prompt, language=language, room=room)
        return replace(created, battle=replace(created.battle, dimension=dimension, source=source))

    votes = [
        vote(1, A, "q1", "reasoning", "Chinese"),
        vote(2, B, "q2", "knowledge", "Chinese", room="AAA"),
        vote(3, A, "q1", "reasoning", "English", "live"),
        vote(4, TIE, "", "", ""),
    ]
    result = figures(votes, background=Background({"q2": "easy", "q1": "hard"}))
    output = {by: {name: counts[0].votes for name, counts in groups.items()} for by, groups in result.by.items()}
    assert output == {
        "dimension": {"reasoning": 2, "knowledge": 1, "": 1},
        "category": {"easy": 1, "hard": 2, "": 1},
        "prompt": {"q2": 1, "q1": 2, "": 1},
        "language": {"Chinese": 2, "English": 1, "": 1},
        "source": {"live": 1, "recorded": 3},
        "room": {"AAA": 1, "": 3},
    }
    assert list(output["dimension"]) == ["reasoning", "knowledge", ""] and list(output["prompt"]) == ["q2", "q1", ""]
    assert result.by["prompt"]["q1"] == (PairCount("x", "y", first_wins=2),)
    assert [figures(votes, Filters(room=code)).votes for code in ("AAA", "BBB")] == [1, 0]
    assert (result.raters, result.prompts) == (4, 3)


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
    result = compute(votes, now=LONG_AFTER)
    assert (result.votes, result.repeats, result.left_out.duplicates) == (2, 3, 1)
    # Of the first repeat the sides were exchanged; what the last one repeats is nowhere.
    assert result.bias.shares["consistent"] == Share(1, 2)


# ---- the verdict


def test_a_rater_with_many_votes_is_one_rater(figures):
    one_fan = figures([*rater_votes(0, [A] * 100), *rater_votes(1, [B]), *rater_votes(2, [B])])
    (pair,) = one_fan.pairs
    assert pair.count.win_rate().high < 0.1 and pair.verdict.outcome is Outcome.NOT_YET
    assert (pair.verdict.first, pair.verdict.numbers.raters, pair.verdict.numbers.share) == (
        "y",
        3,
        pytest.approx(2 / 3),
    )
    everybody = figures([vote for judge in range(12) for vote in rater_votes(judge, [A, A, A, TIE])])
    assert everybody.pairs[0].verdict.preferred == "x"


def test_votes_that_name_no_rater_are_one_raters(figures):
    votes = [replace(vote, judge="") for judge in range(50) for vote in rater_votes(judge, [A])]
    (pair,) = figures(votes).pairs
    assert pair.count.first_wins == pair.verdict.votes == 50
    assert (pair.verdict.numbers.raters, pair.verdict.preferred) == (1, None)


def test_raters_count_once_they_are_done(figures):
    votes = [*rater_votes(0, [A, A]), *rater_votes(1, [A])]
    for since_last, done in ((10, 1), (IDLE_SECONDS + 2, 2)):
        # The first rater has judged all that anybody has, the second may go on.
        verdict = figures(votes, now=1.7e9 + since_last).pairs[0].verdict
        assert (verdict.numbers.raters, verdict.under_way, verdict.votes) == (done, 2 - done, done + 1)
    live = [replace(vote, battle=replace(vote.battle, source="live")) for vote in votes]
    assert figures(live, now=1.7e9 + 10).pairs[0].verdict.under_way == 2


def test_each_room_has_its_own_end(figures):
    votes = [*rater_votes(0, [A, A, A], room=""), *rater_votes(1, [A], room="R"), *rater_votes(2, [B], room="R")]
    assert figures(votes, now=1.7e9 + 5).pairs[0].verdict.under_way == 0


def test_in_a_closed_room_everybody_is_done(tmp_path):
    winners = {judge: [A] * 8 if judge < 8 else [A, B, A, B, A] for judge in range(16)}
    votes = votes_of(tmp_path, [vote for judge, cast in winners.items() for vote in rater_votes(judge, cast, room="R")])
    now = 1.7e9 + 60
    assert compute(votes, now=now).pairs[0].verdict.numbers.raters == 8
    store = VoteStore(tmp_path)
    assert store.refresh().marks.closed_rooms == frozenset()
    with EventLog(tmp_path) as events:
        events.append(ROOM_CLOSED, room="R")
    closed = store.refresh()
    for filters in (Filters(), Filters(room="R")):
        verdict = compute(closed, filters, now=now).pairs[0].verdict
        assert (verdict.numbers.raters, verdict.under_way, verdict.numbers.share) == (16, 0, pytest.approx(0.8))
        assert verdict == compute(closed, filters, now=LONG_AFTER).pairs[0].verdict


def test_who_went_on_in_an_open_room_is_not_done(tmp_path):
    moved = [*rater_votes(0, [A], room="R"), *rater_votes(0, [A, B], 1.7e9 + 5, room="S")[1:]]
    votes = [*moved, *rater_votes(1, [B, B, B], room="S"), *rater_votes(2, [A], room="R")]
    with EventLog(tmp_path) as events:
        events.append(ROOM_CLOSED, room="R")
    closed = votes_of(tmp_path, votes)
    assert compute(closed, now=1.7e9 + 60).pairs[0].verdict.under_way == 1
    assert compute(closed, Filters(room="R"), now=1.7e9 + 60).pairs[0].verdict.under_way == 0


def test_where_nobody_is_done_the_other_votes_are_not_missing(figures):
    votes = [replace(vote, battle=replace(vote.battle, source="live")) for vote in rater_votes(0, [A, A])]
    votes[0] = replace(votes[0], battle=replace(votes[0].battle, blind=False))
    verdict = as_json(figures(votes, now=1.7e9 + 10))["verdict"]
    assert verdict["outcome"] == verdict["with_others"]["outcome"] == "not_yet"


def test_without_votes_that_all_look_careless_there_are_none(figures):
    votes = [replace(vote, dwell=0.0) for vote in rater_votes(0, [A, B])]
    assert figures(votes).pairs[0].verdict.without_suspicious.outcome is Outcome.NO_VOTES


def test_prompts_are_signs(figures):
    said = {"p": [A, A, B], "q": [A], "r": [B], "s": [A, B], "t": [TIE]}
    each = enumerate((prompt, winner) for prompt, winners in said.items() for winner in winners)
    votes = [vote_between(number, "x", "y", winner, prompt) for number, (prompt, winner) in each]
    signs = figures(votes).pairs[0].prompts
    assert (signs.first, signs.second, signs.even, signs.p) == (2, 1, 2, 1.0)


def test_prompts_on_which_everybody_tied_are_even(figures):
    said = [("p", A), ("p", A), ("q", TIE), ("r", BAD), ("s", TIE), ("s", BAD)]
    signs = figures([vote_between(n, "x", "y", winner, prompt) for n, (prompt, winner) in enumerate(said)])
    result = signs.pairs[0].prompts
    assert (result.first, result.second, result.even, result.p) == (1, 0, 3, 1.0)


def test_a_verdict_counts_the_prompts_of_its_own_votes(figures):
    blind = [vote_between(n, "x", "y", A, f"q{n % 2}") for n in range(6)]
    named = [vote_between(10 + n, "x", "y", B, f"q{n}") for n in range(20)]
    votes = [*blind, *(replace(vote, battle=replace(vote.battle, blind=False)) for vote in named)]
    result = figures(votes)
    assert (result.prompts, result.pairs[0].verdict.prompts, as_json(result)["verdict"]["prompts"]) == (20, 2, 2)
    assert first_sentences("en", result)[0].endswith("Prompts: 2. Applies to these prompts only.")
