"""What the results tab and the command say: the first sentence, what to do, sections; hostile names stay text."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest
from vote_samples import make_side, swapped, vote_between, votes_of

from arena.results.bias import Split
from arena.results.compute import compute
from arena.results.figures import Figures
from arena.results.selection import Filters
from arena.results.sentences import first_sentences, split_line
from arena.results.service import ReadingProgress
from arena.types import Vote, Winner
from arena.votes.reader import BadRow
from arena.votes.store import ReadReport
from ui.results.sections import sections
from ui.results.view import chart, headline, lines, picture, reading_line, room_results, section_body, verdict_html

A, B, TIE = Winner.MODEL_A, Winner.MODEL_B, Winner.TIE
Make = Callable[..., Figures]


@pytest.fixture
def figures(tmp_path_factory: pytest.TempPathFactory) -> Make:
    return lambda votes, now=2e9, **chosen: compute(votes_of(tmp_path_factory.mktemp("log"), votes), now=now, **chosen)


def between(a: str, b: str, *winners: Winner) -> list[Vote]:
    return [vote_between(number, a, b, winner, "q1") for number, winner in enumerate(winners)]


def first(lang: str, result: Figures) -> str:
    return first_sentences(lang, result)[0]


def test_a_called_verdict_names_the_winner_how_sure_and_from_what(figures: Make) -> None:
    votes = between("qwen", "glm4", *[A] * 20, B)
    result = figures([swapped(vote) if number % 2 else vote for number, vote in enumerate(votes)])
    assert first("en", result) == (
        "Raters prefer qwen to glm4: they gave it 95.2% of their votes on average (95% interval 68.8–100%, valid at "
        "any time; ties count half). Based on 21 blind votes by 21 raters (0 ties or both bad). Prompts: 1. "
        "Applies to these prompts only."
    )
    assert first("zh", result).startswith("投票者更喜欢 qwen，而不是 glm4：平均每位把 95.2% 的票给了 qwen")
    assert first_sentences("en", result)[-2:] == [
        "Without 10 of the 21 raters this verdict would not stand.",
        "Decided. No more votes are needed.",
    ]


def test_an_open_one_says_so_and_how_many_more_it_takes(figures: Make) -> None:
    result = figures(between("qwen", "glm", *[A] * 7))
    assert first("en", result).startswith("Too early to call between qwen and glm. Raters gave qwen 100%")
    assert first_sentences("en", result)[-1] == "Keep voting: about 1 more rater like these should settle it."
    split = figures(between("qwen", "glm", *[A, B] * 10))
    assert first_sentences("en", split)[-1].startswith("Keep voting; these votes do not show yet")


def test_the_model_that_raters_prefer_may_have_fewer_votes(figures: Make) -> None:
    fan = [vote_between(1000 + n, "qwen", "glm", A, "q1", judge="fan") for n in range(100)]
    result = figures([*between("qwen", "glm", *[B] * 20), *fan])
    assert result.pairs[0].count.first == "glm" and result.pairs[0].count.second_wins == 100
    assert first("en", result).startswith("Raters prefer glm to qwen: they gave it 95.2% of their votes on average")


def test_early_and_late_raters_differ(figures: Make) -> None:
    result = figures([*between("qwen", "glm", *[A] * 12), *between("qwen", "glm", *[A] * 12 + [B] * 30)[12:]])
    assert first("en", result).startswith(
        "No verdict: early and late raters disagree. The first 12 gave glm 0% of their votes on average, the next 30 "
        "gave it 100%; the rest went to qwen"
    )
    assert "前 12 位平均把 0% 的票给了 glm" in first("zh", result)


def sighted(votes: list[Vote]) -> list[Vote]:
    return [replace(vote, battle=replace(vote.battle, blind=False)) for vote in votes]


def test_votes_with_names_shown_are_one_clause_and_lead_where_there_are_no_others(figures: Make) -> None:
    votes = between("qwen", "glm", *[A] * 20)
    mixed = first("en", figures([*votes[:5], *sighted(votes[5:])]))
    assert (
        mixed.startswith("Too early to call")
        and (
            "Based on 5 blind votes by 5 raters (0 ties or both bad); counting 15 votes with the names shown as well, "
            "it would read: raters prefer qwen."
        )
        in mixed
    )
    alone = first_sentences("en", figures(sighted(votes)))
    assert alone[0].startswith("Raters saw which model was which. Raters prefer qwen to glm")
    assert "Based on 20 votes by 20 raters (0 ties or both bad). Prompts" in alone[0] and alone[-1].startswith(
        "Collect blind votes"
    )
    leaked = first("zh", figures([replace(vote, leaked=True) for vote in votes]))
    assert leaked.startswith("这些票的回答都暴露了模型身份。投票者更喜欢 qwen")


def test_ties_stand_in_the_sentence_and_count_half(figures: Make) -> None:
    votes = [vote_between(8 * j + n, "qwen", "glm", TIE if j > 9 or n else A, f"q{n}", judge=f"j{j}")
             for j in range(100) for n in range(8)]  # fmt: skip
    assert first("en", figures(votes)).startswith(
        "Raters find qwen and glm about equal, within 5 points of 50%: they gave qwen 50.6% of their votes on average"
    )
    assert "Based on 800 blind votes by 100 raters (790 ties or both bad)" in first("en", figures(votes))


def test_nobody_has_voted(figures: Make) -> None:
    assert first_sentences("zh", figures([]))[0] == "还没有投票。"
    assert "calling a 60/40 preference takes about" in first_sentences("en", figures([]))[1]


def test_votes_that_a_filter_leaves_out_are_not_denied(figures: Make) -> None:
    votes = sighted(between("qwen", "glm", *[A] * 5))
    for filters in (Filters(blind=True), Filters(models=("qwen", "other"))):
        result = figures(votes, filters=filters)
        assert first_sentences("en", result) == [headline("en", result)] == ["No vote passes these filters."]
        assert first_sentences("zh", result) == [headline("zh", result)] == ["没有符合筛选条件的票。"]
    # On the page of a room, nobody chose a filter.
    assert first("en", figures(votes, filters=Filters(room="R"))) == "No votes yet."


def test_both_bad_is_no_tie_but_counts_like_one(figures: Make) -> None:
    result = figures(between("qwen", "glm", *[Winner.BOTH_BAD] * 6, TIE))
    assert "Based on 7 blind votes by 7 raters (7 ties or both bad)." in first("en", result)
    assert "7 张盲测票（平局或都不好 7 票）" in first("zh", result)
    assert "1 blind vote by 1 rater (1 tie or both bad)" in first("en", figures(between("qwen", "glm", TIE)))


def test_no_rater_with_a_vote_is_done(figures: Make) -> None:
    result = figures([*between("qwen", "glm", A, TIE), vote_between(7, "qwen", "glm", A, "q2")], now=1_764_000_010)
    assert result.pairs[0].verdict.numbers.raters == 0
    assert "no rater has finished yet" in first("en", result) and "Prompts" not in first("en", result)
    assert first_sentences("en", result)[-1] == "Raters still judging, not counted yet: 3 (3 votes)."


def three(figures: Make, *votes: tuple[str, str, Winner]) -> Figures:
    return figures([vote_between(number, a, b, winner, "q1") for number, (a, b, winner) in enumerate(votes)])


def test_three_models_are_led_by_the_first_and_each_pair_has_its_verdict(figures: Make) -> None:
    result = three(figures, *[("x", "y", A)] * 14, *[("y", "z", A)] * 5, *[("x", "z", A)] * 14)
    assert first("en", result).startswith("Of 3 models, x ranks first: raters prefer it to each of the others, ")
    assert any(line.startswith("x vs y: raters prefer x.") for line in first_sentences("en", result))
    assert any(line.startswith("y vs z: too early to call.") for line in first_sentences("en", result))
    ranking = next(section for section in sections("en", result) if section.name == "models")
    assert any("Half a win each way (0.5) was added" in line for line in ranking.lines)
    assert ranking.table is not None and [row[:2] for row in ranking.table.rows] == [
        ("1", "x"),
        ("2–3", "y"),
        ("2–3", "z"),
    ]


def test_of_many_models_too_each_pair_says_what_it_rests_on_and_what_names_shown_would_change(figures: Make) -> None:
    blind = [vote_between(n, "x", "y", A, "q1") for n in range(4)]
    named = sighted([vote_between(100 + n, "x", "y", A, "q1") for n in range(20)])
    line = next(
        line
        for line in first_sentences("en", figures([*blind, *named, vote_between(300, "y", "z", A, "q1")]))
        if line.startswith("x vs y")
    )
    assert line.startswith(
        "x vs y: too early to call. Based on 4 blind votes by 4 raters (0 ties or both bad); counting 20 votes with "
        "the names shown as well, it would read: raters prefer x."
    )
    assert line.endswith("Keep voting; these votes do not show yet how many more raters are needed.")


@pytest.mark.parametrize(
    ("votes", "words"),
    [
        ([("x", "y", A), ("z", "w", A)], "fall into groups that were never compared by blind votes on answers"),
        ([("x", "y", TIE), ("y", "z", TIE), ("x", "z", TIE)], "none ranks first yet; these still may: x, y, z."),
        ([("x", "y", A)] * 14 + [("y", "z", A)], "none ranks first yet; these still may: x, z."),
    ],
)
def test_more_models_that_are_equal_or_apart(figures: Make, votes: list[tuple[str, str, Winner]], words: str) -> None:
    assert words in first("en", three(figures, *votes))


def test_groups_that_only_named_votes_compare_are_not_said_to_be_apart(figures: Make) -> None:
    votes = [vote_between(n, a, b, A, "q1") for n, (a, b) in enumerate([("x", "y"), ("z", "w"), ("y", "z")])]
    named = first("en", figures([*votes[:2], *sighted(votes[2:])]))
    assert "groups that were never compared by blind votes on answers that revealed no model, so" in named
    assert "groups that were never compared with each other, so" in first("en", figures(sighted(votes[:2])))


def test_a_model_may_rank_first_through_another_one(figures: Make) -> None:
    result = three(figures, *[("x", "y", A)] * 14, *[("y", "z", A)] * 14, *[("x", "z", A), ("x", "z", B)] * 5)
    assert "x ranks first: raters prefer it to each of the others, directly or through another" in first("en", result)
    assert any(line.startswith("x vs z: too early to call.") for line in first_sentences("en", result))
    assert "x 排第一：直接比较或经由其他模型，投票者都更喜欢它。" in first("zh", result)


def everything(result: Figures, lang: str) -> str:
    parts = [part(lang, result) for part in (picture, verdict_html, chart, room_results)]
    return "".join([*parts, *map(section_body, sections(lang, result))])


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_hostile_names_stay_text(figures: Make, lang: str) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    votes = [replace(vote, room=hostile, language=hostile) for vote in between(hostile, "\x02b\x03{0}", *[A] * 12)]
    result = figures(votes)
    result = replace(result, left_out=ReadReport(unreadable=(BadRow(hostile, 3, hostile),)))
    page = everything(result, lang)
    assert "<img" not in page and "&lt;img src=x onerror=alert(1)&gt;" in page
    assert page.count("<b>") == page.count("</b>")


def names(result: Iterable[object]) -> list[str]:
    return [section.name for section in result]


def test_sections_have_what_there_is(figures: Make) -> None:
    result = figures(between("qwen", "glm", A, B))
    assert names(sections("en", result)) == ["counts", "prompt", "source", "bias", "agreement", "cost"]
    bad = tuple(BadRow("v", line, "why") for line in range(30))
    left = replace(result, repeats=2, left_out=ReadReport(duplicates=1, unreadable=bad, damaged=bad[:3]))
    *_, last = sections("en", left)
    assert last.name == "left_out" and "Unreadable rows: 30" in last.lines
    assert last.lines[-1] == "… and 10 more" and len(last.lines) == 3 + 1 + 20 + 1


def test_prompts_have_their_names(figures: Make) -> None:
    result = figures(between("通义千问", "glm", A, B))
    prompt = next(
        section for section in sections("zh", result, {"q1": "冬天夏天穿衣"}.__getitem__) if section.name == "prompt"
    )
    assert prompt.table is not None and prompt.table.rows[0][0] == "冬天夏天穿衣"


def test_groups_are_told_from_the_model_that_is_ahead(figures: Make) -> None:
    result = figures([vote_between(n, "qwen", "glm", w, f"q{n}") for n, w in enumerate([A, A, B])])
    prompts = next(section for section in sections("en", result) if section.name == "prompt")
    assert prompts.table is not None
    assert [row[1:6] for row in prompts.table.rows] == [
        ("qwen", "glm", "1", won, lost) for won, lost in ("10", "10", "01")
    ]


def test_of_many_models_tables_have_verdicts_and_each_group_its_models(figures: Make) -> None:
    pairs = [("x", "y")] * 14 + [("y", "z"), ("z", "x")] * 2
    votes = [vote_between(n, a, b, A, f"q{n % 2}", language="Chinese") for n, (a, b) in enumerate(pairs)]
    result = figures(votes)
    parts = {section.name: section for section in sections("en", result)}
    counts, language, prompt = (parts[name].table for name in ("counts", "language", "prompt"))
    assert counts and language and prompt
    assert counts.headers[-3:] == ("Share % (interval)", "Verdict", "By prompt")
    assert counts.rows[0][:2] == ("x", "y") and counts.rows[0][-2:] == ("raters prefer x", "2–0–0, p = 0.5")
    assert counts.rows[0][-3] == f"100 ({100 * result.pairs[0].verdict.numbers.interval.low:.1f}–100)"
    assert not any("sign test p" in line for line in parts["counts"].lines)
    # x won 14 of 16 votes, y 2 of 16, z 2 of 4.
    assert language.headers[:5] == ("Group", "Model", "Votes", "Wins", "Losses") and language.headers[-1] == "Rating"
    assert {row[1:5] for row in language.rows} == {
        ("x", "16", "14", "2"),
        ("y", "16", "2", "14"),
        ("z", "4", "2", "2"),
    }
    assert all(row[-1].isdigit() for row in language.rows)
    assert len(prompt.rows) == 2 + 2 + 2 and "Rating" not in prompt.headers


def width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def test_columns_stand_under_each_other_on_a_terminal(figures: Make) -> None:
    output = list(lines("zh", figures(between("通义千问", "glm", A, B))))
    place = next(place for place, line in enumerate(output) if line.startswith("  模型"))
    header, row = output[place : place + 2]
    for name, cell in (("对手", "通义千问"), ("票数", "2 "), ("胜率", "50 ")):
        assert width(header[: header.index(name)]) == width(row[: row.index(cell)])


def test_time_and_quality_stand_in_one_line(figures: Make) -> None:
    def vote(number: int) -> Vote:
        created = vote_between(number, "qwen", "glm", A, "q5")
        sides = {
            "a": make_side("qwen", "one", seconds=98.0),
            "b": make_side("glm", "two", seconds=20.0),
        }
        return replace(created, battle=replace(created.battle, **sides))

    result = figures([vote(1), vote(2)])
    cost = next(section for section in sections("en", result) if section.name == "cost")
    assert cost.lines == ("qwen wins q5 (2 of 2 decisive votes) but takes 4.9 times as long as glm.",)
    (won,) = result.prompt_costs
    for times, shown in ((0.2, False), (1.04, False), (1.06, True)):
        quick = replace(result, prompt_costs=(replace(won, times=times),))
        assert bool(next(part for part in sections("en", quick) if part.name == "cost").lines) is shown
    many = replace(result, pairs=result.pairs * 2, prompt_costs=tuple(replace(won, times=n) for n in range(1, 9)))
    cost = next(section for section in sections("en", many) if section.name == "cost")
    assert [line.split(" takes ")[1][:3] for line in cost.lines] == ["8.0", "7.0", "6.0", "5.0", "4.0"]
    cost = next(section for section in sections("en", result) if section.name == "cost")
    # Tokens, memory and energy were not measured.
    assert cost.table and cost.table.headers == ("Model", "Precision", "Answers", "Seconds (median)")
    glm, qwen = result.costs
    measured = replace(result, costs=(replace(glm, joules=12.34), replace(qwen, peak_memory=6_300_000_000)))
    cost = next(section for section in sections("en", measured) if section.name == "cost")
    assert cost.table and cost.table.headers[-2:] == ("Peak memory GB", "Energy J (median)")
    assert [row[-2:] for row in cost.table.rows] == [("–", "12.3"), ("6.3", "–")]
    assert cost.lines[0].startswith("Peak memory was measured in batch runs") and "idle power" in cost.lines[1]


def test_how_far_votes_are_read_has_a_name_for_screen_readers() -> None:
    shown = reading_line("en", ReadingProgress(1, 4, 2.0))
    assert '<progress max="4" value="1" aria-label="' in shown and shown.count("25%") == 2


@pytest.mark.parametrize("name", ["side", "length", "markdown"])
def test_a_split_ends_as_the_sentences_beside_it(name: str) -> None:
    split = Split(more=0.75, more_votes=4, less=0.5, less_votes=2)
    assert split_line("zh", name, split, "qwen").endswith("。") and split_line("en", name, split, "qwen").endswith(".")
