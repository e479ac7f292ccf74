"""What a report says about models, machines and sources: known, unknown, and stated by the author."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from report_samples import ANSWERS, CARD, GLM, KNOWN, PROMPTS, QWEN, VOTES, sources

from arena.answers import read_recorded
from arena.prompts import Reference
from arena.report.blocks import Heading, References
from arena.report.facts import Details, KnownModel
from arena.report.formats import as_html
from arena.report.formats.markdown import as_markdown
from arena.report.gather import gather
from arena.report.sections import make_document

SEED = Path(__file__).parents[3] / "../shared/seed/answers.jsonl"
NONE = Details()


def served(lang="en", details=NONE, votes=VOTES, known=(), answers=ANSWERS):
    return make_document(lang, gather(sources(answers, votes), PROMPTS, known), details)


def plain(document):
    return as_markdown(document).replace("\\", "")


# ---- facts of the models


def test_what_is_published_of_a_model_stands_in_a_table():
    text = plain(served("en", known=KNOWN))
    for row in (
        "| Developer | Some company | not recorded |",
        "| Architecture | decoder | not recorded |",
        "| Parameters | about 7.7 billion | not recorded |",
        "| Training data | 2 trillion tokens | not recorded |",
        "| Languages | not published | not recorded |",
        "| Released | 2023-08-03 (updated 2023-09-25) | not recorded |",
        "| Context length | 8,192 tokens | not recorded |",
        "| Source repository | https://x.org/code | not recorded |",
        "| Sources | [1], [2] | not recorded |",
    ):
        assert row in text
    chinese = plain(served("zh", known=KNOWN))
    assert "| 开发者 | 某公司 | 未记录 |" in chinese and "| 语言 | 未公布 | 未记录 |" in chinese
    assert "| 发布日期 | 2023-08-03（2023-09-25 更新） | 未记录 |" in chinese


@pytest.mark.parametrize(
    ("count", "zh", "en"),
    [
        (135e6, "约 1.35 亿", "about 135 million"),
        (0.49e9, "约 4.9 亿", "about 490 million"),
        (1e9, "约 10 亿", "about 1.0 billion"),
        (6.2e9, "约 62 亿", "about 6.2 billion"),
        (72.7e9, "约 727 亿", "about 72.7 billion"),
    ],
)
def test_parameters_are_counted_as_each_language_does(count, zh, en):
    known = [KnownModel(QWEN, "", replace(CARD, parameters=count))]
    assert f"| {zh} |" in plain(served("zh", known=known)) and f"| {en} |" in plain(served("en", known=known))


def test_the_context_that_is_published_and_the_one_of_the_run_are_two_things():
    known = [KnownModel(QWEN, "", replace(CARD, context_length=131_072))]
    text = plain(served(known=known))
    assert "| Context length | 131,072 tokens |" in text and "| Context length | 8,192 tokens | 4,096 tokens |" in text


# ---- the machine


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_machine_that_the_author_states_is_said_to_be_the_authors_word(lang):
    bare = tuple(replace(item, machine={}) for item in ANSWERS)
    details = Details(machine="  A laptop,\n8 cores ")
    text = plain(served(lang, details, answers=bare))
    unknown = {"zh": "回答的运行环境没有记录。", "en": "The machine that ran the models is not recorded."}[lang]
    stated = {"zh": "作者填写的运行环境：A laptop, 8 cores", "en": "as stated by the author: A laptop, 8 cores"}[lang]
    assert unknown in text and stated in text
    assert "stated" not in plain(served(lang, Details(), answers=bare)) and "作者" not in plain(served(lang, Details()))


def test_each_machine_stands_under_the_models_that_it_ran():
    other = tuple(replace(item, machine={"cores": 4}) if item.side.model is GLM else item for item in ANSWERS)
    text = plain(served(answers=other))
    assert "**Table 1**. The machine that ran Qwen\n" in text and "**Table 2**. The machine that ran GLM\n" in text
    assert "**Table 1**. The machine that ran Qwen, GLM\n" in plain(served())
    half = tuple(replace(item, machine={}) if item.side.model is GLM else item for item in ANSWERS)
    text = plain(served(answers=half))
    assert "The machine that ran GLM is not recorded." in text and "The machine that ran Qwen\n" in text


# ---- references


def works(document):
    result = [block for block in document.blocks if isinstance(block, References)]
    return result[0].items if result else ()


def test_references_come_last_and_name_each_work_once():
    language = Reference(languages=("English",))
    prompts = (replace(PROMPTS[0], reference=language), PROMPTS[1])
    twice = [*KNOWN, KnownModel(GLM, "", CARD)]
    document = make_document("en", gather(sources(ANSWERS, VOTES), prompts, twice), Details())
    assert document.blocks[-2:-1] == (Heading(2, "References", "references"),)
    texts = [work.text for work in works(document)]
    assert texts[:3] == [
        "Some company. Qwen: model card.",
        "A. Author. A paper. 2023.",
        "Some company. GLM: model card.",
    ]
    for name in ("betting", "Krippendorff", "Transformers", "llama.cpp", "langid.py", "Vega-Lite"):
        assert len([text for text in texts if name in text]) == 1
    assert len(set(texts)) == len(texts)
    assert "| Sources | [1], [2] | [3], [2] |" in plain(document)


def test_only_what_the_report_rests_on_is_cited():
    bare = tuple(replace(item, side=replace(item.side, model=replace(item.side.model, runtime=""))) for item in ANSWERS)
    texts = " ".join(work.text for work in works(served(votes=(), answers=bare)))
    assert "Vega-Lite" in texts
    for name in ("betting", "Krippendorff", "Transformers", "llama.cpp", "langid.py", "model card"):
        assert name not in texts


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_references_are_numbered_in_every_format(lang):
    document = served(lang, known=KNOWN)
    text = plain(document)
    for number, work in enumerate(works(document), start=1):
        assert f"\n{number}. {work.text} <{work.address}>" in text
    page = as_html(document)
    numbers = re.findall(r'<span class="number">\[(\d+)\]</span>', page)
    assert numbers == [str(number) for number in range(1, len(works(document)) + 1)]
    assert {work.address for work in works(document)} <= set(re.findall(r'href="(.*?)"', page))


@pytest.mark.skipif(not SEED.exists(), reason="the reference run is not beside this copy of the project")
def test_the_reference_run_is_told_with_what_is_known_of_its_models():
    from commands.options import known_models

    result = gather(sources(read_recorded(SEED)), (), known_models())
    text = plain(make_document("zh", result, Details(machine="笔记本")))
    assert "| 开发者 | 阿里云 | 智谱 AI 与清华大学 KEG 实验室 |" in text
    assert "| 发布日期 | 2023-08-03（2023-09-25 更新） | 2023-10-27 |" in text
    assert "| 训练数据 | 预训练 2.4 万亿 tokens" in text and "| 未公布 |" in text
    assert "回答的运行环境没有记录。" in text and "作者填写的运行环境：笔记本" in text
