"""A report on more than two models: two in full, all in tables and side by side."""

import io
from dataclasses import replace
from itertools import combinations

import docx
import pytest
from report_samples import ANSWERS, GLM, PROMPTS, QWEN, recorded, sources

from arena.errors import InputError
from arena.report.facts import Details
from arena.report.formats import as_html
from arena.report.formats.docx import as_docx
from arena.report.formats.markdown import as_markdown
from arena.report.gather import gather
from arena.report.sections import make_document
from arena.types import Battle, Vote, Winner

LONG = "冷静=DeepSeek-R1-Distill-Qwen-1.5B-GGUF?temperature=0&think=off"
THIRD = replace(QWEN, id="third", name=LONG, precision="q4")
THREE = (*ANSWERS, recorded(THIRD, "q1", "Canberra, of course.", 3.0))


def vote(number, first, second, winner=Winner.MODEL_A):
    """On the answers of two models to the first prompt."""
    a, b = (next(entry.side for entry in THREE if entry.side.model == model) for model in (first, second))
    battle = Battle(f"b{number}", "q1?", a, b, "q1", "knowledge", blind=True)
    return Vote(f"v{number}", battle, winner, f"j{number}", float(number))


def votes(**times):
    """By "first_second" models, the first of which wins, how often."""
    models = {"q": QWEN, "g": GLM, "t": THIRD}
    battles = [(models[names[0]], models[names[-1]]) for names, count in times.items() for _ in range(count)]
    return tuple(vote(number, *pair) for number, pair in enumerate(battles))


def said(facts, lang="en"):
    return as_markdown(make_document(lang, facts, Details())).replace("\\", "")


@pytest.fixture(scope="module")
def facts():
    return gather(sources(THREE, votes(t_q=20, t_g=16, q_g=24)), PROMPTS)


def test_the_best_ranked_of_the_pairs_with_many_votes_is_compared_in_full(facts):
    """With votes spread evenly, the very most votes say nothing."""
    assert ([model.spec.id for model in facts.models], facts.reason) == (["qwen", "third"], "votes")
    assert [model.spec.id for model in facts.others] == ["glm"]
    few = gather(sources(THREE, votes(t_q=2, t_g=2, q_g=24)), PROMPTS)
    assert [model.spec.id for model in few.models] == ["qwen", "glm"]
    none = gather(sources(THREE), PROMPTS)
    assert ([model.spec.id for model in none.models], none.reason) == (["qwen", "glm"], "order")
    chosen = gather(sources(THREE, votes(q_g=1)), PROMPTS, pair=("glm", "third"))
    assert ([model.spec.id for model in chosen.models], chosen.reason) == (["glm", "third"], "chosen")
    for pair, code in ((("glm", ""), "report_pair"), (("glm", "glm"), "same_model"), (("glm", "x"), "report_model")):
        with pytest.raises(InputError) as refused:
            gather(sources(THREE), PROMPTS, pair=pair)
        assert refused.value.code == code


def test_two_models_that_never_met_have_no_votes_though_others_have():
    text = said(gather(sources(THREE, votes(q_g=3, q_t=2)), PROMPTS, pair=("glm", "third")))
    assert text.count(f"There are no votes on GLM and {LONG}.") == 3 and "Votes: 5" in text


def test_every_model_stands_in_the_tables(facts):
    text = said(facts)
    assert "The data hold 3 models. Two are compared in full (of the pairs with many votes" in text
    tables = text.partition("## All models")[2].partition("## Strengths")[0]
    assert f"Of 3 models, {LONG} ranks first" in tables
    assert f"| {LONG} | 1 | " in tables and " | 36 | 36 | 0 | 0 | 0 |" in tables and "| GLM | 3 | " in tables
    assert f"| {LONG} vs Qwen | 20 | 20 | 0 | 0 | 0 | 100% (" in tables and "half a win each way was added" in tables
    assert f"| {LONG} | third | r1 | q4 |" in tables and "| GLM | 2 | 90.0 s | 22 |" in tables
    assert "not part of this report" not in text


def test_the_answers_of_all_models_stand_side_by_side(facts):
    text = said(facts)
    first = text.partition("### 1. ")[2].partition("### 2. ")[0]
    places = [first.index(f"#### {name}\n") for name in ("Qwen", LONG, "GLM")]
    assert places == sorted(places)
    assert "Canberra, of course." in first and "It is Sydney." in first
    assert f"20 votes: Qwen 0, tie 0, both bad 0, {LONG} 20." in first  # the two that are compared in full
    second = text.partition("### 2. ")[2].partition("## How")[0]
    assert second.count("No answer.") == 1


def test_every_format_holds_all_models(facts):
    document = make_document("zh", facts, Details())
    html = as_html(document)
    assert html.count('<section class="answer">') == 6 and "全部模型" in html
    word = docx.Document(io.BytesIO(as_docx(document)))
    heads = [[cell.text for cell in table.rows[0].cells] for table in word.tables]
    assert heads.count(["Qwen", LONG]) == 2 and heads.count(["GLM"]) == 2  # two beside each other
    assert ["模型", "可能的名次", "评分（95% 区间）", "票数", "胜", "平局", "都不好", "负"] in heads


def test_models_of_one_name_are_told_apart_by_their_ids():
    same = [replace(model, name="Qwen") for model in (QWEN, GLM, THIRD)]
    answers = tuple(recorded(model, "q1", f"I am {model.id}.") for model in same)
    result = gather(sources(answers), PROMPTS)
    assert [model.name for model in (*result.models, *result.others)] == ["qwen", "glm", "third"]


def test_votes_alone_rank_all_models():
    result = gather(sources((), votes(t_q=3, t_g=2, q_g=2)), PROMPTS)
    assert [model.spec.id for model in result.others] == ["glm"] and len(result.answering) == 2
    tables = said(result).partition("## All models")[2]
    assert all(f"| {first} vs {second} |" in tables for first, second in combinations(("third", "qwen", "glm"), 2))


def test_two_models_have_no_such_section():
    result = gather(sources(ANSWERS, votes(q_g=3)), PROMPTS)
    assert not result.others and "All models" not in said(result) and "The data hold" not in said(result)
