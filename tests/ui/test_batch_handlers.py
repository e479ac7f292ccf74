"""The batch tab's and the report tab's handlers, called as a forged request could call them."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from gradio.blocks import Block
from pressing import press

from arena.batch.plan import CellState, CellView, Progress
from arena.batch.run import BatchState
from arena.errors import ErrorInfo, InputError
from arena.judging.limits import Admin, RateLimits
from arena.prompts import Prompt
from arena.report.reports import Reports
from arena.results.service import ResultsService
from arena.types import Answer, ModelSpec, Usage
from arena.votes.store import VoteStore
from ui.access import Access
from ui.batch import BatchHandlers, BatchTab, grid_block, status_block
from ui.components import Labels
from ui.gradio.compat import make_blocks
from ui.report import ReportHandlers, ReportTab
from ui.tabs import Tab

TOKEN = "correct horse"
PROMPT = Prompt("q1", "", {"zh": "题一", "en": "Question <1>"}, "Why?")
DIRECT = SimpleNamespace(headers={"host": "127.0.0.1:7860"}, client=None)
THROUGH_A_PROXY = SimpleNamespace(headers={**DIRECT.headers, "x-forwarded-for": "1.2.3.4"}, client=None)
FIELDS = {"title": "My title", "school": "My school", "links": "https://x.org"}


def cell(state: CellState, **more: Any) -> CellView:
    model = ModelSpec("alpha", "Alpha", "", "", "", "")
    return CellView(SimpleNamespace(model=model, prompt=PROMPT, repeat=more.pop("repeat", 0)), state, **more)  # type: ignore[arg-type]


class RecordingRunner:
    """Keeps what was asked of it."""

    def __init__(self) -> None:
        self.asked: list[object] = []

    def start(self, *numbers: object) -> None:
        self.asked.append(numbers)

    def pause(self) -> None:
        self.asked.append("pause")

    def stop(self) -> None:
        self.asked.append("stop")

    def models(self) -> tuple[ModelSpec, ...]:
        return tuple(ModelSpec(name, name.title(), "", "", "", "") for name in ("alpha", "beta", "gamma"))

    def state(self, repeats: int, seed: int, models: Collection[str]) -> BatchState:
        if repeats < 1:
            raise InputError("batch_repeats", "Runs per prompt must be between 1 and 100.", limit=100)
        return BatchState(Progress((cell(CellState.WAITING),)))


@pytest.fixture
def served() -> Callable[..., SimpleNamespace]:
    def make(admin: bool = False, local: bool = True, request: Any = DIRECT) -> SimpleNamespace:
        access = Access(judge=str, admin=Admin(TOKEN, RateLimits()) if admin else None, is_local=local)
        tab, runner = Tab(None, "en", request, opened=True), RecordingRunner()  # type: ignore[arg-type]
        tabs = SimpleNamespace(get=lambda request: tab)
        with make_blocks() as demo, gr.Tab() as place:
            part, browser = BatchTab(Labels(), place), gr.BrowserState()
            events = BatchHandlers(access, tabs, browser, part, runner, (PROMPT,))  # type: ignore[arg-type]
            events.wire(demo)
        pressed = partial(press, demo, part, request=request)
        return SimpleNamespace(events=events, runner=runner, tab=tab, part=part, press=pressed)

    return make


@pytest.mark.parametrize(
    ("admin", "local", "request_"),
    [(True, True, DIRECT), (False, False, DIRECT), (False, True, THROUGH_A_PROXY), (True, False, THROUGH_A_PROXY)],
)
def test_who_may_not_keeps_no_machine_busy(
    served: Callable[..., SimpleNamespace], admin: bool, local: bool, request_: Any
) -> None:
    page = served(admin, local, request_)
    for button in ("start", "pause", "stop"):
        with pytest.raises(gr.Error, match="Admin token required"):
            page.press(button)
    assert page.runner.asked == []
    shown = page.events.render(page.tab)
    assert shown[page.part.grid]["value"] == "" and not shown[page.part.timer]["active"]


def test_on_ones_own_machine_no_token_is_needed(served: Callable[..., SimpleNamespace]) -> None:
    page = served()
    page.press("start", repeats=" ３ ", seed="7", retry=True, models=["beta"])
    page.press("pause")
    page.press("stop")
    assert page.runner.asked == [(3, 7, ["beta"], True), "pause", "stop"]
    shown = page.events.render(page.tab)
    assert shown[page.part.start]["interactive"] and shown[page.part.models]["visible"]
    assert shown[page.part.models]["choices"] == [("Alpha", "alpha"), ("Beta", "beta"), ("Gamma", "gamma")]


def test_numbers_that_are_none_are_said(served: Callable[..., SimpleNamespace]) -> None:
    page = served()
    for typed in ("", "x", "-1", "1.5", None, "9" * 30):
        shown = page.press("timer", event="tick", repeats=typed, seed="0")
        assert "between 1 and 100" in shown[page.part.status]


def test_a_hostile_file_of_answers_is_quoted_and_does_nothing(
    served: Callable[..., SimpleNamespace], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = served()

    def broken(*chosen: object) -> BatchState:
        raise InputError("answers_broken", "x has <img src=x onerror=alert(1)> in line 2.", path="x", what="has")

    monkeypatch.setattr(page.runner, "state", broken)
    value = page.events.render(page.tab)[page.part.status]["value"]
    assert "&lt;img" in value and "<img" not in value


def test_the_grid_tells_state_seconds_and_speed() -> None:
    usage = Usage(3, 11, 1.0, 3.0)
    entry = SimpleNamespace(side=SimpleNamespace(answer=Answer("x", usage=usage)))
    growing = Answer(usage=Usage(new_tokens=4, seconds=1.5))
    error = ErrorInfo("backend_failed", "no", {"reason": "<b>boom</b>"})
    progress = Progress(
        (
            cell(CellState.DONE, answers=(entry,)),
            cell(CellState.RUNNING, repeat=1, growing=growing),
            cell(CellState.FAILED, repeat=2, error=error),
            cell(CellState.WAITING, repeat=3),
        )
    )
    block = grid_block("en", progress, {"q1": PROMPT.title["en"]})
    for words in (
        "done · 3.0 s · 5.0 tokens/s",
        "answering · 1.5 s · 4 tokens",
        "not run",
        "Question &lt;1&gt; (run 2)",
    ):
        assert words in block
    assert "&lt;b&gt;boom" in block and "<b>boom" not in block
    assert "完成 · 3.0 秒 · 5.0 token/秒" in grid_block("zh", progress, {"q1": PROMPT.title["zh"]})
    status = status_block("en", BatchState(progress, running=True, ending=True, error=error))
    for words in (
        "1 of 4 done",
        "1 failed",
        "stopping",
        "model 1 of 1",
        "about 0:00:04 left",
        'value="2"',
        "&lt;b&gt;boom",
    ):
        assert words in status


# ---- reports


@pytest.fixture
def reporting(tmp_path: Path) -> Callable[..., SimpleNamespace]:
    def make(blind: bool = False, answers: bool = True, models: str = "ab") -> SimpleNamespace:
        lines = [
            {"prompt_id": "q1", "prompt": "Why?", "model": model, "response": "So.", "seconds": 2} for model in models
        ]
        if answers:
            text = "".join(json.dumps(line) + "\n" for line in lines)
            (tmp_path / "answers.jsonl").write_text(text, encoding="utf-8")

        rooms = SimpleNamespace(may_see_names=lambda judge: False, finished_open=lambda judge: None) if blind else None
        access = Access(judge=str, rooms=rooms, is_local=True)  # type: ignore[arg-type]

        with make_blocks() as demo, gr.Tab() as place:
            part, browser = ReportTab(Labels(), place), gr.BrowserState()

        def typed(**values: str) -> dict[Block, Any]:
            """What the page hands over: a box that nobody typed in holds None."""
            boxes = {**part.fields, "links": part.links, "a": part.pair[0], "b": part.pair[1]}
            return {box: values.get(name) for name, box in boxes.items()}

        tab = Tab(None, "en", DIRECT, opened=True)  # type: ignore[arg-type]
        tabs = SimpleNamespace(get=lambda request: tab)
        reports = Reports(ResultsService(VoteStore(tmp_path)), tmp_path, None, (PROMPT,), ())
        events = ReportHandlers(access, tabs, browser, part, reports)  # type: ignore[arg-type]
        with demo:
            events.wire(demo)

        def ask(handler: Callable[..., Any], request: Any = DIRECT, **values: str) -> Any:
            tab.request = request
            return events.answer(handler, request, {}, typed(**values))

        def write(kind: str, request: Any = DIRECT, **values: str) -> Path:
            return Path(ask(partial(events.write, kind), request, **values))

        look, offer = partial(ask, events.look), partial(press, demo, part, "tab", event="select")
        return SimpleNamespace(write=write, look=look, offer=offer, tab=tab, part=part)

    return make


def test_a_report_is_a_file_of_each_kind(reporting: Callable[..., SimpleNamespace]) -> None:
    page = reporting()
    html = page.write("html", **FIELDS)
    assert html.name == "report.html"
    for text in ("<title>My title</title>", "<dt>School</dt><dd>My school</dd>", 'href="https://x.org"'):
        assert text in html.read_text(encoding="utf-8")
    assert page.write("docx", **FIELDS).name == "report.docx"
    bundle = page.write("md", **FIELDS)
    assert bundle.name == "report.zip" and zipfile.ZipFile(bundle).namelist() == ["report.md"]


def test_a_report_tells_nobody_whose_answers_they_judge(reporting: Callable[..., SimpleNamespace]) -> None:
    page = reporting(blind=True)
    with pytest.raises(gr.Error, match="rated every pair"):
        page.write("html", **FIELDS)
    shown = page.look(**FIELDS)
    assert "rated every pair" in shown[page.part.note]
    page.tab.admin = True
    assert page.write("html", **FIELDS)


def test_of_more_models_the_host_chooses_two(reporting: Callable[..., SimpleNamespace]) -> None:
    def offered(page: SimpleNamespace, request: Any = DIRECT) -> tuple[bool, list[str]]:
        page.tab.request = request
        first, second = page.offer(request).values()
        assert first == second
        return first["visible"], [value for _, value in first["choices"]]

    page = reporting()
    assert offered(page) == (False, ["", "a", "b"])
    page = reporting(models="abc")
    assert offered(page) == (True, ["", "a", "b", "c"])
    assert offered(page, THROUGH_A_PROXY) == offered(reporting(models="abc", blind=True)) == (False, [""])
    html = page.write("html", a="c", b="a").read_text(encoding="utf-8")
    assert "<title>c and a: a comparison</title>" in html and "chosen by the author" in html
    for pair, words in ((("c", ""), "or neither"), (("c", "c"), "two different ones")):
        with pytest.raises(gr.Error, match=words):
            page.write("html", a=pair[0], b=pair[1])


def test_nobody_but_the_host_gets_a_report(reporting: Callable[..., SimpleNamespace]) -> None:
    page = reporting()
    with pytest.raises(gr.Error, match="Admin token required"):
        page.write("html", THROUGH_A_PROXY, **FIELDS)
    shown = page.look(THROUGH_A_PROXY, **FIELDS)
    assert "Admin token required" in shown[page.part.note] and shown[page.part.charts] == ""


def test_what_is_missing_is_said(reporting: Callable[..., SimpleNamespace]) -> None:
    page = reporting(answers=False)
    assert "answers by two models" in page.look()[page.part.note]
    page = reporting()
    for name in (*page.part.fields, "links"):
        with pytest.raises(gr.Error, match="300 characters"):
            page.write("md", **{name: "x" * 301})
