"""A report: every number in it can be counted again in the answers and the votes, and nothing else is claimed."""

import re
from dataclasses import replace
from pathlib import Path
from string import Formatter

import pytest
from report_samples import ANSWERS, CARD, GLM, PROMPTS, QWEN, VOTES, recorded, sources, vote
from vote_samples import make_side, make_vote

from arena.answers import read_recorded
from arena.errors import InputError
from arena.generation_config import GenerationConfig
from arena.prompts import load_prompts
from arena.recorded import Recorded
from arena.report.facts import Details, KnownModel
from arena.report.formats import write_report
from arena.report.formats.markdown import as_markdown
from arena.report.gather import gather
from arena.report.sections import make_document
from arena.report.sections.setting import costs
from arena.report.texts import TEXTS, duration
from arena.results.bias import Share
from arena.results.exclusions import REASONS, Exclusion
from arena.results.texts import TEXTS as SHARED
from arena.statistics import PairCount
from arena.types import Answer, Battle, ErrorInfo, Message, ModelSpec, SideName, Winner

ROOT = Path(__file__).parents[3]
SEED = ROOT / "../shared/seed/answers.jsonl"
OWN_PROMPTS = [replace(item, battle=replace(item.battle, prompt_id="")) for item in VOTES]


@pytest.fixture
def facts():
    return gather(sources(ANSWERS, VOTES, b"no,vote\r\n"), PROMPTS)


def written(document):
    return as_markdown(document)


def said(facts, lang="en", **details):
    return written(make_document(lang, facts, Details(**details))).replace("\\", "")


# ---- facts


def test_votes_are_counted_whichever_side_a_model_stood_on(facts):
    first, second = facts.models
    assert (first.name, second.name) == ("Qwen", "GLM")
    count = facts.overall
    assert (count.first, count.first_wins, count.second_wins, count.ties, count.both_bad) == ("qwen", 3, 1, 1, 1)
    verdict = facts.pair.verdict
    assert (verdict.first, verdict.leaked, verdict.sighted, verdict.numbers.raters, verdict.votes) == (
        "qwen",
        1,
        0,
        4,
        5,
    )
    knowledge = facts.figures.dimensions_of(facts.overall)["knowledge"]
    assert (knowledge.first_wins, knowledge.second_wins) == (3, 0)
    assert list(facts.figures.dimensions_of(facts.overall)) == ["reasoning", "knowledge"]


def test_the_order_is_that_of_the_answers_and_can_be_chosen():
    result = gather(sources(ANSWERS, VOTES), PROMPTS, pair=("glm", "qwen"))
    assert [model.name for model in result.models] == ["GLM", "Qwen"]
    assert (result.overall.first, result.overall.first_wins, result.overall.second_wins) == ("glm", 1, 3)
    assert result.prompts[0].votes.criteria == {"correct": (0, 0, 2), "clear": (0, 1, 0)}


def test_prompts_stand_in_the_order_of_the_set():
    """Answers made at once end in any order."""
    mixed = (ANSWERS[1], recorded(QWEN, "own", "Hm."), ANSWERS[0], *ANSWERS[2:])
    result = gather(sources(mixed), PROMPTS)
    assert [prompt.prompt.id for prompt in result.prompts] == ["q1", "q2", "own"]


def test_a_prompt_has_its_criteria_and_comments(facts):
    first = facts.prompts[0].votes
    assert first.criteria == {"correct": (2, 0, 0), "clear": (0, 1, 0)}
    assert (first.any_right, first.none_right) == (1, 1)
    assert [(item.text, item.left, item.winner) for item in first.comments] == [("Right & short", "Qwen", "Qwen")]
    assert [(item.text, item.left, item.winner) for item in facts.prompts[1].votes.comments] == [
        ("The left one", "GLM", "GLM")
    ]


def test_checks_are_of_each_answer(facts):
    qwen, glm = facts.prompts[0].runs
    assert qwen[0].checks[0].passed and not glm[0].checks[0].passed
    assert facts.prompts[1].runs[0][0].checks == ()


def test_the_costs_of_the_answers_are_summed_by_model(facts):
    qwen, glm = facts.models
    assert (len(qwen.answers), qwen.seconds, qwen.mean_seconds) == (2, [10.0, 20.0], 15.0)
    rows = {"answers": "2", "seconds": "30.0 s", "tokens_all": "22", "speed": "0.8 tokens/s", "at_once": ""}
    assert dict(costs(facts, qwen)) == {**rows, "peak": "2.0 GB"}
    config = GenerationConfig(temperature=0.5, seed=7)
    output = [replace(item, side=replace(item.side, config=config)) for item in ANSWERS]
    assert "temperature 0.5, top_p 0.9, top_k 0, repetition_penalty 1 |" in said(
        gather(sources(tuple(output)), PROMPTS)
    )
    assert (sum(glm.seconds), glm.machines) == (90.0, [{"cores": 2, "torch": "2.13.0"}])


def test_votes_of_excluded_raters_are_in_no_figure():
    sides = [make_side(model, "x" * 2000) for model in ("qwen", "glm")]  # nobody reads them within 20 seconds
    battles = [Battle(f"b{at}", "Why?", *sides, f"q{at % 2}", blind=True, source="recorded") for at in range(12)]
    votes = [
        make_vote(at, battle=battle, judge=judge, winner=winner, dwell=dwell, comment=judge, any_right=False)
        for at, battle in enumerate(battles)
        for judge, winner, dwell in [("fast", Winner.MODEL_A, 1.0) if at < 8 else ("careful", Winner.TIE, 60.0)]
    ]
    result = gather(sources((), tuple(votes)), pair=("qwen", "glm"))
    assert result.overall == PairCount("qwen", "glm", ties=4) and result.votes_by_rater == {4: 1}
    for prompt in result.prompts:
        assert prompt.votes.count == PairCount("qwen", "glm", ties=2) and prompt.votes.none_right == 2
        assert {comment.text for comment in prompt.votes.comments} == {"careful"}


def test_repeated_battles_count_only_for_consistency():
    again = [
        vote(7, "q1", Winner.MODEL_B, a=GLM, b=QWEN, judge="j1", repeat_of="b1"),  # the same model again
        vote(8, "q2", Winner.MODEL_A, judge="j5", repeat_of="b5"),  # was a tie
        vote(9, "q2", Winner.MODEL_A, judge="j5", repeat_of="unknown"),
    ]
    result = gather(sources(ANSWERS, (*VOTES, *again)), PROMPTS)
    assert result.overall == gather(sources(ANSWERS, VOTES), PROMPTS).overall
    assert (result.figures.repeats, result.figures.bias.shares["consistent"]) == (3, Share(1, 2))
    assert "Battles judged again: 2, of which 1 had the same outcome as before (50%)." in said(result)


def test_votes_alone_make_a_report():
    result = gather(sources((), VOTES), PROMPTS)
    assert [model.name for model in result.models] == ["glm", "qwen"]  # a log of votes has no names but the ids
    assert result.overall.votes == 6 and [prompt.prompt.id for prompt in result.prompts] == ["q1", "q2"]
    assert "It is Sydney." in said(result)


def test_votes_on_models_that_answered_nothing_here_do_not_matter():
    """As those on the stand-ins, in a folder to which other models' answers come later."""
    others = [
        replace(entry.side, model=replace(entry.side.model, id=f"old-{entry.side.model.id}")) for entry in ANSWERS
    ]
    old = [
        replace(vote(at, "q1", Winner.MODEL_A), battle=Battle(f"o{at}", "", others[0], others[2])) for at in range(9)
    ]
    result = gather(sources(ANSWERS, (*old, *VOTES)), PROMPTS)
    assert [model.name for model in result.models] == ["Qwen", "GLM"] and result.overall.votes == 6
    assert "Other models in the data are not part of this report: old-qwen, old-glm." in said(result)
    assert gather(sources(ANSWERS, tuple(old)), PROMPTS).overall.votes == 0


def test_votes_on_other_answers_than_those_shown_are_left_out_and_told():
    live = vote(7, "q1", Winner.MODEL_B)
    live = replace(live, battle=live.battle.with_answer(SideName.A, Answer("Something else.", finish_reason="stop")))
    result = gather(sources(ANSWERS, (*VOTES, live)), PROMPTS)
    assert (result.overall.votes, result.prompts[0].votes.count.votes, result.elsewhere) == (7, 3, 1)
    assert (
        "Votes on other answers of these two models, such as live ones: 1. They count in the verdict but not under"
        in said(result)
    )
    assert (
        gather(sources((), (*VOTES, live)), PROMPTS).overall.votes == 7
    )  # nothing was recorded: they are all there is


def test_variants_are_named_by_their_labels_and_what_they_add_up_is_said():
    cold, warm = (
        replace(QWEN, id=f"{label}=qwen?temperature={value}", name=label) for label, value in (("cold", 0), ("warm", 1))
    )
    one, two = recorded(cold, "q1", "One."), recorded(warm, "q1", "Two.")
    asked = replace(two.side, messages=(Message("system", "Be\nkind."), *two.side.messages))
    other = replace(one.side, model=replace(cold, revision="r9"))
    answers = [one, replace(two, side=asked), replace(one, side=other, repeat=1)]
    votes = [
        replace(item, battle=replace(item.battle, a=side, b=asked))
        for item, side in zip(VOTES, (one.side, other), strict=False)
    ]
    result = gather(sources(answers, votes), PROMPTS, pair=("warm", "cold"))
    assert [model.spec.id for model in result.models] == [warm.id, cold.id]
    text = said(result)
    assert "Note: the votes on cold add up 2 revisions: r1; r9." in text
    assert "| Revision | r1 | r1, r9 |" in text and "| System prompt | Be kind. | none |" in text


@pytest.mark.parametrize(
    ("sources", "pair", "code"),
    [
        (sources(), None, "report_nothing"),
        (
            sources((), [replace(item, battle=replace(item.battle, prompt_id="")) for item in VOTES]),
            None,
            "report_nothing",
        ),
        (sources(ANSWERS[:2]), None, "report_nothing"),
        (sources(ANSWERS), ("qwen", "gpt"), "report_model"),
    ],
)
def test_two_models_are_needed(sources, pair, code):
    with pytest.raises(InputError) as refused:
        gather(sources, PROMPTS, pair=pair)
    assert refused.value.code == code


def test_repeats_and_turns_stand_in_their_order():
    talk = (Message("user", "q1?"), Message("assistant", "It is Canberra."), Message("user", "Sure?"))
    second = replace(ANSWERS[0].side, messages=talk, answer=Answer("Yes.", finish_reason="length"))
    failed = replace(ANSWERS[0].side, answer=Answer("", finish_reason="error", error=ErrorInfo("x", "out of memory")))
    more = (Recorded("q1", "q1?", second, turn=2), Recorded("q1", "q1?", failed, repeat=1))
    result = gather(sources((*ANSWERS, *more)), PROMPTS)
    prompt = result.prompts[0]
    assert prompt.prompt.turns == ("q1?", "Sure?")
    assert [len(run.turns) for run in prompt.runs[0]] == [2, 1]
    assert prompt.runs[0][1].checks == () and "failed: 1, stopped at the token limit: 1." in said(result)
    text = said(result)
    for line in ("Run 1 · Turn 2", "stopped at the token limit", "Run 2 · failed: out of memory"):
        assert line in text


# ---- what is written


@pytest.mark.parametrize("key", [*TEXTS, *SHARED])
def test_both_languages_say_the_same(key):
    chinese, english = {**TEXTS, **SHARED}[key]

    def fields(text):
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    assert fields(chinese) == fields(english)
    assert not re.search("[\u4e00-\u9fff]", english)


def test_all_words_are_used():
    code = "\n".join(
        path.read_text(encoding="utf-8")
        for room in ("arena", "ui")
        for path in (ROOT / room).rglob("*.py")
        if path.name != "words.py"
    )
    by_value = {"correct", "complete", "clear", "tie", "tie (bothbad)", "", "processor", "cores", "memory", "system"}
    by_value |= {"reasoning", "knowledge", "generation", "multilingual", *Details.__dataclass_fields__}
    by_part = r"(reason|verdict|said|sway|confounded|begins|others|split)_"
    words = [key for key in {**TEXTS, **SHARED} if key not in by_value and not re.match(by_part, key)]
    assert not [key for key in words if f'"{key}"' not in code]


def test_the_numbers_of_the_summary(facts):
    text = said(facts)
    assert "compares Qwen and GLM on 2 prompts, with 4 answers" in text
    assert "Overall, Qwen won 3 and GLM won 1; ties: 1, both bad: 1." in text
    # Of four raters who are not leaked one gave a tie and one "both bad", each one half; the mean is 3 of 4.
    assert "Too early to call between Qwen and GLM. Raters gave Qwen 75% of their votes on average" in text
    assert (
        "Based on 5 blind votes by 4 raters (2 ties or both bad); counting 1 on answers that revealed a model as well"
        in text
    )
    assert "Prompts: 2. Applies to these prompts only." in text
    fewer = said(gather(sources(ANSWERS, VOTES[:3]), PROMPTS))
    assert "on 2 prompts, with 4 answers" in fewer and "Prompts: 1. Applies to these prompts only." in fewer
    assert "Qwen 30.0 s (2 timed), GLM 90.0 s (2 timed). GLM took 3.0 times as long as Qwen." in text
    assert "Qwen passed 1 of 1, GLM 0 of 1" in text


def test_a_preference_is_claimed_when_the_verdict_says_so():
    many = [vote(number, "q1", Winner.MODEL_A) for number in range(20)]
    text = said(gather(sources(ANSWERS, tuple(many)), PROMPTS))
    assert text.count("Raters prefer Qwen to GLM: they gave it 100% of their votes on average") == 2
    assert "Knowledge: raters prefer Qwen; use Qwen." in text
    strengths = text[text.index("### Strengths of Qwen") : text.index("### Weaknesses of Qwen")]
    assert "Knowledge: 20 raters gave it 100% of their votes on average." in strengths
    weaknesses = text[text.index("### Weaknesses of GLM") : text.index("### Fit for use")]
    assert "Knowledge: 20 raters gave it 0% of their votes on average." in weaknesses


def test_the_report_calls_no_preference_that_the_results_do_not_call():
    """Twelve raters with six of eight votes each for Qwen: votes alone would seem to be enough."""
    winners = [Winner.MODEL_A] * 6 + [Winner.MODEL_B] * 2
    votes = [
        vote(8 * judge + at, "q1", winner, judge=f"j{judge}", criteria={"correct": "a" if at < 5 else "b"})
        for judge in range(12)
        for at, winner in enumerate(winners)
    ]
    text = said(gather(sources(ANSWERS, votes), PROMPTS))
    assert "Too early to call between Qwen and GLM" in text
    assert not re.search("raters prefer|; use Qwen|better 60 times", text, re.IGNORECASE)


def votes_by_length(longer, dimensions):
    """Thirty raters always take the longer answer; `longer` names its model by prompt."""
    for prompt, (model, dimension) in enumerate(zip(longer, dimensions, strict=True)):
        for rater in range(30):
            sides = [
                make_side(name, f"{prompt} " + "word " * (60 if name == model else 40)) for name in ("qwen", "glm")
            ]
            sides = sides if (rater + prompt) % 2 else sides[::-1]
            battle = Battle(f"b{prompt}", "Why?", *sides, f"q{prompt}", dimension, blind=True, source="recorded")
            winner = Winner.MODEL_A if sides[0].model.id == model else Winner.MODEL_B
            yield make_vote(100 * prompt + rater, battle=battle, winner=winner, judge=f"j{rater}")


@pytest.mark.parametrize(
    ("longer", "dimensions", "verdict"),
    [
        (["qwen"] * 6 + ["glm"] * 2, ["knowledge"] * 8, "Raters prefer qwen"),
        (["qwen"] * 4 + ["glm"] * 4, ["knowledge"] * 4 + ["reasoning"] * 4, "Too early to call"),
    ],
)
def test_no_model_is_recommended_for_what_length_explains(longer, dimensions, verdict):
    text = said(gather(sources((), list(votes_by_length(longer, dimensions))), pair=("qwen", "glm")))
    assert "Length bias" in text and verdict in text and "Knowledge: raters prefer qwen (30 raters)." in text
    assert not re.search("; use (qwen|glm)|raters gave it", text)


@pytest.mark.parametrize("change", ["sighted", "leaked"])
def test_no_model_is_recommended_by_votes_that_were_not_blind(change):
    votes = [
        replace(item, leaked=change == "leaked", battle=replace(item.battle, blind=change == "leaked"))
        for item in (vote(number, "q1", Winner.MODEL_A, criteria={"correct": "a"}) for number in range(20))
    ]
    text = said(gather(sources(ANSWERS, votes), PROMPTS))
    assert "Knowledge: raters prefer Qwen (20 raters)." in text
    assert not re.search("; use Qwen|raters gave it|“Correct”: 20 better", text)


def test_strengths_leave_out_comments_and_what_may_be_chance(facts):
    text = said(facts)
    strengths = text[text.index("### Strengths of Qwen") : text.index("### Weaknesses of Qwen")]
    assert "Passed 1 of 1 check." in strengths
    assert "Faster: 15.0 s per answer on average; the other took 45.0 s." in strengths
    assessment = text[text.index("## Strengths") : text.index("## Conclusion")]
    # Three votes to none, "correct" twice to none, and what raters wrote: nothing of it is beyond chance.
    for noise in ("Right & short", "The left one", "“Correct”", "Knowledge: won"):
        assert noise not in assessment
    assert "> Right & short" in text and "Knowledge: too early to call" in assessment
    glm = text[text.index("### Weaknesses of GLM") : text.index("### Fit for use")]
    assert "A capital: does not say “Canberra”." in glm


def test_without_votes_nothing_is_said_of_preferences():
    text = said(gather(sources(ANSWERS), PROMPTS))
    assert "There are no votes" in text and "Canberra" in text
    assert not re.search(r"won|prefer [A-Z]|raters gave|95%|Applies to these prompts", text)
    assert "share of checks passed" in text


def test_excluded_raters_are_named_where_no_vote_is_left():
    exclusions = tuple(Exclusion(judge, REASONS[0], 1, 10) for judge in ("j0", "j1"))
    source = sources(ANSWERS)
    facts = gather(replace(source, figures=replace(source.figures, excluded=exclusions)), PROMPTS)
    text = said(facts)
    assert "There are no votes." in text and text.count("Excluded raters: 2 (20 votes") == 2


@pytest.mark.parametrize(
    ("times", "ratio"),
    [((3.21, 3.24), None), ((3.0, 3.0), None), ((3.2, 3.34), None), ((3.0, 3.3), "1.1"), ((0.0, 2.0), None)],
)
def test_times_that_read_the_same_make_no_model_faster(times, ratio):
    answers = [recorded(model, "q1", "Hm.", seconds) for model, seconds in zip((QWEN, GLM), times, strict=True)]
    text = said(gather(sources(tuple(answers)), PROMPTS))
    assert ("GLM took 1.1 times as long as Qwen" in text) == (ratio is not None) and "1.0 times" not in text
    is_faster = f"{times[0]:.1f}" != f"{times[1]:.1f}"
    assert all((words in text) == is_faster for words in ("Faster: ", "Slower: ", "use Qwen: "))


def test_times_of_different_numbers_of_answers_make_no_model_faster():
    answers = [recorded(QWEN, "q1", "Hm.", 1.0), recorded(GLM, "q1", "Hm.", 3.0), recorded(GLM, "q2", "Hm.", 9.0)]
    assert not re.search("Faster|Slower|If waiting time|times as long", said(gather(sources(tuple(answers)), PROMPTS)))


def test_of_answers_in_votes_alone_nobody_says_where_they_were_made():
    text = said(gather(sources((), VOTES), PROMPTS))
    assert "How qwen ran is not recorded. Answers: 2, incomplete: 0." in text and "imported" not in text


def test_what_is_not_recorded_is_said_so():
    bare = []
    for item in ANSWERS:
        model = ModelSpec(item.side.model.id, item.side.model.name, "", "", "recorded", "")
        side = replace(item.side, answer=Answer("Hm.", finish_reason="stop"), model=model)
        bare.append(Recorded(item.prompt_id, item.prompt, side))
    text = said(gather(sources(tuple(bare))))
    assert "The machine that ran the models is not recorded." in text
    assert "were generated elsewhere and imported; how it ran is not recorded" in text
    assert "| Total time | not recorded | not recorded |" in text and "Total answer time" not in text


def test_the_catalogue_knows_more():
    known = [KnownModel(replace(QWEN, id="qwen-7b-chat", name="Qwen"), "Qwen/Qwen", CARD)]
    text = said(gather(sources(ANSWERS), PROMPTS, known))
    assert "| Published at | Qwen/Qwen | not recorded |" in text
    assert "| Parameters | about 7.7 billion | not recorded |" in text
    assert "约 77 亿" in said(gather(sources(ANSWERS), PROMPTS, known), "zh")


def test_the_fields_that_are_filled_stand_at_the_head(facts):
    text = said(facts, title="My  report\n", author="张三", course="AI", links=("https://x.org/a_b", "see me"))
    assert text.startswith("# My report\n") and "| Author | 张三 |" in text and "| Course | AI |" in text
    assert "Teacher" not in text and "- <https://x.org/a_b>\n- see me" in text
    assert "Appendix" not in said(facts)


@pytest.mark.parametrize("details", [{"author": "x" * 301}, {"links": ("https://x.org",) * 51}])
def test_details_refuse_long_fields_and_many_links(details):
    with pytest.raises(InputError):
        Details(**details)


def test_chinese_reads_as_chinese(facts):
    text = said(facts, "zh")
    assert "平均每位投票者把 75% 的票给了 Qwen" in text and "总体上 Qwen 胜 3 票" in text
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert not [line for line in headings if re.search("[a-z]{2,}", line.replace("Qwen", ""))]


@pytest.mark.parametrize(
    ("seconds", "zh", "en"),
    [
        (0.04, "0.0 s", "0.0 s"),
        (99.94, "99.9 s", "99.9 s"),
        (125.4, "2 分 5 秒", "2 min 5 s"),
        (None, "未记录", "not recorded"),
    ],
)
def test_seconds_are_readable(seconds, zh, en):
    assert (duration("zh", seconds), duration("en", seconds)) == (zh, en)


# ---- files


def test_a_report_is_a_few_files(facts, tmp_path):
    paths = write_report(make_document("en", facts, Details()), tmp_path / "out")
    assert [path.name for path in paths] == ["report.md", "results.svg", "time.svg", "report.html", "report.docx"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(path.name for path in paths)
    (tmp_path / "file").touch()
    with pytest.raises(InputError) as refused:
        write_report(make_document("en", facts, Details()), tmp_path / "file")
    assert refused.value.code == "report_unwritable"


@pytest.mark.skipif(not SEED.exists(), reason="the reference run is not beside this copy of the project")
def test_the_reference_run_makes_a_report(tmp_path):
    result = gather(sources(read_recorded(SEED)), load_prompts(ROOT / "prompts.json"))
    assert [model.name for model in result.models] == ["Qwen-7B-Chat", "ChatGLM3-6B"]
    assert [round(sum(model.seconds)) for model in result.models] == [1981, 6669]
    text = said(result, "zh")
    assert "应为 [1, 2, 3, 4, 5, 6] → 56，却答成 55" in text and "误称“明明在喜欢白白”" in text
    for answer in read_recorded(SEED):
        assert answer.side.answer.text in written(make_document("zh", result, Details()))
