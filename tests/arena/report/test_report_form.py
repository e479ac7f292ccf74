"""The form of a report in all formats: cover, contents, numbers of figures and tables, models' facts, references."""

import json
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from report_samples import ANSWERS, GLM, KNOWN, PROMPTS, QWEN, TITLES, VOTES, recorded, sources

from arena.report.blocks import (
    Contents,
    Cover,
    Document,
    Figure,
    Heading,
    Paragraph,
    Table,
    caption_of,
)
from arena.report.facts import COVER_FIELDS, Details
from arena.report.formats import as_html
from arena.report.formats.markdown import as_markdown
from arena.report.gather import gather
from arena.report.sections import make_document

SEED = Path(__file__).parents[3] / "../shared/seed/answers.jsonl"
FULL = Details(title="A comparison", **{name: f"my {name}" for name in COVER_FIELDS})


def served(lang="en", details=FULL, votes=VOTES, known=(), answers=ANSWERS):
    return make_document(lang, gather(sources(answers, votes), PROMPTS, known), details)


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
    document = served(lang)
    rows = [f"| {label} | my {name} |" for label, name in zip(names, COVER_FIELDS, strict=True)]
    head = plain(document).split("\n\n")
    assert head[0] == "# A comparison" and head[1].split("\n")[2:] == rows
    page = Page(as_html(document))
    texts = [text for tag, text in page.texts if tag in ("p", "h1", "dt", "dd")][: 2 * len(COVER_FIELDS)]
    pairs = [part for label, name in zip(names[1:], COVER_FIELDS[1:], strict=True) for part in (label, f"my {name}")]
    assert texts == ["my university", "A comparison", *pairs]
    style = as_html(document).split("</style>")[0]
    assert "break-after: page" in re.search(r"\.cover \{[^}]*\}", style)[0]


def test_without_fields_the_cover_is_the_title_alone():
    document = served(details=Details())
    assert document.blocks[:2] == (Cover("Qwen and GLM: a comparison"), Contents("Contents"))
    assert plain(document).startswith("# Qwen and GLM: a comparison\n\n**Contents**")
    assert "<dl>" not in as_html(document)


def test_pages_of_html_are_numbered_but_for_the_cover():
    style = as_html(served()).split("</style>")[0]
    assert re.search(r"@page \{[^}]*@bottom-center \{ content: counter\(page\)", style)
    assert re.search(r"@page cover \{ @bottom-center \{ content: none", style)


# ---- contents


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_line_of_the_contents_leads_to_its_heading(lang):
    document = served(lang)
    headings = [block.text for block in document.blocks if isinstance(block, Heading)]
    assert len(headings) > 10
    page = Page(as_html(document))
    ids = Counter(attributes["id"] for _, attributes in page.tags if "id" in attributes)
    assert set(ids.values()) == {1}
    inner = [attributes["href"][1:] for attributes in page.all("a") if attributes["href"].startswith("#")]
    assert len(inner) == len(headings) and set(inner) <= set(ids)
    text = as_markdown(document)
    assert re.findall(r"^ *- \[.*\]\(#(.*)\)$", text, re.MULTILINE) == inner
    assert [heading.text for heading in document.headings] == headings


def test_headings_are_named_as_readers_of_markdown_name_them():
    texts = ("Time, speed and memory", "1. 代码能力 · 生成", "So", "So", "so!", "So 1", "“意思” (x_y)", "naïve Ü-1")
    result = Document("en", "t", tuple(Heading(2, text) for text in texts)).blocks
    assert [item.anchor for item in result] == [
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
    result = [getattr(block, "label", "") for block in Document("en", "t", blocks).blocks]
    assert result == ["Table 1", "", "Figure 1", "", "Table 2", "Figure 2"]
    assert Document("zh", "t", (figure,)).blocks[0].label == "图 1"


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_all_formats_show_the_same_numbers(lang):
    document = served(lang)
    labelled = [block for block in document.blocks if isinstance(block, Figure | Table) and block.label]
    captions = [f"{block.label}{caption_of(lang, block)}" for block in labelled]
    assert len(captions) >= 6 and len(set(captions)) == len(captions)
    text = plain(document).replace("**", "")
    page = "".join(text for _, text in Page(as_html(document)).texts)
    for caption in captions:
        assert f"\n\n{caption}\n" in text
        assert re.sub(r"\s", "", caption) in re.sub(r"\s", "", page)


def test_every_table_and_figure_of_a_report_has_a_caption():
    for block in served().blocks:
        if isinstance(block, (Table, Figure)):
            assert block.caption


def test_html_says_what_pictures_show_and_which_cells_are_headers():
    document = served("zh", known=KNOWN)
    page = Page(as_html(document))
    figures = [block for block in document.blocks if isinstance(block, Figure)]
    pictures = [entry for entry in page.all("svg") if entry.get("role") == "img"]
    assert [entry["aria-label"] for entry in pictures] == [figure.caption for figure in figures]
    tables = len([block for block in document.blocks if isinstance(block, Table)])
    assert len(page.all("table")) == len(page.all("thead")) == len(page.all("caption")) == tables
    assert all(entry.get("scope") in ("col", "row") for entry in page.all("th"))


@pytest.mark.parametrize("text", ["مرحبا", "שלום", "Hello", "你好"])
def test_html_leaves_the_direction_to_the_text(text):
    answers = (recorded(QWEN, "q1", text), recorded(GLM, "q1", f"{text}\n```\n{text}\n```"))
    page = Page(as_html(served(answers=answers, votes=())))
    assert not [tag for tag, attributes in page.tags if attributes.get("class") == "text" and "dir" not in attributes]
    assert [entry["dir"] for entry in page.all("pre")] == ["ltr"]


# ---- dimensions


@pytest.mark.parametrize("name", ["safety", "工具使用", "title", "memory", "a | b <i>"])
def test_a_dimension_of_a_sets_own_has_a_row_after_the_usual_ones(name):
    prompts = (replace(PROMPTS[0], dimension=name), PROMPTS[1])
    votes = [replace(entry, battle=replace(entry.battle, dimension=name)) for entry in VOTES[:3]]
    result = gather(sources(ANSWERS, (*votes, *VOTES[3:])), prompts)
    assert list(result.figures.dimensions_of(result.overall)) == ["reasoning", name]
    for lang in ("zh", "en"):
        document = make_document(lang, result, Details())
        text = plain(document)
        assert f"### 1. {TITLES[lang]} · {name}" in text and f"| {name} | 3 | 3 |" in text
        figures = [block for block in document.blocks if isinstance(block, Figure)]
        plots = [json.dumps(figure.spec, ensure_ascii=False) for figure in figures]
        assert any(f'"dimension": "{name}"' in plot for plot in plots)
