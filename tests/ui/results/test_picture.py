"""The results as pictures: a short headline for every outcome, a bar for two models, ratings for more."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from sim_logs import sim_log, write_log
from vote_samples import vote_between, votes_of

from arena.results.compute import compute
from arena.results.figures import Figures
from arena.results.service import ResultsService
from arena.results.verdict import PairVerdict
from arena.statistics.confidence_sequence import Interval
from arena.statistics.decision import Outcome, Verdict
from arena.types import Vote, Winner
from arena.votes.store import VoteStore
from ui.results.view import chart, headline, picture, room_results
from ui.texts import TEXTS, text

A, B, TIE = Winner.MODEL_A, Winner.MODEL_B, Winner.TIE
MOST_WORDS, MOST_CHARACTERS = 15, 30


def figures(folder: Path, votes: list[Vote]) -> Figures:
    return compute(votes_of(folder, votes), now=2e9)


def between(a: str, b: str, *winners: Winner, start: int = 0) -> list[Vote]:
    return [vote_between(number, a, b, winner, "q1") for number, winner in enumerate(winners, start)]


def with_verdict(result: Figures, verdict: PairVerdict) -> Figures:
    return replace(result, pairs=(replace(result.pairs[0], verdict=verdict),))


HEADLINES = sorted(key for key in TEXTS.table if key.startswith("head_"))


@pytest.mark.parametrize("key", HEADLINES)
def test_a_headline_is_one_short_sentence(key: str) -> None:
    names = {"first": "Qwen", "second": "GLM", "model": "Qwen", "count": "3"}
    english = text("en", key, **names)
    assert len(english.split()) <= MOST_WORDS and english.count(".") == 1 and english.endswith(".")
    chinese = text("zh", key, **dict.fromkeys(names, ""))
    assert len(chinese) <= MOST_CHARACTERS and chinese.count("。") == 1 and chinese.endswith("。")


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_has_its_headline(tmp_path: Path, outcome: Outcome) -> None:
    result = figures(tmp_path, between("qwen", "glm", *[A] * 20, B))
    verdict = result.pairs[0].verdict
    share = None if outcome is Outcome.NO_VOTES else verdict.numbers.share

    def head(numbers: Verdict) -> str:
        return headline("en", with_verdict(result, replace(verdict, numbers=numbers)))

    low = 0.4 if outcome is Outcome.NOT_YET else 0.6
    shown = head(replace(verdict.numbers, outcome=outcome, share=share, interval=Interval(low, 0.99)))
    assert (
        shown
        == {
            Outcome.PREFERRED: "Raters prefer qwen.",
            Outcome.ALIKE: "qwen and glm are about equal.",
            Outcome.NOT_YET: "Too early to call: qwen leads, but its interval includes 50%.",
            Outcome.RATERS_CHANGED: "Too early to call: early and late raters disagree.",
            Outcome.NO_VOTES: "Too early to call: no rater has finished yet.",
        }[outcome]
    )
    if outcome is Outcome.NOT_YET:
        fragile = head(replace(verdict.numbers, outcome=outcome, interval=Interval(0.51, 0.99)))
        assert fragile == "Too early to call: qwen leads, but a few raters could account for it."


def test_nobody_leads_with_half_of_the_votes(tmp_path: Path) -> None:
    shown = picture("en", figures(tmp_path, between("qwen", "glm", A, B, A, B)))
    assert "<h2>Too early to call: so far each model has half of the votes.</h2>" in shown
    assert picture("zh", figures(tmp_path / "none", [])).startswith(
        '<div class="picture"><h2>还没有投票。</h2><div class="tiles">'
    )


def test_the_bar_has_the_model_with_the_first_colour_on_the_left_whoever_leads(tmp_path: Path) -> None:
    for winner, share in ((A, "95.2%"), (B, "4.8%")):
        loser = B if winner is A else A
        result = figures(tmp_path / winner, between("qwen", "glm", *[winner] * 20, loser))
        shown = picture("en", result)
        ends = re.findall('<span data-color="(.)"><i class="dot"></i>(.*?) <b>(.*?)</b>', shown)
        assert [end[:2] for end in ends] == [("a", "qwen"), ("b", "glm")] and ends[0][2] == share
        by_dimension = chart("en", result)
        assert (
            f'aria-label="qwen {share}, interval ' in shown and f'aria-label="qwen {share}, interval ' in by_dimension
        )
        assert ("qwen won: 20" in by_dimension, "glm won: 20" in by_dimension) == (winner is A, winner is B)


def test_the_two_shares_are_those_of_the_sentence_and_add_up_to_100(tmp_path: Path) -> None:
    result = figures(tmp_path, between("qwen", "glm", *[A] * 17, *[B] * 23))
    verdict = result.pairs[0].verdict
    for share, ends in ((0.575, ["42.5%", "57.5%"]), (0.95750001, ["4.2%", "95.8%"]), (383 / 400, ["4.2%", "95.8%"])):
        shown = picture("en", with_verdict(result, replace(verdict, numbers=replace(verdict.numbers, share=share))))
        assert re.findall("<b>(.*?%)</b>", shown) == ends


def test_an_interval_that_excludes_one_half_does_not_read_as_if_it_ended_there(tmp_path: Path) -> None:
    result = figures(tmp_path, between("qwen", "glm", *[A] * 20, B))
    verdict = result.pairs[0].verdict
    numbers = replace(verdict.numbers, interval=Interval(0.5004, 0.99))
    shown = picture("en", with_verdict(result, replace(verdict, numbers=numbers)))
    assert "interval 50.04% to 99%" in shown and "interval 50% to" not in shown


def test_the_caption_says_that_votes_were_not_blind(tmp_path: Path) -> None:
    votes = between("qwen", "glm", *[A] * 20)
    sighted = [replace(vote, battle=replace(vote.battle, blind=False)) for vote in votes]
    assert '<p class="note">Raters saw which model was which. Average share' in picture(
        "en", figures(tmp_path / "s", sighted)
    )
    assert '<p class="note">Average share' in picture("en", figures(tmp_path / "b", votes))


def test_more_models_are_ranked_by_their_ratings_on_one_scale(tmp_path: Path) -> None:
    votes = [
        *between("qwen", "glm", *[A, A, B] * 8),
        *between("glm", "smol", *[A, A, B] * 8, start=100),
        *between("qwen", "smol", *[A, A, A, B] * 6, start=200),
    ]
    result = figures(tmp_path, votes)
    shown = picture("en", result)
    ranked = re.findall('<div class="line"><em>(.*?)</em><span>(.*?)</span>', shown)
    assert ranked == [(model.ranks, model.model) for model in result.models]
    assert len(re.findall('class="at" style="left:', shown)) == 3 and "data-color" not in shown
    assert [model.rating and f"{model.rating.value:.0f}" for model in result.models] == re.findall(
        "<b>(.*?)</b></div>", shown
    )


def test_all_pairs_are_one_table_of_shares_with_the_votes(tmp_path: Path) -> None:
    votes = [*between("qwen", "<b>glm", *[A] * 14), *between("<b>glm", "smol", *[A, A, A, B], start=100)]
    votes += between("qwen", "smol", *[A] * 13, start=200)
    result = figures(tmp_path, votes)
    assert [model.model for model in result.models] == ["qwen", "<b>glm", "smol"]
    head, body = chart("en", result).split("<tbody>")
    names = ["qwen", "&lt;b&gt;glm", "smol"]
    assert re.findall('scope="col" title="(.*?)">(.)</th>', head) == list(zip(names, "123", strict=True))
    cells = re.findall(r'<td(?: class="(.*?)" style="--mix:(\d+)%" title="(.*?)")?>(.*?)</td>', body)
    assert cells[0] == cells[4] == cells[8] == ("", "", "", "")
    assert [cell[:2] for cell in cells if cell[0]] == [
        *[("a called", "60"), ("a called", "60"), ("b called", "60"), ("a", "30"), ("b called", "60"), ("b", "30")]
    ]
    assert cells[3][2:] == ("&lt;b&gt;glm vs qwen: 0%, 14 votes; raters prefer qwen", "0<small>14</small>")
    assert cells[5][2:] == ("&lt;b&gt;glm vs smol: 75%, 4 votes; too early to call", "75<small>4</small>")


def test_the_results_of_a_room_are_the_same_picture_with_its_details_folded(tmp_path: Path) -> None:
    write_log(tmp_path / "votes.csv", sim_log("unequal", 3))
    result = ResultsService(VoteStore(tmp_path)).figures()
    shown = room_results("en", result)
    assert shown.startswith(picture("en", result) + "<details><summary>Details</summary>")
    assert shown.count('<p class="lead">') == 1 and chart("en", result) in shown
