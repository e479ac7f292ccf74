"""What the results tab and the command say: the first sentence, what to do, sections; hostile names stay text."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from vote_samples import make_side, vote_between, votes_of

from arena.results.compute import compute
from arena.results.figures import Figures, Skipped
from arena.types import Vote, Winner
from ui.outcomes.lead import advice, lead
from ui.outcomes.lines import lines
from ui.outcomes.sections import sections
from ui.outcomes.view import room_results, section_body, summary

A, B, TIE = Winner.MODEL_A, Winner.MODEL_B, Winner.TIE
Make = Callable[..., Figures]


@pytest.fixture
def figures(tmp_path: Path) -> Make:
    return lambda votes, now=2e9: compute(votes_of(tmp_path, votes), now=now)


def between(a: str, b: str, *winners: Winner) -> list[Vote]:
    return [vote_between(number, a, b, winner, "q1") for number, winner in enumerate(winners)]


def test_a_called_verdict_names_the_winner_how_sure_and_from_what(figures: Make) -> None:
    found = figures(between("qwen", "glm", *[A] * 20, B))
    assert lead("en", found) == (
        "Raters prefer qwen to glm: on average one of them gave qwen 95.2 % of their decisive votes, and the truth "
        "lies between 71.2 and 100.0 % (95 % sure, however often one has looked). Votes: 21; raters: 21; prompts: 1. "
        "This speaks of these prompts only."
    )
    assert lead("zh", found).startswith("投票者更喜欢 qwen，而不是 glm：平均每人把 95.2% 的胜负票投给了 qwen")
    assert advice("en", found) == ("Call it: this needs no more votes.",)


def test_an_open_one_says_so_and_how_many_more_it_takes(figures: Make) -> None:
    found = figures(between("qwen", "glm", *[A, A, B] * 5))
    assert lead("en", found).startswith("It cannot be said yet whether raters prefer qwen or glm: on average")
    (words,) = advice("en", found)
    assert words.startswith("Keep voting: about ") and str(found.pairs[0].verdict.more) in words


def test_the_model_that_raters_prefer_may_have_fewer_votes(figures: Make) -> None:
    fan = [vote_between(1000 + n, "qwen", "glm", A, "q1", judge="fan") for n in range(100)]
    found = figures([*between("qwen", "glm", *[B] * 14), *fan])
    assert found.pairs[0].count.first == "qwen"
    assert lead("en", found).startswith("Raters prefer glm to qwen: on average one of them gave glm 93.3 %")


def test_nobody_has_voted(figures: Make) -> None:
    assert lead("zh", figures([])) == "还没有投票"


def test_no_rater_with_a_decisive_vote_is_done(figures: Make) -> None:
    found = figures([*between("qwen", "glm", A, TIE), vote_between(7, "qwen", "glm", A, "q2")], now=1_764_000_010)
    assert found.pairs[0].verdict.raters == 0
    assert "no rater with a decisive vote is done" in lead("en", found)
    assert advice("en", found)[-1] == "Raters who are still judging and do not count in this yet: 2."


def three(figures: Make, *votes: tuple[str, str, Winner]) -> Figures:
    return figures([vote_between(number, a, b, winner, "q1") for number, (a, b, winner) in enumerate(votes)])


def test_three_models_are_led_by_the_first_and_each_pair_has_its_advice(figures: Make) -> None:
    found = three(figures, *[("x", "y", A)] * 12, *[("y", "z", A)] * 5, ("x", "z", A))
    assert lead("en", found).startswith("Of 3 models x stands first (")
    assert "between these two: raters prefer x (on average 100.0 %" in lead("en", found)
    assert "x against y: Call it" in "\n".join(advice("en", found))
    ranking = next(section for section in sections("en", found) if section.name == "models")
    assert any("half a win each way was added (0.5)" in line for line in ranking.lines)
    assert ranking.table is not None and ranking.table.rows[0][:2] == ("1", "x")


@pytest.mark.parametrize(
    ("votes", "words"),
    [
        ([("x", "y", A), ("z", "w", A)], "fall into groups that never met"),
        ([("x", "y", TIE), ("y", "z", TIE), ("x", "z", TIE)], "x, y, z share the first place (1000 points)"),
        ([("x", "y", A), ("x", "y", A), ("y", "x", A), ("y", "z", A)], "it cannot be said yet which of them"),
    ],
)
def test_more_models_that_are_equal_or_apart(figures: Make, votes: list[tuple[str, str, Winner]], words: str) -> None:
    assert words in lead("en", three(figures, *votes))


def everything(found: Figures, lang: str) -> str:
    return summary(lang, found) + "".join(map(section_body, sections(lang, found))) + room_results(lang, found)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_hostile_names_stay_text(figures: Make, lang: str) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    votes = [replace(vote, room=hostile, language=hostile) for vote in between(hostile, "\x02b\x03{0}", *[A] * 12)]
    found = figures(votes)
    found = replace(found, skipped=(Skipped(hostile, 3, hostile),))
    page = everything(found, lang)
    assert "<img" not in page and "&lt;img src=x onerror=alert(1)&gt;" in page
    assert page.count("<b>") == page.count("</b>")


def names(found: Iterable[object]) -> list[str]:
    return [section.name for section in found]


def test_sections_have_what_there_is(figures: Make) -> None:
    found = figures(between("qwen", "glm", A, B))
    assert names(sections("en", found)) == ["counts", "prompt", "source", "bias", "agreement", "cost"]
    left = replace(found, repeats=2, duplicates=1, skipped=tuple(Skipped("v", line, "why") for line in range(30)))
    *_, last = sections("en", left)
    assert last.name == "left_out" and "Rows that could not be read: 30" in last.lines
    assert last.lines[-1] == "... and 10 more" and len(last.lines) == 2 + 1 + 20 + 1


def test_prompts_have_their_names(figures: Make) -> None:
    found = figures(between("通义千问", "glm", A, B))
    prompt = next(
        section for section in sections("zh", found, {"q1": "冬天夏天穿衣"}.__getitem__) if section.name == "prompt"
    )
    assert prompt.table is not None and prompt.table.rows[0][0] == "冬天夏天穿衣"


def test_groups_are_told_from_the_model_that_is_ahead(figures: Make) -> None:
    found = figures([vote_between(n, "qwen", "glm", w, f"q{n}") for n, w in enumerate([A, A, B])])
    prompts = next(section for section in sections("en", found) if section.name == "prompt")
    assert prompts.table is not None
    assert [row[1:6] for row in prompts.table.rows] == [
        ("qwen", "glm", "1", won, lost) for won, lost in ("10", "10", "01")
    ]


def width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def test_columns_stand_under_each_other_on_a_terminal(figures: Make) -> None:
    told = list(lines("zh", figures(between("通义千问", "glm", A, B))))
    place = next(place for place, line in enumerate(told) if line.startswith("  模型"))
    header, row = told[place : place + 2]
    for name, cell in (("对手", "通义千问"), ("票数", "2 "), ("胜率", "50.0")):
        assert width(header[: header.index(name)]) == width(row[: row.index(cell)])


def test_time_and_quality_stand_in_one_line(figures: Make) -> None:
    def vote(number: int) -> Vote:
        made = vote_between(number, "qwen", "glm", A, "q5")
        sides = {
            "a": make_side("qwen", "one", seconds=98.0),
            "b": make_side("glm", "two", seconds=20.0),
        }
        return replace(made, battle=replace(made.battle, **sides))

    cost = next(section for section in sections("en", figures([vote(1), vote(2)])) if section.name == "cost")
    assert cost.lines == ("qwen wins q5 (2 of 2 decisive votes) at 4.9 times the time of glm",)
