"""What a Chatbot of the installed gradio really shows of display copies: one page with an answer for each case."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr
import pytest
from playwright.sync_api import Browser

from ui.display import LATEX_DELIMITERS, display_copy, plain_copy

from .conftest import NewPage, Tab

EVIL = "evil.invalid"
MARKUP = [
    "<test>",
    "vector<int>",
    "#include <iostream>",
    "<script>alert(1)</script>",
    f'<form action="http://{EVIL}/">x</form>',
    f"<img src=http://{EVIL}/p.png onerror=alert(1)>",
    f'<iframe src="http://{EVIL}/"></iframe>',
    "<style>body{display:none}</style>",
    '<a href="javascript:alert(1)">x</a>',
    "<svg onload=alert(1)>",
    "<!-- remark -->",
    "<details><summary>s</summary>t</details>",
    "<think>reasoning</think>",
]
IMG = f"<img src=http://{EVIL}/t.png>"
# Where the browser sees code to end, or an escape to be part of an address, other than one would think.
TRICKS = [
    f"~`{IMG}`",
    f"~~a `b~~ {IMG}`",
    f"**x `` ** {IMG} ``",
    f"[x `` ](http://{EVIL}/) {IMG} ``",
    f"http://{EVIL}/`{IMG}`",
    f"\\www.a.b~~~{IMG}",
    f"www.a.b*{IMG}",
    f'[x](http://{EVIL}/ "t `u") ` p `{IMG}`',
    f"| `a | {IMG}` |\n|---|---|\n| `b | `{IMG}` |",
    f"`a | http://{EVIL}/`{IMG}`b` |\n|---|---|",
    f"[a\n```\n]: http://{EVIL}/\n{IMG}\n```",
    f"text\n     ```\n{IMG}\n     ```",
    f"- a\n\n      ```\n      {IMG}\n      ```~~~\n      {IMG}",
    f"$$ a\n\n```\n{IMG}\n``` $$ {IMG}",
    f"<\\!-- {IMG} <pre>\n\n`{IMG}`",
    f'[x]: http://{EVIL}/ "title\n\n```\n" \n{IMG}\n```',
]
IMAGES = [
    f"![x](http://{EVIL}/p.png)",
    f"![](//{EVIL}/p.png)",
    "![d](data:image/png;base64,AAAA)",
    f"![y][r] and\n\n[r]: http://{EVIL}/q.png",
]
INFO_STRINGS = """
    c cpp c++ C++ CPP hpp cc py python js javascript ts tsx html xml svg vue css json yaml sql java kotlin swift go rust
    ruby php lua r bash sh powershell diff text plaintext mermaid latex math katex markdown dockerfile constructor
    toString __proto__ hasOwnProperty 中文 代码 c# a"b a'b <b> {.py} 1
""".split()  # noqa: SIM905
CODE = 'if (a<b && c) { return "s"; }'
STORY = "这是 **重点：**后面 \\( f \\) 与 \\([a,b]\\)，然后 `a<b` 和 $5。\n\n```cpp\nint <x>;\n```\n\n完"
TYPED = ["<test>", "vector<int>", "# x", "**a**", "$$x$$ \\(a\\)", "<think>t</think>", "<|im_end|>", "- a\n1. b\n---"]
TYPED += [
    "`c` ~~d~~ [e](http://f.g)",
    "&lt; &amp;",
    "```py\nx\n```",
    "a|b\n-|-\n1|2",
    f"![a](http://{EVIL}/u.png)",
    "> q",
]

ANSWERS = {
    "quotes": "**“中文”**后面",
    "colon": "**重点：**后面",
    "before": "前面**“中文”**。",
    "formula in bold": "**结果是\\(x\\)**后面",
    "compared": "**a<b** 且 **c>d**",
    "ranges": "1~3 和 4~5",
    "deleted": "~~x~~",
    "money": "costs $5 and $7, 25$",
    "inline": "\\(a^2\\)",
    "brackets": "\\[x\\]",
    "dollars": "$$y$$",
    "unclosed": "open \\( f and \\[ g and $$ h",
    "matrix": "$$\\begin{matrix}1 & 2\\\\\n3 & 4\\end{matrix}$$",
    "shell": "```bash\necho $$ '\\(a\\)'\nkill $$\n```\nand `\\(` with `\\)`",
    "placeholder": "%%%LATEX_BLOCK_7%%%",
    "links": f"[a](javascript:alert(1)) [b](data:text/html,x) [c](https://{EVIL}/d_(e)) <http://{EVIL}/f>",
    "sentence": f"见https://{EVIL}/a_b。后面",
    "python": "```python\n    def f():\n        return 1",
    "indented": "    def f():\n\n        return 1\n\nafter",
    "tabs": "```\n\tone\n\t\ttwo\n```",
    "under a list item": "1. a\n   ```py\n   def f():\n       x\n   ```\n2. b",
    "under a bullet": "- ```html\n  <b>x</b>\n  ```\n- c",
    "in a quote": "> ```html\n> <b>\n>   x\n> ```\n> after",
    "tildes": "~~~py\nx = 1\n~~~",
    "nested fences": "````markdown\n```py\nx\n```\n````",
    "backticks": "``a ` b``",
    "sub-list": "1. a\n   - b\n   - c",
    "page": "# H\n\n| a | b |\n|---|---|\n| **c：**d | `e` |\n\n> q\n\n1. f\n2. g",
    "emoji": "👨‍👩‍👧 🇨🇳 مرحبا \ufffd " + "长" * 300 + " " + "x" * 500,
} | {f"image {number}": raw for number, raw in enumerate(IMAGES)}
for number, raw in enumerate(MARKUP):
    ANSWERS |= {
        f"prose {number}": raw,
        f"span {number}": f"a `{raw}` b",
        f"spans {number}": f"a `{raw}` b_c `d_e`",
        f"fence {number}": f"```html\n{raw}\n```",
    }
ANSWERS |= {f"trick {number}": raw for number, raw in enumerate(TRICKS)}
ANSWERS |= {f"info {info}": f"```{info}\n{CODE}\n```" for info in INFO_STRINGS}


def rows(answers: list[str], typed: list[str]) -> list[dict[str, str]]:
    copies = [{"role": "assistant", "content": display_copy(raw)} for raw in answers]
    return copies + [{"role": "user", "content": plain_copy(raw)} for raw in typed]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A page with all answers at once, and a button that streams one of them character by character."""
    with gr.Blocks(analytics_enabled=False) as demo:
        common: dict[str, Any] = {"allow_tags": True, "latex_delimiters": LATEX_DELIMITERS, "reasoning_tags": []}
        gr.Chatbot(rows([*ANSWERS.values()], TYPED), elem_id="all", height=3000, **common)
        streamed = gr.Chatbot(elem_id="streamed", height=600, **common)

        def stream() -> Iterator[list[dict[str, str]]]:
            for end in range(1, len(STORY) + 1):
                yield rows([STORY[:end]], [])

        gr.Button("stream", elem_id="stream").click(stream, None, streamed)
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    yield url
    demo.close(verbose=False)


@dataclass(frozen=True)
class Shown:
    """What became of one message."""

    text: str
    bold: list[str]
    code: list[str]
    tags: set[str]
    links: list[str | None]
    formulas: int


_LOOK = """messages => messages.map(message => ({
    text: message.innerText.trim(),
    bold: [...message.querySelectorAll('strong')].map(e => e.textContent),
    code: [...message.querySelectorAll('code')].map(e => e.textContent),
    tags: [...message.querySelectorAll('.md *')]
        .filter(e => !e.closest('.katex, .copy_code_button')).map(e => e.localName),
    links: [...message.querySelectorAll('a')].map(e => e.getAttribute('href')),
    formulas: message.querySelectorAll('.katex').length,
}))"""


def look(tab: Tab, chatbot: str, role: str) -> list[Shown]:
    seen = tab.page.eval_on_selector_all(f"#{chatbot} [data-testid={role}]", _LOOK)
    return [Shown(**(message | {"tags": set(message["tags"])})) for message in seen]


@pytest.fixture(scope="module")
def tab(browser: Browser, address: str) -> Iterator[Tab]:
    context = browser.new_context(locale="zh-CN")
    tab = Tab(context.new_page())
    tab.page.goto(address)
    tab.page.wait_for_function(f"document.querySelectorAll('#all .md').length == {len(ANSWERS) + len(TYPED)}")
    tab.page.wait_for_selector("#all .katex")
    tab.page.wait_for_function("[...document.querySelectorAll('#all .md')].every(e => e.innerText.trim())")
    yield tab
    context.close()


@pytest.fixture(scope="module")
def answers(tab: Tab) -> dict[str, Shown]:
    return dict(zip(ANSWERS, look(tab, "all", "bot"), strict=True))


def test_nothing_runs_loads_or_fails(tab: Tab, answers: dict[str, Shown], address: str) -> None:
    assert not tab.dialogs and not tab.page_errors and not tab.console_errors
    assert {host.split(":")[0] for host in tab.hosts} == {"127.0.0.1"}
    rendered = {"div", "span", "p", "br", "strong", "del", "code", "pre", "button", "a", "h1", "blockquote"}
    rendered |= {"ol", "ul", "li", "table", "thead", "tbody", "tr", "th", "td"}
    assert set.union(*(shown.tags for shown in answers.values())) <= rendered


def test_markup_is_readable_text(answers: dict[str, Shown]) -> None:
    for number, raw in enumerate(MARKUP):
        assert answers[f"prose {number}"].text == raw
        assert answers[f"span {number}"].code == [raw]
        assert answers[f"spans {number}"].code == [raw, "d_e"]
        assert answers[f"fence {number}"].code == [raw + "\n"]
    for number, raw in enumerate(IMAGES):
        assert answers[f"image {number}"].text == raw


def test_every_info_string_shows_its_code(answers: dict[str, Shown]) -> None:
    broken = [info for info in INFO_STRINGS if answers[f"info {info}"].code != [CODE + "\n"]]
    assert not broken


def test_bold_next_to_chinese_and_no_accidental_strike(answers: dict[str, Shown]) -> None:
    assert answers["quotes"].bold == answers["before"].bold == ["“中文”"]
    assert answers["colon"].bold == ["重点："] and answers["colon"].text.replace("\ufeff", "") == "重点：后面"
    assert len(answers["formula in bold"].bold) == 1 and answers["formula in bold"].formulas == 1
    assert answers["compared"].bold == ["a<b", "c>d"]
    assert "del" not in answers["ranges"].tags and "del" in answers["deleted"].tags


def test_formulas_and_money(answers: dict[str, Shown]) -> None:
    counts = {name: shown.formulas for name, shown in answers.items() if shown.formulas}
    assert counts == dict.fromkeys(["formula in bold", "inline", "brackets", "dollars", "matrix"], 1)
    for name in ("money", "unclosed", "ranges"):
        assert answers[name].text == ANSWERS[name]
    assert answers["placeholder"].text.replace("\u2060", "") == ANSWERS["placeholder"]
    assert answers["shell"].code == ["echo $$ '\\(a\\)'\nkill $$\n", "\\(", "\\)"]


def test_links_lead_to_http_only(answers: dict[str, Shown]) -> None:
    assert answers["links"].links == [f"https://{EVIL}/d_(e)", f"http://{EVIL}/f"]
    assert "[a](javascript:alert(1)) [b](data:text/html,x) c" in answers["links"].text
    assert answers["sentence"].links == [f"https://{EVIL}/a_b"]


def test_code_blocks_keep_their_shape(answers: dict[str, Shown]) -> None:
    assert answers["python"].code == ["    def f():\n        return 1\n"]
    assert answers["indented"].code == ["def f():\n\n    return 1\n"]
    assert answers["tabs"].code == ["    one\n        two\n"]
    assert answers["under a list item"].code == ["def f():\n    x\n"]
    assert answers["under a bullet"].code == ["<b>x</b>\n"]
    assert answers["in a quote"].code == ["<b>\n  x\n"]
    assert answers["tildes"].code == ["x = 1\n"]
    assert answers["nested fences"].code == ["```py\nx\n```\n"]
    assert answers["backticks"].code == ["a ` b"]


def test_the_rest_renders_as_usual(answers: dict[str, Shown], tab: Tab) -> None:
    assert {"h1", "table", "strong", "blockquote", "ol", "code"} <= answers["page"].tags
    assert answers["page"].bold == ["c："]
    assert {"ol", "ul"} <= answers["sub-list"].tags
    assert answers["emoji"].text == ANSWERS["emoji"]


def test_what_a_person_typed_shows_as_typed(tab: Tab) -> None:
    shown = look(tab, "all", "user")
    assert [message.text for message in shown] == TYPED
    assert set.union(*(message.tags for message in shown)) <= {"p", "br"}
    assert not any(message.formulas for message in shown)


def test_a_stream_ends_right(tab: Tab) -> None:
    tab.page.click("#stream")
    tab.page.wait_for_function("document.querySelector('#streamed')?.innerText.trim().endsWith('完')")
    (shown,) = look(tab, "streamed", "bot")
    assert (shown.formulas, shown.bold, shown.code) == (2, ["重点："], ["a<b", "int <x>;\n"])
    assert "$5" in shown.text and not tab.page_errors


def test_a_narrow_dark_page_does_not_scroll_sideways(new_page: NewPage, address: str) -> None:
    tab = new_page(address, locale="zh-CN", viewport=(390, 844), color_scheme="dark")
    tab.page.wait_for_selector("#all .katex")
    assert tab.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert not tab.page_errors and not tab.dialogs
