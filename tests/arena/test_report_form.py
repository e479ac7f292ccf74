"""The form of a report in all formats: cover, contents, numbers of figures and tables, models' facts, references."""

import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from report_samples import ANSWERS, GLM, PROMPTS, QWEN, VOTES, recorded

from arena.answers import read_recorded
from arena.model_card import ModelCard
from arena.prompts import Reference
from arena.report import Details, KnownModel, Sources, gather, make_document
from arena.report.blocks import Contents, Cover, Document, Figure, Heading, Paragraph, References, Table
from arena.report.details import COVER
from arena.report.formats.html import as_html
from arena.report.formats.markdown import as_markdown
from arena.report.formats.numbering import contents, numbered

SEED = Path(__file__).parents[2] / "../shared/seed/answers.jsonl"
FULL = Details(title="A comparison", **{name: f"my {name}" for name in COVER})
CARD = ModelCard(
    ("某公司", "Some company"),
    ("解码器", "decoder"),
    7.7e9,
    8192,
    "2023-08-03",
    "https://x.org/card",
    "https://x.org/code",
    ("两万亿", "2 trillion tokens"),
    None,
    "2023-09-25",
    "A. Author. A paper. 2023.",
    "https://x.org/paper",
)
KNOWN = [KnownModel(QWEN, "Qwen/Qwen", CARD.parameters, CARD)]


def made(lang="en", details=FULL, votes=VOTES, known=(), answers=ANSWERS):
    return make_document(lang, gather(Sources(answers, votes), PROMPTS, known), details)


def plain(document):
    return as_markdown(document).replace("\\", "")


class Page(HTMLParser):
    """The tags with their attributes, and the texts by the tag they stand in."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self._open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if data.strip():
            self.texts.append((self._open[-1] if self._open else "", data.strip()))

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


# ---- cover


@pytest.mark.parametrize(("lang", "names"), [
    ("zh", ["学校", "学院", "专业", "课程", "姓名", "学号", "指导教师", "日期"]),
    ("en", ["University", "School", "Major", "Course", "Author", "Student number", "Teacher", "Date"]),
])  # fmt: skip
def test_the_cover_stands_first_in_every_format(lang, names):
    document = made(lang)
    rows = [f"| {label} | my {name} |" for label, name in zip(names, COVER, strict=True)]
    head = plain(document).split("\n\n")
    assert head[0] == "# A comparison" and head[1].split("\n")[2:] == rows
    page = Page(as_html(document))
    texts = [text for tag, text in page.texts if tag in ("p", "h1", "dt", "dd")][: 2 * len(COVER)]
    pairs = [part for label, name in zip(names[1:], COVER[1:], strict=True) for part in (label, f"my {name}")]
    assert texts == ["my university", "A comparison", *pairs]
    style = as_html(document).split("</style>")[0]
    assert "break-after: page" in re.search(r"\.cover \{[^}]*\}", style)[0]


def test_without_fields_the_cover_is_the_title_alone():
    document = made(details=Details())
    assert document.blocks[:2] == (Cover("Qwen and GLM: a comparison"), Contents("Contents"))
    assert plain(document).startswith("# Qwen and GLM: a comparison\n\n**Contents**")
    assert "<dl>" not in as_html(document)


def test_pages_of_html_are_numbered_but_for_the_cover():
    style = as_html(made()).split("</style>")[0]
    assert re.search(r"@page \{[^}]*@bottom-center \{ content: counter\(page\)", style)
    assert re.search(r"@page cover \{ @bottom-center \{ content: none", style)


# ---- contents


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_line_of_the_contents_leads_to_its_heading(lang):
    document = made(lang)
    headings = [block.text for block in document.blocks if isinstance(block, Heading)]
    assert len(headings) > 10
    page = Page(as_html(document))
    ids = Counter(attributes["id"] for _, attributes in page.tags if "id" in attributes)
    assert set(ids.values()) == {1}
    inner = [attributes["href"][1:] for attributes in page.all("a") if attributes["href"].startswith("#")]
    assert len(inner) == len(headings) and set(inner) <= set(ids)
    text = as_markdown(document)
    assert re.findall(r"^ *- \[.*\]\(#(.*)\)$", text, re.MULTILINE) == inner
    assert [line.text for line in contents(numbered(document))] == headings


def test_headings_are_named_as_readers_of_markdown_name_them():
    texts = ("Time, speed and memory", "1. 代码能力 · 生成", "So", "So", "so!", "So 1", "“意思” (x_y)", "naïve Ü-1")
    found = numbered(Document("en", "t", tuple(Heading(2, text) for text in texts)))
    assert [item.anchor for item in found] == [
        "time-speed-and-memory",
        "1-代码能力--生成",
        "so",
        "so-1",
        "so-2",
        "so-1-1",
        "意思-x_y",
        "naïve-ü-1",
    ]


# ---- numbers


SPEC = {"mark": "point", "data": {"values": []}}


def test_figures_and_tables_are_counted_apart_in_the_order_of_the_report():
    table, figure = Table(("a",), (("b",),), "T"), Figure("f", "F", SPEC)
    blocks = (table, Paragraph("x"), figure, Table(("a",), (("b",),)), table, figure)
    found = [(item.label, item.number) for item in numbered(Document("en", "t", blocks))]
    assert found == [("Table 1", 1), ("", 0), ("Figure 1", 1), ("", 0), ("Table 2", 2), ("Figure 2", 2)]
    assert numbered(Document("zh", "t", (figure,)))[0].label == "图 1"


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_all_formats_show_the_same_numbers(lang):
    document = made(lang)
    captions = [f"{item.label}{item.caption}" for item in numbered(document) if item.number]
    assert len(captions) >= 6 and len(set(captions)) == len(captions)
    text = plain(document).replace("**", "")
    page = "".join(text for _, text in Page(as_html(document)).texts)
    for caption in captions:
        assert f"\n\n{caption}\n" in text
        assert re.sub(r"\s", "", caption) in re.sub(r"\s", "", page)


def test_every_table_and_figure_of_a_report_has_a_caption():
    for block in made().blocks:
        if isinstance(block, (Table, Figure)):
            assert block.caption


def test_html_says_what_pictures_show_and_which_cells_are_headers():
    document = made("zh", known=KNOWN)
    page = Page(as_html(document))
    figures = [block for block in document.blocks if isinstance(block, Figure)]
    pictures = [one for one in page.all("svg") if one.get("role") == "img"]
    assert [one["aria-label"] for one in pictures] == [figure.caption for figure in figures]
    tables = len([block for block in document.blocks if isinstance(block, Table)])
    assert len(page.all("table")) == len(page.all("thead")) == len(page.all("caption")) == tables
    assert all(one.get("scope") in ("col", "row") for one in page.all("th"))


@pytest.mark.parametrize("text", ["مرحبا", "שלום", "Hello", "你好"])
def test_html_leaves_the_direction_to_the_text(text):
    answers = (recorded(QWEN, "q1", text), recorded(GLM, "q1", f"{text}\n```\n{text}\n```"))
    page = Page(as_html(made(answers=answers, votes=())))
    assert not [tag for tag, attributes in page.tags if attributes.get("class") == "text" and "dir" not in attributes]
    assert [one["dir"] for one in page.all("pre")] == ["ltr"]


# ---- facts of the models


def test_what_is_published_of_a_model_stands_in_a_table():
    text = plain(made("en", known=KNOWN))
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
    chinese = plain(made("zh", known=KNOWN))
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
    known = [KnownModel(QWEN, "", count)]
    assert f"| {zh} |" in plain(made("zh", known=known)) and f"| {en} |" in plain(made("en", known=known))


def test_the_context_that_is_published_and_the_one_of_the_run_are_two_things():
    known = [KnownModel(QWEN, "", 1e9, replace(CARD, context_length=131_072))]
    text = plain(made(known=known))
    assert "| Context length | 131,072 tokens |" in text and "| Context length | 8,192 tokens | 4,096 tokens |" in text


# ---- the machine


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_machine_that_the_author_states_is_said_to_be_the_authors_word(lang):
    bare = tuple(replace(one, machine={}) for one in ANSWERS)
    details = Details(machine="  A laptop,\n8 cores ")
    text = plain(made(lang, details, answers=bare))
    unknown = {"zh": "回答的运行环境没有记录。", "en": "What the answers were made on is not recorded."}[lang]
    stated = {"zh": "作者填写的运行环境：A laptop, 8 cores", "en": "as stated by the author: A laptop, 8 cores"}[lang]
    assert unknown in text and stated in text
    assert "stated" not in plain(made(lang, Details(), answers=bare)) and "作者" not in plain(made(lang, Details()))


def test_each_machine_stands_under_the_models_that_it_ran():
    other = tuple(replace(one, machine={"cores": 4}) if one.side.model is GLM else one for one in ANSWERS)
    text = plain(made(answers=other))
    assert "**Table 1**. The machine that ran Qwen\n" in text and "**Table 2**. The machine that ran GLM\n" in text
    assert "**Table 1**. The machine that ran Qwen, GLM\n" in plain(made())
    half = tuple(replace(one, machine={}) if one.side.model is GLM else one for one in ANSWERS)
    text = plain(made(answers=half))
    assert "The machine that ran GLM is not recorded." in text and "The machine that ran Qwen\n" in text


# ---- references


def works(document):
    found = [block for block in document.blocks if isinstance(block, References)]
    return found[0].items if found else ()


def test_references_come_last_and_name_each_work_once():
    language = Reference(languages=("English",))
    prompts = (replace(PROMPTS[0], reference=language), PROMPTS[1])
    twice = [*KNOWN, KnownModel(GLM, "", 6e9, CARD)]
    document = make_document("en", gather(Sources(ANSWERS, VOTES), prompts, twice), FULL)
    assert document.blocks[-2:-1] == (Heading(2, "References"),)
    texts = [work.text for work in works(document)]
    assert texts[:3] == [
        "Some company. Qwen: model card.",
        "A. Author. A paper. 2023.",
        "Some company. GLM: model card.",
    ]
    for name in ("Wilson", "Transformers", "llama.cpp", "langid.py", "Vega-Lite"):
        assert len([text for text in texts if name in text]) == 1
    assert len(set(texts)) == len(texts)
    assert "| Sources | [1], [2] | [3], [2] |" in plain(document)


def test_only_what_the_report_rests_on_is_cited():
    bare = tuple(replace(one, side=replace(one.side, model=replace(one.side.model, runtime=""))) for one in ANSWERS)
    texts = " ".join(work.text for work in works(made(votes=(), answers=bare)))
    assert "Vega-Lite" in texts
    for name in ("Wilson", "Transformers", "llama.cpp", "langid.py", "model card"):
        assert name not in texts


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_references_are_numbered_in_every_format(lang):
    document = made(lang, known=KNOWN)
    text = plain(document)
    for number, work in enumerate(works(document), start=1):
        assert f"\n{number}. {work.text} <{work.address}>" in text
    page = Page(as_html(document))
    numbers = [text for _, text in page.texts if re.fullmatch(r"\[\d+\]", text)]
    assert numbers == [f"[{number}]" for number in range(1, len(works(document)) + 1)]
    assert {work.address for work in works(document)} <= {one["href"] for one in page.all("a")}


@pytest.mark.skipif(not SEED.exists(), reason="the reference run is not beside this copy of the project")
def test_the_reference_run_is_told_with_what_is_known_of_its_models():
    from commands.models import known_models

    found = gather(Sources(read_recorded(SEED)), (), known_models())
    text = plain(make_document("zh", found, Details(machine="笔记本")))
    assert "| 开发者 | 阿里云 | 智谱 AI 与清华大学 KEG 实验室 |" in text
    assert "| 发布日期 | 2023-08-03（2023-09-25 更新） | 2023-10-27 |" in text
    assert "| 训练数据 | 预训练 2.4 万亿 tokens" in text and "| 未公布 |" in text
    assert "回答的运行环境没有记录。" in text and "作者填写的运行环境：笔记本" in text
