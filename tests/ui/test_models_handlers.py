"""The models tab's handlers and the banner, called as a forged request could call them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from pressing import press

from arena.adding import AddState
from arena.errors import ErrorInfo
from arena.judging.limits import Admin, RateLimits
from arena.needs import Needs, Room
from arena.roster import Roster
from arena.types import ModelSpec
from ui.access import Access
from ui.components import Labels
from ui.gradio.compat import make_blocks
from ui.models import REAL_PAIR, BannerHandlers, ModelsBanner, ModelsHandlers, ModelsTab, status_block
from ui.tabs import Tab

DIRECT = SimpleNamespace(headers={"host": "127.0.0.1:7860"}, client=None)
THROUGH_A_PROXY = SimpleNamespace(headers={**DIRECT.headers, "x-forwarded-for": "1.2.3.4"}, client=None)
HOSTILE = "<img src=x onerror=alert(1)>"
NEEDS = Needs(
    "qwen-7b-chat@int4", "Qwen-7B-Chat (int4)", 15 * 10**9, 15 * 10**9, 23 * 10**9, 6 * 10**9, "Tongyi", "https://x.org"
)
ROOM = Room(100 * 10**9, 12 * 10**9, 16 * 10**9)


class Recording:
    """Keeps what was asked of it."""

    def __init__(self) -> None:
        self.asked: list[object] = []
        self.state = AddState("downloading", names=("a",), needs=(NEEDS,), room=ROOM, kept={"secret-model": ""})

    def check(self, names: Any) -> None:
        self.asked.append(tuple(names))

    def start(self, names: Any) -> None:
        self.asked.append(("start", *names))

    def stop(self) -> None:
        self.asked.append("stop")

    def remove(self, name: str) -> None:
        self.asked.append(f"remove {name}")


def model(name: str, stand_in: bool) -> Any:
    return SimpleNamespace(spec=ModelSpec(name, name, "", "", "", "", stand_in=stand_in))


@pytest.fixture
def served() -> Callable[..., SimpleNamespace]:
    def make(
        admin: bool = False, local: bool = True, request: Any = DIRECT, coming: bool = False, demos: bool = True
    ) -> SimpleNamespace:
        access = Access(judge=str, admin=Admin("correct horse", RateLimits()) if admin else None, is_local=local)
        labels, roster = Labels(), Roster([model("demo-1", True), model("demo-2", True)] if demos else [])
        tab = Tab(SimpleNamespace(pair=roster.first), "en", request, opened=True)  # type: ignore[arg-type]
        tabs, job = SimpleNamespace(get=lambda request: tab), Recording()
        first: Any = job if coming else None
        with make_blocks() as demo, gr.Tab() as place:
            banner, part, browser = ModelsBanner(labels), ModelsTab(labels, place), gr.BrowserState()
            above = BannerHandlers(access, tabs, browser, banner, roster, first, True)  # type: ignore[arg-type]
            events = ModelsHandlers(access, tabs, browser, part, job, above)  # type: ignore[arg-type]
            events.wire(demo)
        press_banner = partial(press, demo, banner, "get_pair", request)
        parts = {"banner": banner, "part": part, "job": job, "tab": tab, "roster": roster, "get_pair": press_banner}
        return SimpleNamespace(events=events, above=above, press=partial(press, demo, part, request=request), **parts)

    return make


@pytest.mark.parametrize(
    ("admin", "local", "request_"),
    [(True, True, DIRECT), (False, False, DIRECT), (False, True, THROUGH_A_PROXY), (True, False, THROUGH_A_PROXY)],
)
def test_who_is_not_the_host_adds_stops_and_sees_nothing(
    served: Callable[..., SimpleNamespace], admin: bool, local: bool, request_: Any
) -> None:
    page = served(admin, local, request_)
    events = page.events
    for call in (
        lambda: page.press("check", names="qwen-7b-chat"),
        lambda: page.get_pair(),
        lambda: page.press("start"),
        lambda: page.press("stop"),
        lambda: page.press("remove", kept="secret-model"),
    ):
        with pytest.raises(gr.Error, match="Admin token required"):
            call()
    assert page.job.asked == []
    for shown in (str(events.render(page.tab)), str(page.press("timer", event="tick"))):
        assert "secret-model" not in shown and "Qwen-7B-Chat (int4)" not in shown
    assert not events.render(page.tab)[page.banner.get_pair]["visible"]


def test_the_host_adds_models_by_name(served: Callable[..., SimpleNamespace]) -> None:
    page = served()
    page.press("check", names=" hf:a/b@int4 , x=qwen?temperature=0,")
    # Another page asks about other models; this one starts those that it shows.
    page.job.state = AddState("ready", names=("other",))
    page.press("start")
    page.press("stop")
    page.press("remove", kept="secret-model")
    names = ("hf:a/b@int4", "x=qwen?temperature=0")
    assert page.job.asked == [names, ("start", "a"), "stop", "remove secret-model"]


def test_the_banner_offers_the_real_pair_to_the_host(served: Callable[..., SimpleNamespace]) -> None:
    page = served()
    shown = page.above.render(page.tab)
    assert shown[page.banner.get_pair]["visible"] and "`demo-1`" in shown[page.banner.words]["value"]
    # While a job runs it only shows that one.
    updates = page.get_pair()
    assert page.job.asked == [] and updates[page.part.names] == ", ".join(REAL_PAIR)
    page.job.state = AddState()
    page.get_pair()
    assert page.job.asked == [REAL_PAIR]


def test_the_banner_leads_to_the_real_pair_once_it_is_there(served: Callable[..., SimpleNamespace]) -> None:
    page = served(request=THROUGH_A_PROXY)
    page.roster.add(model("A=qwen@int4?ctx=1", False))
    page.roster.add(model("glm@int4", False))
    shown = page.above.render(page.tab)
    assert "(?a=A%3Dqwen%40int4%3Fctx%3D1&b=glm%40int4)" in shown[page.banner.words]["value"]
    page.tab.chat.pair = page.roster.first
    assert not page.above.render(page.tab)[page.banner.row]["visible"]


def test_everybody_sees_how_far_the_first_models_are(served: Callable[..., SimpleNamespace]) -> None:
    page = served(request=THROUGH_A_PROXY, coming=True, demos=False)

    def shown() -> tuple[str, bool]:
        props = page.above.render(page.tab)
        assert props[page.banner.row]["visible"] and not props[page.banner.get_pair]["visible"]
        return props[page.banner.words]["value"], props[page.banner.timer]["active"]

    page.job.state = AddState("checking", name="Q=hf:a/b:Q8_0")
    assert shown() == ("The models are being prepared. Until then you can rate recorded answers.", True)
    page.job.state = AddState("downloading", needs=(NEEDS,), name=NEEDS.name, done=3 * 10**9, total=30 * 10**9)
    words = "Downloading Qwen-7B-Chat (int4) · 3.0 GB / 30.0 GB. Until then you can rate recorded answers."
    assert shown() == (words, True)
    page.job.state = AddState("failed", error=ErrorInfo("add_running", "A model is being added already."))
    assert "not available yet (A model is being added already" in shown()[0] and shown()[1]
    # A single model cannot be compared.
    page.roster.add(model("a", False))
    assert shown()[1]
    page.roster.add(model("b", False))
    assert shown() == ("The models are ready: [ask them](?a=a&b=b)", False)
    # Who opens the page from now on need not know.
    page.tab.waited = False
    assert not page.above.render(page.tab)[page.banner.row]["visible"]


def test_demo_models_that_stand_in_meanwhile_are_called_so(served: Callable[..., SimpleNamespace]) -> None:
    page = served(coming=True)
    words = page.above.render(page.tab)[page.banner.words]["value"]
    assert "Until then" in words and "**Demo models** (`demo-1`, `demo-2`)" in words


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_everything_that_is_needed_is_shown(lang: str) -> None:
    shown = status_block(lang, AddState("ready", needs=(NEEDS,), room=ROOM))
    for words in ("Qwen-7B-Chat (int4)", "15.0 GB", "23.0 GB", "100.0 GB", "6.0 GB", "12.0 GB", "Tongyi", "20"):
        assert words in shown
    assert "<progress" not in shown and 'role="alert"' not in shown
    tight = status_block(lang, AddState("ready", needs=(NEEDS,), room=Room(10**12, 5 * 10**9)))
    assert 'role="alert"' in tight


def test_progress_says_stage_bytes_and_time_left() -> None:
    state = AddState("quantizing", needs=(NEEDS,), name="q", done=20 * 10**9, total=30 * 10**9, seconds_left=125)
    shown = status_block("en", state)
    assert "Quantizing q · 20.0 GB / 30.0 GB · about 0:02:05 left" in shown
    assert '<progress max="30000000000" value="20000000000"' in shown


def test_names_from_elsewhere_are_shown_as_text() -> None:
    needs = Needs(HOSTILE, HOSTILE, licence=HOSTILE, licence_url=f'https://x"{HOSTILE}')
    for state in (
        AddState("done", needs=(needs,), room=ROOM, added=(HOSTILE, HOSTILE)),
        AddState("downloading", needs=(needs,), name=HOSTILE, total=1),
        AddState("failed", needs=(needs,), error=ErrorInfo("add_failed", HOSTILE, {"reason": HOSTILE})),
    ):
        assert "<img" not in status_block("en", state) + status_block("zh", state)


def test_a_licence_is_a_link_if_its_address_is_one_of_the_web() -> None:
    for address, count in (("https://x.org", 1), ("http://x.org", 1), ("javascript:alert(1)", 0), ("", 0)):
        shown = status_block("en", AddState("ready", needs=(replace(NEEDS, licence="free", licence_url=address),)))
        assert "free" in shown and shown.count("<a href=") == count
