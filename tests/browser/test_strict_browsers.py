"""Browsers that translate a page, write from right to left, or block storage, and tables as models write them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from served_app import ServedApp, text_steps

from tests.browser.conftest import NewPage, OpenPage
from tests.browser.hands import answer, ask_for_vote, choose_mode, wait_ready
from tests.browser.test_rate import recorded

STORY = "Roses are red, **violets** are blue.\n\nSugar is sweet, and so are you: the end"
ARABIC = (
    "مرحبا! كيف حالك؟ هذا نص (123) للاختبار.\n\n- نقطة أولى.\n- نقطة ثانية.\n\n```\nprint(1)\n```\n\nEnglish again."
)
TABLE = '| a | b |\n|-|-|\n| one<br>two<br/>three<br />four | H<sub>2</sub>O <br class="x"> |\n\nout<br>side'
# What the translators of Edge and Chrome do to each text.
TRANSLATE = """() => {
  const wrap = () => {
    const pane = document.querySelector("#pane_a"), texts = [];
    const walker = document.createTreeWalker(pane, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) texts.push(walker.currentNode);
    for (const text of texts) {
      if (!text.data.trim() || text.parentNode.closest("font, [translate=no], .notranslate")) continue;
      window.translated = (window.translated ?? 0) + 1;
      const outer = document.createElement("font"), inner = document.createElement("font");
      text.replaceWith(outer);
      outer.append(inner);
      inner.append(text);
    }
  };
  window.translator = setInterval(wrap, 50);
}"""
NO_STORAGE = """for (const name of ["localStorage", "sessionStorage"])
  Object.defineProperty(window, name, { configurable: true, get() { throw new DOMException("", "SecurityError"); } });
"""


@pytest.fixture(scope="module")
def app(serve: Callable[..., ServedApp]) -> ServedApp:
    """Scripts that answer as the prompt says, and recorded pairs."""
    answers = [
        {"match": "story", "steps": text_steps(STORY, 0.02)},
        {"match": "table", "steps": [{"text": TABLE}]},
        {"match": "arabic", "steps": [{"text": ARABIC}]},
    ]
    english = {"match": "", "steps": [{"text": "An English answer (123)."}]}
    return serve({"answers": answers}, {"answers": [answers[0], english]}, answers=recorded(2))


def directions(page: Page, selector: str) -> list[str]:
    """How each of these is laid out, found by where its first letter stands."""
    found = page.eval_on_selector_all(
        selector,
        """elements => elements.map(element => {
          const range = document.createRange(), walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
          let text = walker.nextNode();
          while (text && !text.data.trim()) text = walker.nextNode();
          const start = text.data.search(/\\S/);
          range.setStart(text, start);
          range.setEnd(text, start + 1);
          const letter = range.getBoundingClientRect(), box = element.getBoundingClientRect();
          return letter.left - box.left > box.right - letter.right ? "rtl" : "ltr";
        })""",
    )
    return [str(direction) for direction in found]


def test_a_translator_changes_nothing_that_is_judged(open_page: OpenPage, app: ServedApp) -> None:
    page = open_page(app, "named")
    page.evaluate(TRANSLATE)
    ask_for_vote(page, "story")
    page.evaluate("clearInterval(window.translator)")
    assert answer(page, "a") == answer(page, "b") == STORY.replace("**", "")
    assert page.evaluate("window.translated ?? 0") == 0 and not page.locator(".pane font").count()
    for pane in ("#pane_a", "#pane_b"):
        assert page.locator(f".pane[translate=no].notranslate {pane}, {pane}.pane[translate=no].notranslate").count()


def test_text_from_right_to_left_stands_right_and_code_left(open_page: OpenPage, app: ServedApp) -> None:
    page = open_page(app, "named")
    ask_for_vote(page, "arabic")
    bubble = "#pane_a [data-testid=bot] "
    assert directions(page, f"{bubble}p") == ["rtl", "ltr"]
    assert directions(page, f"{bubble}li") == ["rtl", "rtl"]
    marks = "lists => lists.map(list => getComputedStyle(list).direction)"  # on the side where the text begins
    assert page.eval_on_selector_all(f"{bubble}ul", marks) == ["rtl"]
    assert directions(page, f"{bubble}pre code") == ["ltr"]
    assert directions(page, "#pane_b [data-testid=bot] p") == ["ltr"]


def test_a_break_in_a_table_cell_is_a_line_and_every_other_tag_is_text(open_page: OpenPage, app: ServedApp) -> None:
    page = open_page(app, "named")
    ask_for_vote(page, "table")
    cells = page.locator("#pane_a [data-testid=bot] td")
    assert cells.nth(0).inner_text() == "one\ntwo\nthree\nfour"
    assert cells.nth(1).inner_text().strip() == 'H<sub>2</sub>O <br class="x">'
    assert "out<br>side" in answer(page, "a")


@pytest.mark.parametrize("framed", [False, True], ids=["alone", "in the frame of a hub"])
def test_without_storage_the_page_says_so_and_takes_questions_but_no_votes(
    new_page: NewPage, app: ServedApp, framed: bool
) -> None:
    tab = new_page("about:blank")
    tab.page.add_init_script(NO_STORAGE)
    if framed:
        tab.page.context.grant_permissions(["local-network-access"])
    hub = "https://huggingface.co/spaces/x/y"
    frame = f'<iframe src="{app.url}" width="1200" height="760" id="app"></iframe>'
    tab.page.route(hub, lambda route: route.fulfill(body=frame, content_type="text/html"))
    for _ in range(2):  # also after a reload
        tab.page.goto(hub if framed else app.url)
        if framed:
            tab.page.wait_for_selector("#app")
        page = tab.page.frames[-1]
        page.wait_for_selector("#phase", state="attached")
        expect(page.locator("#storage_banner")).to_contain_text("This browser blocks storage")
        assert page.locator("#storage_banner a").get_attribute("target") == "_blank"
        page.click("#judge_begin")
        expect(page.locator("body")).to_contain_text("votes cannot be counted as yours")
        page.locator("#mode input[value=named]").check()
        page.wait_for_selector("#phase[data-mode=named]", state="attached")
        page.fill("#prompt textarea", "arabic")
        page.press("#prompt textarea", "Enter")
        expect(page.locator("#pane_b [data-testid=bot]").last).to_contain_text("An English answer (123).")
    assert not tab.page_errors and not app.rows()


def test_with_storage_the_banner_is_not_shown(open_page: OpenPage, app: ServedApp) -> None:
    page = open_page(app)
    wait_ready(page)
    choose_mode(page, "rate")
    expect(page.locator("#storage_banner")).to_be_hidden()
