"""The prompts tab: edits are a draft until they are saved, and every check is on the server."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from arena.events import EventLog, NoEvents
from arena.judging.limits import Admin, RateLimits
from arena.prompts import Prompt, PromptStore, Reference, load_prompts
from ui.access import Access
from ui.components import Labels
from ui.gradio.compat import Block, make_blocks
from ui.prompts import PromptsHandlers, PromptsTab
from ui.tabs import Tab

REQUEST: Any = SimpleNamespace(headers={}, client=SimpleNamespace(host="1.2.3.4"))
ONE = Prompt("q1", "reasoning", {"zh": "一", "en": "One <b>"}, "Why <i>?", ("And\nthen?",), "", Reference(text="So."))
TWO = Prompt("q2", "reasoning", {"zh": "二", "en": "Two"}, "Who?")
THREE = Prompt("q3", "safety", {"zh": "三", "en": "Three"}, "Where?\r\nWhen?")


class Page:
    """A host's page: what is in its form, and what is shown."""

    def __init__(self, prompts: PromptStore, lang: str = "en", admin: bool = True) -> None:
        with make_blocks(), gr.Tab() as place:
            self.part = PromptsTab(Labels(), place)
        self.tab = Tab(None, lang, REQUEST, admin=admin, opened=True)  # type: ignore[arg-type]
        access = Access(judge=str, admin=Admin("correct horse", RateLimits()))
        tabs = SimpleNamespace(get=lambda request: self.tab)
        self.events = PromptsHandlers(access, tabs, None, self.part, prompts)  # type: ignore[arg-type]
        self.form: dict[Block, Any] = dict.fromkeys(self.part.form.values(), "")
        self.status = self.list = ""

    def type(self, **words: str) -> None:
        self.form |= {self.part.form[name]: box for name, box in words.items()}

    def words(self, name: str) -> str:
        return str(self.form[self.part.form[name]])

    def do(self, button: str, **more: Any) -> None:
        """Press a button; `more` as for a file."""
        own = {getattr(self.part, key): value for key, value in more.items()}
        is_edit = button in self.part.buttons
        handler = partial(self.events.press, button) if is_edit else getattr(self.events, button)
        self._show(self.answer(handler, {**self.form, **own}))

    def answer(self, handler: Callable[..., Any], *values: Any) -> Any:
        return self.events.answer(handler, REQUEST, {}, *values)

    def write(self) -> str:
        return str(self.answer(self.events.write, dict(self.form)))

    def choose(self, prompt_id: str) -> None:
        self._show(self.answer(self.events.choose, dict(self.form), prompt_id))

    def take(self, name: str, content: str | bytes, keep: bool = False) -> None:
        data = content if isinstance(content, bytes) else content.encode()
        self.do("take", name=name, content="data:;base64," + base64.b64encode(data).decode(), keep=keep)

    def _show(self, updates: dict[Block, Any]) -> None:
        self.form |= {box: updates[box] for box in self.form if box in updates}
        self.status, self.list = updates.get(self.part.status, ""), updates.get(self.part.list, self.list)


@pytest.fixture
def prompts(tmp_path: Path) -> PromptStore:
    return PromptStore((ONE, TWO, THREE), EventLog(tmp_path))


@pytest.fixture
def page(prompts: PromptStore) -> Page:
    return Page(prompts)


def test_a_prompt_is_shown_edited_and_saved(page: Page, prompts: PromptStore) -> None:
    page.choose("q1")
    assert (page.words("prompt"), page.words("zh"), page.words("en")) == ("Why <i>?", "一", "One <b>")
    assert (page.words("dimension"), page.words("answer")) == ("Reasoning", "So.")
    assert json.loads(page.words("rest")) == {"more": ["And\nthen?"]}
    page.type(prompt="Why not?", dimension="知识")
    page.choose("q2")
    assert "1 changed" in page.status and "edited" in page.list and tuple(prompts) == (ONE, TWO, THREE)
    page.do("save")
    assert "Saved: 1 changed" in page.status and page.words("prompt") == "Who?"
    assert prompts[0] == replace(ONE, id="q1.v2", text="Why not?", dimension="knowledge")
    assert ONE.text in [prompt.text for prompt in prompts.known]
    page.do("save")
    assert "Nothing has changed" in page.status and prompts[0].id == "q1.v2"


def test_what_is_typed_is_saved_and_the_form_follows_the_new_id(page: Page, prompts: PromptStore) -> None:
    page.choose("q1")
    page.type(prompt="First")
    page.do("save")
    page.type(prompt="Second")
    page.do("save")
    assert [prompt.id for prompt in prompts] == ["q1.v3", "q2", "q3"] and prompts[0].text == "Second"


def test_a_new_prompt_needs_its_text_alone(page: Page, prompts: PromptStore) -> None:
    page.type(prompt="What is the capital of Austria, and what was it in the year 1700?")
    page.do("new")
    assert page.words("prompt") == "" and "new" in page.list
    page.type(prompt="二", en="The second", answer="Two", rest='{"reference": {"must": ["2"]}}')
    page.do("save")
    first, second = prompts[3], prompts[4]
    assert first.title["zh"] == first.title["en"] == "What is the capital of Austria, and…"
    assert second.title == {"zh": "The second", "en": "The second"}
    assert second.reference == Reference(must=(("2",),), text="Two")


def test_nothing_that_was_not_touched_changes(page: Page, prompts: PromptStore) -> None:
    for prompt_id in ("q1", "q2", "q3", ""):
        page.choose(prompt_id)
    assert page.status == ""
    # A browser gives line feeds back.
    page.choose("q3")
    assert page.words("prompt") == "Where?\nWhen?"
    page.type(zh="新")
    page.do("save")
    assert prompts[2] == replace(THREE, title={"zh": "新", "en": "Three"})


def test_prompts_are_moved_removed_and_taken_back(page: Page, prompts: PromptStore) -> None:
    page.choose("q1")
    page.do("down")
    assert "order changed" in page.status
    page.do("up")
    assert page.status == ""
    page.do("remove")
    assert "1 removed" in page.status and page.words("prompt") == ""
    page.do("discard")
    assert page.status == "" and "q1" in page.list
    page.choose("q2")
    page.do("remove")
    page.do("save")
    page.do("restore")
    assert "1 added" in page.status and tuple(prompts) == (ONE, THREE)
    page.do("save")
    assert tuple(prompts) == (ONE, TWO, THREE) and prompts.saved_at == 0


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"prompt": " "}, "The prompt is empty"),
        ({"rest": '{"more":\n,}'}, "line 2 of the JSON is not valid"),
        ({"rest": "[]"}, "category, more, reference, and no others"),
        ({"rest": '{"refrence": {}}'}, "category, more, reference, and no others"),
        ({"rest": '{"reference": {"must": "x"}}'}, "must needs a list"),
        ({"rest": '{"reference": "x"}', "answer": "y"}, "mistake"),
        ({"dimension": "x" * 41}, "at most 40 characters"),
    ],
)
def test_a_mistake_in_the_form_is_said_and_stays_there(
    page: Page, prompts: PromptStore, typed: dict[str, str], words: str
) -> None:
    page.choose("q1")
    page.type(**typed)
    before = dict(page.form)
    for name in ("save", "new", "up"):
        page.do(name)
        assert words in page.status and page.form == before
    page.choose("q2")
    assert words in page.status and page.form == before and tuple(prompts) == (ONE, TWO, THREE)


def test_the_second_of_two_hosts_loses_nothing(page: Page, prompts: PromptStore) -> None:
    other = Page(prompts)
    for host, text in ((page, "First"), (other, "Second")):
        host.choose("q1")
        host.type(prompt=text)
    page.do("save")
    other.do("save")
    assert "Somebody else has saved" in other.status
    assert [prompt.text for prompt in prompts] == ["First", "Who?", THREE.text]
    other.do("save")
    assert {prompt.id: prompt.text for prompt in prompts} == {
        "q1.v3": "Second",
        "q2": "Who?",
        "q3": THREE.text,
        "q1.v2": "First",
    }


def test_who_has_edited_nothing_sees_what_another_host_has_saved(page: Page, prompts: PromptStore) -> None:
    other = Page(prompts)
    other.do("refresh")
    page.choose("q1")
    page.type(prompt="First")
    page.do("save")
    other.choose("q1")
    other.do("refresh")
    assert "First" in other.list and other.words("prompt") == ""
    other.type(prompt="Mine")
    other.do("refresh")
    assert other.words("prompt") == "Mine"


# ---- files


def test_a_file_takes_the_place_of_the_set_or_adds_to_it(page: Page, prompts: PromptStore) -> None:
    table = "id,prompt,dimension\nq1,Why?,knowledge\nq9,Nine?,\n"
    page.take("my set.csv", table)
    assert "1 added, 1 changed, 2 removed" in page.status.replace(" and ", ", ")
    page.do("discard")
    page.take("my set.csv", table, keep=True)
    assert "2 added" in page.status and "removed" not in page.status
    page.do("save")
    assert [(prompt.id, prompt.text) for prompt in prompts][3:] == [("p4", "Why?"), ("q9", "Nine?")]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("x.csv", "prompt,id\nWhy?,a\nWho?\n", "x.csv has a mistake in line 3 (entry 2): it has more or fewer cells"),
        ("<img>.json", '[{"id": "<img src=x onerror=alert(1)>"}]', "&lt;img&gt;.json has a mistake in line 1"),
        ("x.jsonl", b"\xff", "not UTF-8"),
        ("x.jsonl", "\n", "no list of prompts"),
        ("x.json", "x" * 1_000_001, "1000 KB"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(page: Page, name: str, content: str | bytes, words: str) -> None:
    page.type(prompt="Typed")
    page.take(name, content)
    assert words in page.status and "<img" not in page.status
    assert page.words("prompt") == "Typed" and "Where?" in page.list


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("x.csv", "prompt,id\nWhy?,a\nWho?\n", "x.csv 有错误：第 3 行（第 2 题）单元格数与列数不一致"),
        ("x.jsonl", "{}\n", "第 1 行（第 1 题）id 和 prompt 应为文字"),
        ("x.jsonl", '{"prompt": "a"}\n{', "第 2 行不是有效的 JSON"),
        ("x.json", "[\n{", "第 2 行不是有效的 JSON"),
        ("x.json", '[{"id": "a"}]', "必须有 dimension, id, prompt, title，还可以有 category, more, reference"),
        ("x.csv", "prompt,id\na,1\nb,1\n", "第 3 行（第 2 题）与第 2 行的 id 重复：&#x27;1&#x27;"),
        ("x.csv", "prompt,languages\na,Klingon\n", "reference 的 languages 应为 Chinese"),
        (
            "x.csv",
            f"prompt,dimension\na,{'x' * 41}\n",
            "multilingual，或不超过 40 个字",
        ),
        ("x.csv", "question\na\n", "没有名为 prompt 的列"),
        ("x.csv", "你".encode("gbk"), "另存为 UTF-8"),
    ],
)
def test_in_chinese_too_a_wrong_file_is_refused_with_its_line(
    prompts: PromptStore, name: str, content: str | bytes, words: str
) -> None:
    page = Page(prompts, "zh")
    page.take(name, content)
    assert words in page.status


def test_no_file_was_chosen(page: Page) -> None:
    page.type(prompt="Typed")
    page.do("take", name="", content="", keep=False)
    assert page.words("prompt") == "Typed" and page.tab.edits is None


def test_the_downloaded_file_holds_what_is_there_and_can_be_read(page: Page) -> None:
    page.choose("q2")
    page.type(prompt="Edited")
    path = Path(page.write())
    assert path.name == "prompts.jsonl"
    assert load_prompts(path) == (ONE, replace(TWO, text="Edited"), THREE)


def test_a_form_with_a_mistake_is_not_left_out_of_the_downloaded_file(page: Page) -> None:
    page.choose("q2")
    page.type(rest="{no JSON")
    with pytest.raises(gr.Error, match="line 1 of the JSON is not valid"):
        page.write()


# ---- what is shown, and to whom


def test_hostile_prompts_are_quoted(page: Page) -> None:
    page.choose("q1")
    assert "One &lt;b&gt;" in page.list and "Why &lt;i&gt;?" in page.list
    page.take("x.jsonl", json.dumps({"id": '"><img src=x>', "prompt": "a", "dimension": "<img src=x>"}))
    assert "<img" not in page.list and "&lt;img" in page.list


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_page_says_which_set_is_in_use(prompts: PromptStore, tmp_path: Path, lang: str) -> None:
    page = Page(prompts, lang)
    part = page.part

    def source() -> str:
        return str(page.events.render(page.tab)[part.source]["value"])

    assert ("自带的题库" if lang == "zh" else "the set that comes with the project") in source()
    page.type(prompt="新")
    page.do("save")
    assert "UTC" in source()
    named = Page(PromptStore((ONE,), NoEvents(), named=True), lang)
    assert "--prompts" in named.events.render(named.tab)[named.part.source]["value"]


def test_nobody_but_the_host_sees_or_does_anything(prompts: PromptStore) -> None:
    page = Page(prompts, admin=False)
    shown = page.events.render(page.tab)
    assert [shown[part]["value"] for part in (page.part.list, page.part.source, page.part.status)] == ["", "", ""]
    page.type(prompt="Mine")
    calls: list[Callable[[], object]] = [
        lambda: page.choose("q1"),
        lambda: page.take("x.csv", "prompt\nWhy?\n"),
        lambda: page.write(),
        *(lambda name=name: page.do(name) for name in ("new", "up", "down", "save")),  # type: ignore[misc]
        *(lambda name=name: page.do(name) for name in ("remove", "discard", "restore")),  # type: ignore[misc]
    ]
    for call in calls:
        with pytest.raises(gr.Error, match="token"):
            call()
    page.do("refresh")
    assert (page.list, page.status, tuple(prompts)) == ("", "", (ONE, TWO, THREE))


def test_a_folder_that_cannot_be_written_is_told(page: Page) -> None:
    page = Page(PromptStore((ONE,), NoEvents()))
    page.choose("q1")
    page.type(prompt="New")
    page.do("save")
    assert "NOT saved" in page.status and page.words("prompt") == "New" and page.tab.edits.prompts["q1"].text == "New"


def test_each_of_several_quick_clicks_moves_the_prompt(page: Page) -> None:
    with make_blocks() as demo, gr.Tab() as place:
        part = PromptsTab(Labels(), place)
        replace(page.events, browser=gr.BrowserState(), part=part).wire(demo)
    modes = {target[0]: function.trigger_mode for function in demo.fns.values() for target in function.targets}
    assert {name: modes[button._id] for name, button in part.buttons.items()} == {
        **dict.fromkeys(part.buttons, "once"),
        "up": "multiple",
        "down": "multiple",
    }
