"""A report's formats and plots: every text comes out whole and does nothing, and nothing else is needed to read it."""

import io
import json
import re
import zipfile
from collections import Counter
from dataclasses import replace

import pytest
from report_samples import ANSWERS, PROMPTS, VOTES, sources
from vote_samples import NASTY_TEXTS

from arena.report.blocks import Column, Document, Figure, Paragraph, Quote, SideBySide, Table, TextPart, split_code
from arena.report.facts import Details
from arena.report.formats import as_html
from arena.report.formats.docx import as_docx
from arena.report.formats.markdown import as_markdown
from arena.report.gather import gather
from arena.report.reports import has_chinese_font
from arena.report.sections import make_document
from arena.report.sections.votes import time_points
from arena.results.plots import as_png, as_svg, pair_plot
from arena.statistics import PairCount
from arena.text import clean


@pytest.fixture(scope="module")
def facts():
    return gather(sources(ANSWERS, VOTES), PROMPTS)


HOSTILE = (
    *NASTY_TEXTS,
    "```python\ndef f():\n\treturn 1\n```\nafter",
    "````\n```\nnested\n```\n````",
    "``` \nnever ends",
    "$$\\frac{1}{2}$$ and \\(x\\) and $5",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "&amp; &lt;",
    "x" * 3000,
    "# heading\n- list\n1. one\n> quote\n| a | b |\n---\n[a]: http://x.org\n![i](http://x.org/i.png)",
    "{{ 7 * 7 }} {% raw %} {0} %s",
    "😀 👩‍🔬 𠮷 \u202e backwards",
)


def held(text, place):
    """A document that has the text everywhere a person may write."""
    columns = Column(text, (("", text), (text, text)), (text,))
    if place == "answers":
        return Document("zh", "t", (SideBySide((columns, columns)),))
    return Document("en", text, (Paragraph(text), Quote(text, text), Table((text, "h"), ((text, text),))))


def flat(text):
    """The characters that can be seen."""
    return "".join(re.sub(r"[\s\ufeff]", "", text))


@pytest.mark.parametrize("place", ["answers", "elsewhere"])
@pytest.mark.parametrize("text", [clean(text) for text in HOSTILE])
def test_every_text_comes_out_whole_in_html(text, place):
    from html.parser import HTMLParser

    class Reader(HTMLParser):
        def __init__(self):
            super().__init__()
            self.tags, self.text = Counter(), []

        def handle_starttag(self, tag, attrs):
            self.tags[tag] += 1
            assert not [name for name, _ in attrs if name.startswith("on")]

        def handle_data(self, data):
            self.text.append(data)

    reader = Reader()
    reader.feed(as_html(held(text, place)))
    body = flat("".join(reader.text))
    assert not reader.tags["script"] and not reader.tags["img"]
    wanted = flat("".join(piece.text for piece in split_code(text)) if place == "answers" else text)
    assert wanted in body


@pytest.mark.parametrize("place", ["answers", "elsewhere"])
@pytest.mark.parametrize("text", [clean(text) for text in HOSTILE])
def test_every_text_comes_out_whole_in_word(text, place):
    import docx

    word = docx.Document(io.BytesIO(as_docx(held(text, place))))
    cells = [cell.text for table in word.tables for row in table.rows for cell in row.cells]
    body = flat("".join([*(paragraph.text for paragraph in word.paragraphs), *cells]))
    wanted = flat("".join(piece.text for piece in split_code(text)) if place == "answers" else text)
    assert wanted in body


@pytest.mark.parametrize("text", [clean(text) for text in HOSTILE])
def test_every_text_comes_out_whole_in_markdown(text):
    """As a reader of CommonMark takes it: an answer is one fence, to the letter, and nothing else becomes markup."""
    from markdown_it import MarkdownIt

    reader = MarkdownIt()
    fences = [token for token in reader.parse(as_markdown(held(text, "answers"))) if token.type == "fence"]
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    assert [token.content for token in fences] == [f"{plain}\n"] * 4
    tokens = reader.parse(as_markdown(Document("en", "t", (Paragraph(text), Quote(text, "who")))))
    kinds = {token.type for token in tokens} | {inner.type for token in tokens for inner in token.children or ()}
    allowed = {"paragraph_open", "paragraph_close", "blockquote_open", "blockquote_close", "inline"}
    assert kinds <= allowed | {"text", "softbreak", "hardbreak", "strong_open", "strong_close", "text_special"}


def test_a_noncharacter_does_not_break_word():
    assert as_docx(held("a\uffffb\ufffe", "answers"))


def test_code_is_told_from_prose():
    text = "So:\n\n```python\ndef f():\n    return 1\n```\n\nDone."
    assert split_code(text) == (
        TextPart("So:\n"[:-1]),
        TextPart("def f():\n    return 1", is_code=True),
        TextPart("Done."),
    )
    assert split_code("```\nnever ends") == (TextPart("```\nnever ends"),)
    assert split_code("> ```\n> quoted\n> ```") == (TextPart("> ```\n> quoted\n> ```"),)
    assert split_code("```\n```") == (TextPart("", is_code=True),)


def test_word_names_a_font_for_chinese(facts):
    data = as_docx(make_document("zh", facts, Details()))
    styles = zipfile.ZipFile(io.BytesIO(data)).read("word/styles.xml").decode()
    assert 'w:eastAsia="SimSun"' in styles and 'w:eastAsia="zh-CN"' in styles and "eastAsiaTheme" not in styles
    document = zipfile.ZipFile(io.BytesIO(data)).read("word/document.xml").decode()
    assert 'w:w="11906"' in document  # A4, in twentieths of a point


def test_html_needs_nothing_else(facts):
    page = as_html(make_document("en", facts, Details(links=("javascript:alert(1)", "https://x.org"))))
    assert page.count("<svg") == 2 and "default-src 'none'" in page and "@page { size: A4" in page
    assert not re.search(r"\bsrc=|@import|url\(|<(?:link|script|iframe|img|object)\b", page)
    links = re.findall(r'href="([^"#]*)"', page)
    assert links[0] == "https://x.org" and all(re.fullmatch(r"https://[\w./%-]+", link) for link in links)
    assert "javascript:alert(1)" in page


# ---- plots


def test_the_bars_hold_all_votes(facts):
    spec = next(block for block in make_document("en", facts, Details()).blocks if isinstance(block, Figure)).spec
    bars = spec["vconcat"][0]["data"]["values"]
    assert sum(row["votes"] for row in bars if row["dimension"] == "All") == 6
    assert {row["dimension"] for row in bars} == {"Reasoning", "Knowledge", "All"}


def test_time_stands_against_votes_and_without_them_against_checks(facts):
    points = [(point["model"], point["seconds"], point["score"]) for point in time_points(facts)]
    assert points == [("Qwen", 10.0, 1.0), ("GLM", 40.0, 0.0), ("Qwen", 20.0, 1 / 6), ("GLM", 50.0, 0.5)]
    unjudged = gather(sources(ANSWERS), PROMPTS)
    assert [(point["model"], point["score"]) for point in time_points(unjudged)] == [("Qwen", 1.0), ("GLM", 0.0)]


def test_plots_are_pictures_without_a_browser(facts):
    for block in make_document("zh", facts, Details()).blocks:
        if isinstance(block, Figure):
            svg = as_svg(block.spec, "p")
            assert svg.startswith("<svg") and ("票数" in svg or "用时" in svg)
            assert as_png(block.spec).startswith(b"\x89PNG")


@pytest.mark.parametrize("votes", [0, 1, 2, 3, 7, 25, 1234])
def test_votes_are_counted_in_whole_ones(facts, votes):
    pair = replace(facts.pair, count=PairCount("qwen", "glm", first_wins=votes), dimensions={})
    figures = replace(facts.figures, by={"dimension": {}})
    svg = as_svg(pair_plot("en", figures, pair), "p")
    bars = svg[: svg.index("qwen: share")]
    ticks = [int(text.replace(",", "")) for text in re.findall(r"<text[^>]*>([\d,]+)</text>", bars)]
    assert 0 in ticks and len(ticks) == len(set(ticks)) <= 11
    assert votes == 0 or votes * 0.8 <= max(ticks) <= max(1, votes * 1.3)


def test_where_no_font_has_chinese_plots_are_in_english(facts, tmp_path):
    (tmp_path / "fonts" / "truetype").mkdir(parents=True)
    (tmp_path / "fonts" / "truetype" / "DejaVuSans.ttf").touch()
    assert not has_chinese_font([tmp_path / "fonts", tmp_path / "none"])
    (tmp_path / "fonts" / "truetype" / "NotoSansCJK-Regular.ttc").touch()
    assert has_chinese_font([tmp_path / "fonts"])
    document = make_document("zh", facts, Details(), plot_lang="en")
    figure = next(block for block in document.blocks if isinstance(block, Figure))
    assert "票" not in json.dumps(figure.spec, ensure_ascii=False)
    assert "本机没有中文字体" in as_markdown(document)
