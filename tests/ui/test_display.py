"""What the display copies promise without a browser. What they look like in one: tests/browser/test_display.py."""

from __future__ import annotations

import html
import inspect
import re
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ui.display import LATEX_DELIMITERS, display_copy, plain_copy

# Pieces that mean something to Markdown, HTML or gradio, to be thrown together.
PIECES = [
    *["`", "``", "```\n", "~", "~~~\n", "**", "*", "_", "[", "]", "(", ")", "](http://a.b/c)", "](javascript:d)", "!["],
    *["<img src=http://e.f/g>", "<b>", "<!--", "-->", "<", ">", "&lt;", "\\", "\\(", "\\)", "\\[", "\\]", "$$", "$"],
    *[
        "\n",
        "\n\n",
        "    ",
        "\t",
        "- ",
        "1. ",
        "> ",
        "|",
        "# ",
        "]: http://h.i",
        "http://j.k/l",
        "www.m.n",
        "%%%LATEX_",
    ],
    *["word", "中文", "：", "“", "😀", " ", "<http://o.p>", "\r\n", "\u2063", "\ufeff", "\ud800", "\0"],
]
hostile = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


def letters(text: str) -> list[str]:
    return [character for character in text if character.isalnum()]


def shown_letters(copy: str) -> list[str]:
    return letters(html.unescape(re.sub(r"<!--[\s-]*-->|</?code>", "", copy)))


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("", ""),
        ("plain 文字, 5 < 6 & 7 > 2", "plain 文字, 5 < 6 & 7 > 2"),
        ("vector<int> <test> </b>", "vector\\<int> \\<test> \\</b>"),
        ("\\<b>", "\\<b>"),
        ("**重点：**后面", "**重点：**\ufeff后面"),
        ("2**(n) and **bold**", "2**(n) and **bold**"),
        ("1~3 和 4~5", "1\\~3 和 4~5"),
        ("![x](http://a.b/c.png)", "!\\[x](http://a.b/c.png)"),
        ("[x](javascript:alert(1)) [y](//a.b)", "[x]\\(javascript:alert(1)) [y]\\(//a.b)"),
        ("[x](https://a.b/c_(d))", "[x](https://a.b/c_(d))"),
        ("[a [b", "\\[a \\[b"),
        ("[r]: http://a.b", "[r]\\: http://a.b"),
        ("http://a.b<c> http://a.b。后", "http://a.b<!---->\\<c> http://a.b\ufeff。后"),
        ("`vector<int>` `a_b`", "<code>vector&#60;int&#62;</code> `a_b`"),
        ("`vector<int>` `ab`", "`vector<int>` `ab`"),
        ("a ` b", "a \\` b"),
        ("$5 and $7", "$5 and $7"),
        ("\\(a\\) \\(b", "\u2063\\(a\\)\u2063 \\\\(b"),
        ("```cpp\nx\n```", "```c\nx\n```"),
        ("```C++ title\nx", "```c\nx\n```"),
        ("``` constructor\nx", "```text\nx\n```"),
        ("~~~\na ```` b\n~~~", "`````\na ```` b\n`````"),
        ("    x\n      y", "```\nx\n  y\n```"),
    ],
)
def test_examples(raw: str, shown: str) -> None:
    assert display_copy(raw) == shown


@pytest.mark.parametrize(
    "raw", ["# x", "**a**", "$$a$$", "\\(a\\)", "<|im_end|>", "- a", "12. a", "&lt;", "http://a_b", "a|b\n-|-", "---"]
)
def test_what_was_typed_reads_back_without_its_backslashes(raw: str) -> None:
    assert re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", plain_copy(raw)) == raw


def test_spaces_that_were_typed_outlive_gradio() -> None:
    shown = inspect.cleandoc(plain_copy("  a  b\n\n    c"))
    assert html.unescape(shown).split("\n") == ["\u00a0\u00a0a \u00a0b", "\ufeff", "\u00a0\u00a0\u00a0\u00a0c"]


@pytest.mark.parametrize(
    "raw", ["1. a\n   - b", "```py\n    x\n    y", "\n\n    x\n  y", "　　首先\n　　其次", "  - a\n    - b"]
)
def test_gradio_finds_no_margin_to_cut(raw: str) -> None:
    copy = display_copy(raw)
    assert inspect.cleandoc(copy) == copy


def test_indentation_in_a_fence_under_a_list_item_is_kept() -> None:
    copy = display_copy("1. a\n\n   ```py\n   def f():\n       x\n\n       y\n   ```\n\n2. b")
    assert "   def f():\n       x\n\n       y\n   ```" in copy


@pytest.mark.parametrize(
    ("raw", "formulas"),
    [
        ("面积是 $x^2$，价格 $5 和 $7。", ["x^2"]),
        ("$a$ and $b+c$", ["a", "b+c"]),
        ("It costs $20,000 and $30,000.", []),
        ("US$5-$7, $5 $", []),
        ("costs $5 and $7, 25$", []),
        ("echo $HOME and $PATH", []),
        ("价格$ABC公司，代码$XYZ", []),
        (r"$\text{面积}=x$", [r"\text{面积}=x"]),
        ("`$x$` and $y$", ["y"]),
        ("$a `b$`", []),
        ("$a\nb$", []),
        (r"\$5$", []),
        ("$x", []),
    ],
)
def test_dollars_around_a_formula_and_around_prices(raw: str, formulas: list[str]) -> None:
    assert re.findall("\u2063\\\\\\((.*?)\\\\\\)\u2063", display_copy(raw)) == formulas


def test_a_break_in_a_table_cell_is_a_break_and_elsewhere_text() -> None:
    assert display_copy("| a<br>b<br/>c |\n|-|\n| <br />d |") == "| a<br>b<br>c |\n|-|\n| <br>d |"
    assert display_copy("Write <br> here") == r"Write \<br> here"


@given(hostile)
def test_prose_and_code_lose_no_letter(raw: str) -> None:
    raw = re.sub("~{3,}|`{3,}", "", raw)  # the language of a fence may change
    raw = raw.replace("&", "+") if "`" in raw else raw  # in code an entity is text
    assert shown_letters(display_copy(raw)) == letters(html.unescape(raw))
    assert letters(re.sub("&nbsp;", "", plain_copy(raw))) == letters(raw)


@given(hostile)
def test_no_tag_image_or_definition_is_left_outside_code(raw: str) -> None:
    copy = display_copy(re.sub("[`~]|\t|    ", "", raw))
    copy = re.sub(r"\u2063.*?\u2063", " ", copy, flags=re.DOTALL)  # formulas are KaTeX's, which trusts nothing
    bare = re.sub(r"\\[!-/:-@\[-`{-~]|<!--[\s-]*-->|<https?://[^\s<>]*>|(?m:(?<=^\|).*<br>)", " ", copy)
    assert not re.search(r"<[A-Za-z/!?]|!\[|\]:|\]\((?!https?://)", bare)
    assert not re.search(r"(?<!\\)[<>`*]|(?<!\\)\]", plain_copy(raw).replace("\\\\", ""))


@given(hostile)
@settings(max_examples=50)
def test_every_beginning_can_be_shown(raw: str) -> None:
    for end in range(len(raw) + 1):
        for copy in (display_copy, plain_copy):
            inspect.cleandoc(copy(raw[:end])).encode()


@given(hostile)
def test_formulas_are_paired(raw: str) -> None:
    inside = display_copy(raw).split("\u2063")
    assert len(inside) % 2 == 1
    for formula in inside[1::2]:
        assert (formula[:2], formula[-2:]) in {("$$", "$$"), ("\\[", "\\]"), ("\\(", "\\)")}
    assert all("\u2063" in str(delimiter["left"]) for delimiter in LATEX_DELIMITERS)


@pytest.mark.parametrize("copy", [display_copy, plain_copy])
@pytest.mark.parametrize(
    "piece",
    [
        *[
            "`",
            "` ",
            "`` ` ",
            "<",
            "<a",
            "<*",
            "*",
            "** ",
            "(",
            "\\(",
            "\\[",
            "$$ ",
            "~",
            "~a",
            "[",
            "](",
            "](http://a(",
            "\\",
        ],
        *[
            "> ",
            "- ",
            "1. ",
            " ",
            "\t",
            "\n",
            "```\n",
            "> ```\n",
            "    a\n\n",
            "- `a` **b：**c\n",
            "http://",
            '](http://a "',
        ],
    ],
)
def test_time_grows_with_the_length_only(copy: Callable[[str], str], piece: str) -> None:
    raw = (piece * 200_000)[:200_000]
    start = time.process_time()
    copy(raw + "x")
    assert time.process_time() - start < 1.0  # takes 0.1 s; anything quadratic takes minutes


def test_many_lengths_of_backticks_take_no_longer() -> None:
    start = time.process_time()
    display_copy("a " + " ".join("`" * length for length in range(1, 632)))
    display_copy("> " * 50_000 + "```\n" + "> " * 50_000)
    display_copy("\\(" * 100_000 + "\\)")
    assert time.process_time() - start < 2.0
