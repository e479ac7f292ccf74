"""Results of many models: by model and group of prompts, with one correction for everything that may be chosen."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from results_votes import A, B, assert_sound
from vote_samples import vote_between

from arena.errors import InputError
from arena.results.compute import Background
from arena.results.figures import as_json
from arena.results.selection import Filters
from arena.results.sentences import first_sentences
from arena.statistics.confidence_sequence import ALPHA
from arena.statistics.decision import make_verdict

MODELS = ("v", "w", "x", "y", "z")
DIMENSIONS = ("reasoning", "knowledge")
LANGUAGES = ("Chinese", "English", "")
CATEGORIES = {"q0": "riddles", "q1": "facts"}


@pytest.fixture
def votes():
    """For each pair 24 votes by raters of their own: the model later in the alphabet wins three of four."""
    result = []
    for place, (a, b) in enumerate(combinations(MODELS, 2)):
        for n in range(24):
            winner = A if n % 8 in (0, 5) else B
            vote = vote_between(100 * place + n, a, b, winner, f"q{n % 2}", language=LANGUAGES[n % 3])
            result.append(replace(vote, battle=replace(vote.battle, dimension=DIMENSIONS[n % 2])))
    return result


def of_pair(figures, *models):
    return next(pair for pair in figures.pairs if pair.count.models == set(models))


def test_models_are_ranked_by_best_possible_rank_then_rating(figures, votes):
    result = figures(votes)
    assert [model.model for model in result.models] == ["z", "y", "x", "w", "v"]
    assert_sound(result)


def test_a_model_is_all_its_pairs_and_several_are_the_pairs_between_them(figures, votes):
    (pair,) = figures(votes, Filters(models=("x", "y"))).pairs
    assert (pair.count.models, pair.count.votes) == ({"x", "y"}, 24)
    assert {pair.count.models for pair in figures(votes, Filters(models=("x",))).pairs} == {
        frozenset(("x", other)) for other in MODELS if other != "x"
    }
    assert len(figures(votes, Filters(models=("v", "x", "z"))).pairs) == 3
    assert figures(votes, Filters(models=("nobody",))).votes == 0
    twice = figures(votes, Filters(models=("x", "x")))
    assert twice.votes == 96 and twice.pairs == figures(votes, Filters(models=("x",))).pairs


@pytest.mark.parametrize(
    ("name", "value", "count"), [("dimension", "reasoning", 12), ("language", "English", 8), ("category", "facts", 12)]
)
def test_prompts_are_chosen_by_group(figures, votes, name, value, count):
    result = figures(votes, Filters(**{name: value}), Background(CATEGORIES))
    assert {pair.count.votes for pair in result.pairs} == {count} and result.votes == 10 * count
    assert set(result.by[name]) == {value}
    assert as_json(result)["filters"][name] == value


def test_who_chooses_a_pair_gets_the_verdict_that_it_has_among_all(figures, votes):
    everything = of_pair(figures(votes), "x", "y")
    alone = of_pair(figures(votes, Filters(models=("x", "y"))), "x", "y")
    assert alone.verdict == everything.verdict and alone.dimensions == everything.dimensions


@pytest.mark.parametrize(
    ("chosen", "parts"),
    [
        ({}, 10),
        ({"models": ("x", "y")}, 10),
        ({"dimension": "knowledge"}, 30),
        ({"language": "Chinese"}, 30),
        ({"language": "Chinese", "category": "riddles", "models": ("x", "y")}, 60),
        ({"room": "R"}, 1),
    ],
)
def test_all_that_may_be_chosen_shares_alpha(figures, votes, chosen, parts):
    room = [vote_between(5000 + n, "x", "y", B, "q0", room="R", language="Chinese") for n in range(6)]
    result = figures([*votes, *room], Filters(**chosen), Background(CATEGORIES))
    pair = of_pair(result, "x", "y")
    scores = [1.0] * pair.count.first_wins + [0.0] * pair.count.second_wins
    expected = make_verdict(np.array(scores), ALPHA / parts, is_brief=True).interval
    interval = pair.verdict.numbers.interval
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_groups_have_ratings_of_their_own(figures, votes):
    other = {A: B, B: A}
    turned = [replace(vote, winner=other[vote.winner]) if vote.battle.prompt_id == "q1" else vote for vote in votes]
    ratings = figures(turned).group_ratings["dimension"]
    assert sorted(ratings["reasoning"], key=ratings["reasoning"].get) == list(MODELS)
    assert sorted(ratings["knowledge"], key=ratings["knowledge"].get) == list(MODELS[::-1])
    assert as_json(figures(votes))["group_ratings"]["language"].keys() == {"Chinese", "English", ""}
    assert figures([vote_between(1, "x", "y", A, "q")]).group_ratings == {}


def test_names_that_no_vote_has_are_refused(figures, votes):
    known = figures(votes, background=Background(CATEGORIES)).choices
    assert known == {
        "models": MODELS,
        "dimension": ("knowledge", "reasoning"),
        "language": ("Chinese", "English"),
        "category": ("facts", "riddles"),
    }
    Filters(models=("x", "y"), dimension="knowledge", category="facts").check(known)
    for filters, name in ((Filters(models=("x", "no")), "model no"), (Filters(language="Dutch"), "language Dutch")):
        with pytest.raises(InputError, match=f"No vote has the {name}"):
            filters.check(known)


def test_only_the_pairs_of_the_first_places_are_told_in_full(figures, votes):
    lines = first_sentences("en", figures(votes))
    assert [line.partition(":")[0] for line in lines[1:-1]] == ["z vs y", "z vs x", "y vs x"]
    assert lines[-1] == "Other pairs: 7; their verdicts are in the table of all pairs."
    three = first_sentences("zh", figures(votes, Filters(models=("x", "y", "z"))))
    assert len(three) == 4 and "各对模型的表" not in three[-1]
