"""What explains the votes and what speaks against them: length, side, careless votes, ranks of many models."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import combinations, cycle

import numpy as np
import pytest
from sim_logs import raters
from vote_samples import make_side, swapped, vote_between

from arena.results.selection import SUSPICIONS, Filters
from arena.results.sentences import first_sentences, is_explained_away
from arena.statistics.decision import Outcome
from arena.statistics.ratings import possible_ranks
from arena.types import Battle, Vote, Winner
from ui.results.view import headline

A, B, TIE = Winner.MODEL_A, Winner.MODEL_B, Winner.TIE


def judged(choose, seed, size=30, prompts=8, words=None):
    """The votes of a class that `choose`s by lengths and left side; "qwen" is the longer one on 6 of 8 prompts."""
    draw, votes = random.Random(seed), []
    words = words or [(60, 40)] * (prompts - 2) + [(30, 50)] * 2
    for rater in range(size):
        for prompt, (own, other) in enumerate(words):
            sides = make_side("qwen", f"q{prompt} " + "word " * own), make_side("glm", f"g{prompt} " + "word " * other)
            is_left = draw.random() < 0.5
            battle = Battle(f"b{prompt}", "Why?", *sides, f"q{prompt}", blind=True, source="recorded")
            winner = A if choose(own, other, is_left, draw) else B
            vote = Vote(f"v{rater}-{prompt}", battle, winner, f"j{rater}", 1.7e9 + 3600 * rater + prompt, "English")
            votes.append(vote if is_left else swapped(vote))
    return votes


# ---- what decided


def test_where_length_alone_decides_the_first_sentences_say_so_and_the_adjusted_share_calls_nobody(figures):
    result = figures(judged(lambda own, other, left, draw: own > other, 1))
    verdict = result.pairs[0].verdict
    assert verdict.preferred == "qwen" and verdict.swayed_by == ("length",) and is_explained_away(verdict)
    assert verdict.adjusted.share.low <= 0.5 <= verdict.adjusted.share.high
    assert result.bias.shares["longer_wins"].value == 1.0
    assert (result.bias.splits["length"].more, result.bias.splits["length"].less) == (1.0, 0.0)
    sentences = first_sentences("en", result)
    assert sentences[1].startswith("Length bias: the longer answer gets 100 points more")
    assert "so no preference could be called" in sentences[2]
    assert "Decided" not in " ".join(sentences)
    assert first_sentences("zh", result)[1].startswith("长短影响了投票：较长的回答多得 100 个百分点")


@pytest.mark.parametrize("place", ["left", "right"])
def test_where_the_side_alone_decides_it_is_said_and_no_number_of_raters_promised(figures, place):
    result = figures(judged(lambda own, other, left, draw: left == (place == "left") or draw.random() < 0.1, 2))
    verdict, sentences = result.pairs[0].verdict, first_sentences("en", result)
    assert verdict.preferred is None and verdict.swayed_by == ("side",)
    assert f"an answer on the {place} gets" in sentences[1]
    assert not any("more raters like these" in line for line in sentences)


def test_a_better_model_is_not_blamed_for_its_length(figures):
    verdict = figures(judged(lambda own, other, left, draw: draw.random() < 0.85, 3)).pairs[0].verdict
    assert verdict.preferred == "qwen" and verdict.swayed_by == ()
    assert verdict.adjusted.share.low > 0.5 and not is_explained_away(verdict)


def test_where_no_bias_is_found_a_wide_adjusted_interval_takes_nothing_back(figures):
    tastes = cycle([0.95, 0.5, 0.9, 0.5, 0.75, 0.5, 0.9, 0.45])
    result = figures(judged(lambda own, other, left, draw: draw.random() < next(tastes), 1, size=18))
    verdict, words = result.pairs[0].verdict, " ".join(first_sentences("en", result))
    assert verdict.preferred == "qwen" and verdict.swayed_by == () and verdict.adjusted.share.low <= 0.5
    assert headline("en", result) == "Raters prefer qwen." and "may explain" not in words and "Decided." in words


def test_a_model_that_is_always_longer_cannot_be_told_from_its_length(figures):
    result = figures(judged(lambda own, other, left, draw: draw.random() < 0.9, 4, words=[(60, 40)] * 8))
    verdict = result.pairs[0].verdict
    assert verdict.preferred == "qwen" and verdict.adjusted.share is None and verdict.confounded == {"length": True}
    sentences = " ".join(first_sentences("en", result))
    assert "qwen always gave the longer answer" in sentences and "Decided" not in sentences


# ---- careless votes


def test_votes_that_nobody_can_have_meant_are_counted_shown_and_can_be_left_out(figures):
    draw = random.Random(5)
    honest = raters(draw, range(12), 0.5)
    long = [make_side(model, "word " * 400) for model in ("qwen", "glm")]

    def hasty(number, dwell, **changes):
        battle = Battle(f"h{number}", "Why?", *long, "q1", blind=True, source="recorded")
        vote = Vote(f"h{number}", battle, A, f"h{number % 3}", 1.7e9, "English", dwell=dwell)
        return replace(vote, **changes)

    fast = [hasty(number, 2.0) for number in range(6)]
    slow, unknown = hasty(6, 60.0), hasty(7, None)
    # Who watched a live answer being written has read it by then.
    live = hasty(8, 2.0)
    sides = [
        replace(side, answer=replace(side.answer, usage=replace(side.answer.usage, seconds=40.0))) for side in long
    ]
    live = replace(live, battle=replace(live.battle, a=sides[0], b=sides[1], source="live"))
    always = [vote_between(100 + n, "qwen", "glm", A, f"q{n}", judge="left") for n in range(8)]
    seldom = [vote_between(200 + n, "qwen", "glm", A, f"q{n}", judge="few") for n in range(7)]
    first = vote_between(300, "qwen", "glm", A, "q1", judge="unsure")
    again = vote_between(301, "qwen", "glm", B, "q1", judge="unsure", repeat_of="battle-300")
    same = [vote_between(310, "qwen", "glm", A, "q1", judge="sure")]
    same += [vote_between(311, "glm", "qwen", B, "q1", judge="sure", repeat_of="battle-310")]
    votes = [*honest, *fast, slow, unknown, live, *always, *seldom, first, again, *same]
    result = figures(votes)
    assert dict(result.suspicious) == {"too_fast": 6, "one_sided": 8, "contradicted": 1}
    assert result.switches["not_suspicious"] == result.votes - 15
    assert figures(votes, Filters(not_suspicious=True)).votes == result.votes - 15
    verdict = result.pairs[0].verdict
    assert verdict.suspicious == 15 and verdict.without_suspicious is not None


def test_where_careless_votes_make_the_verdict_it_says_what_it_would_be_without_them(figures):
    draw = random.Random(6)
    # Among the honest ones, who are split, there are as many again who click without reading.
    votes = [
        replace(vote, dwell=0.01) if rater % 2 else vote
        for rater in range(48)
        for vote in raters(draw, range(rater, rater + 1), 0.98 if rater % 2 else 0.5)
    ]
    result = figures(votes)
    assert result.pairs[0].verdict.preferred == "qwen"
    assert result.pairs[0].verdict.without_suspicious.outcome is Outcome.NOT_YET
    text = " ".join(first_sentences("en", result))
    assert "look careless" in text and "without them it would read: too early to call" in text and "Decided" not in text
    assert set(SUSPICIONS) == set(result.suspicious)


# ---- many models


def test_ranks_follow_from_who_is_preferred_to_whom():
    assert possible_ranks("abc", []) == {"a": (1, 3), "b": (1, 3), "c": (1, 3)}
    assert possible_ranks("abc", [("a", "b"), ("b", "c")]) == {"a": (1, 1), "b": (2, 2), "c": (3, 3)}
    assert possible_ranks("abc", [("a", "c")]) == {"a": (1, 2), "b": (1, 3), "c": (2, 3)}
    assert possible_ranks("abc", [("a", "b"), ("b", "c"), ("c", "a")]) == {name: (1, 3) for name in "abc"}


def league(figures, strengths, seed, size):
    """Each rater judges each pair of models twice."""
    generator, votes = np.random.default_rng(seed), []
    for rater in range(size):
        for a, b in combinations(strengths, 2):
            chance = 1 / (1 + np.exp(strengths[b] - strengths[a] + generator.normal(0, 0.5)))
            for turn in range(2):
                number = len(votes)
                winner = A if generator.random() < chance else B
                votes.append(vote_between(number, a, b, winner, f"q{turn}", judge=f"j{rater}", time=1.7e9 + rater))
    return figures(votes)


def test_among_five_equal_models_pairs_are_seldom_called(figures):
    called = 0
    for seed in range(6):
        result = league(figures, dict.fromkeys("abcde", 0.0), seed, 30)
        called += any(pair.verdict.preferred for pair in result.pairs)
        assert all(model.best_rank <= model.worst_rank for model in result.models)
    assert called <= 1  # at most 5 in 100 at every look; with intervals that hold for one look alone, 4 of these 6


def test_a_model_that_is_better_than_all_others_stands_first_alone(figures):
    result = league(figures, {"best": 3.0, "b": 0.0, "c": 0.0, "d": -0.2}, 1, 40)
    assert (result.models[0].model, result.models[0].best_rank, result.models[0].worst_rank) == ("best", 1, 1)
    assert {(model.best_rank, model.worst_rank) for model in result.models[1:]} == {(2, 4)}
    assert first_sentences("en", result)[0].startswith("Of 4 models, best ranks first: raters prefer it to each")
    assert all(
        pair.verdict.numbers.interval.low < pair.verdict.numbers.share < pair.verdict.numbers.interval.high
        for pair in result.pairs
    )
