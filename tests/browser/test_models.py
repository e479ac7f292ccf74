"""The host adds models by name: what they need, progress, stop and resume, and then everybody can choose them."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hub_server import HubServer
from kernel_cache import share_kernels
from native_folders import native_folder
from playwright.sync_api import Page, expect
from served_app import ServedApp

from commands.adding import keep_adding
from tests.browser.conftest import NewPage, OpenPage
from tests.browser.hands import (
    BOX,
    answer,
    ask,
    ask_for_vote,
    begin_rating,
    choose_mode,
    go,
    sign_in,
    vote,
    wait_for_phase,
    wait_ready,
    wait_until_votable,
)
from tests.browser.test_rate import recorded

NAME, COMMIT, TOKEN = "hf:maker/tiny@int4", "0123456789abcdef0123456789abcdef01234567", "correct horse"
STATUS, NAMES = "#model_status", "#model_names input"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A small checkpoint, with a licence."""
    folder = native_folder(tmp_path_factory.mktemp("tiny") / "native")
    readme = b"---\nlicense: apache-2.0\n---\n"
    return {**{path.name: path.read_bytes() for path in folder.iterdir()}, "README.md": readme}


@pytest.fixture
def hub(files: dict[str, bytes]) -> Iterator[HubServer]:
    with HubServer(dict(files), "maker/tiny", COMMIT).serving() as running:
        yield running


@pytest.fixture
def start(
    hub: HubServer, serve: Callable[..., ServedApp], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., ServedApp]:
    """Serves two scripts, by default for a host on this machine; models come from the hub of the test."""
    for name in ("HF_HUB_OFFLINE", "HF_TOKEN", "MODELSCOPE_API_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    share_kernels(tmp_path)
    places = {"HF_ENDPOINT": hub.url, "MODELSCOPE_ENDPOINT": hub.url, "HOME": str(tmp_path)}
    for name, value in {**places, "ARENA_MODELS_DIR": str(tmp_path / "models"), "NO_PROXY": "127.0.0.1"}.items():
        monkeypatch.setenv(name, value)
    scripts = [{"name": name, "answers": [{"steps": [{"text": f"I am {name}."}]}]} for name in ("First", "Second")]

    def serve_scripts(**options: object) -> ServedApp:
        return serve(*scripts, **{"local": True, "data_dir": tmp_path / "data", **options})

    return serve_scripts


def says(page: Page, words: str) -> None:
    expect(page.locator(STATUS)).to_contain_text(words)


def look(page: Page, name: str = NAME) -> None:
    """Ask what a model needs, by keyboard alone."""
    go(page, "models")
    page.locator(NAMES).focus()
    page.keyboard.type(name)
    page.keyboard.press("Enter")


def test_a_model_is_added_stopped_resumed_chosen_and_asked(
    new_page: NewPage, start: Callable[..., ServedApp], hub: HubServer, gate: threading.Event
) -> None:
    app = start()
    other = new_page(app.url).page
    wait_ready(other)
    choose_mode(other, "named")
    page = new_page(app.url).page
    wait_ready(page)
    look(page)
    for words in ("tiny (int4)", "apache-2.0", "to download", "of disk", "of memory", "Ready to add"):
        says(page, words)
    assert not {file for file in hub.fetched() if file.endswith(".safetensors")}
    hub.faults.gate = gate
    page.click("#model_start")
    says(page, "Downloading tiny (int4)")
    expect(page.locator(f"{STATUS} progress")).to_be_visible()
    # The job lives on the server: the page shows it again after a reload.
    page.reload()
    wait_ready(page)
    says(page, "Downloading tiny (int4)")
    page.click("#model_stop")
    says(page, "Stopped. What was downloaded is kept.")
    hub.faults.gate = None
    gate.set()
    expect(page.locator("#model_start")).to_have_text("Resume")
    page.click("#model_start")
    says(page, "Added: hf:maker/tiny@int4")
    # In both pages, without a reload.
    go(page, "arena")
    choose_mode(page, "named")
    go(other, "about")
    go(other, "arena")
    for shown in (page, other):
        expect(shown.locator("#pick_b input")).to_be_visible()
        shown.locator("#pick_b input").click()
        shown.get_by_role("option", name=re.compile("tiny")).click()
        expect(shown).to_have_url(re.compile("b=hf%3Amaker%2Ftiny%40int4"))
        expect(shown.locator("#head_b h2")).to_have_text("tiny (int4)")
    ask(page, "Who are you?")
    page.wait_for_selector("#head_b .head[data-state=done], #head_b .head[data-state=stop]", state="attached")
    assert app.services.roster["hf:maker/tiny@int4"].load_state.ready


def test_a_refusal_says_why_and_adds_nothing(
    open_page: OpenPage, start: Callable[..., ServedApp], hub: HubServer
) -> None:
    hub.files["config.json"] = b'{"model_type": "mamba"}'
    app = start()
    page = open_page(app, locale="zh-CN")
    look(page)
    expect(page.get_by_role("alert")).to_contain_text("tiny 不能在这里运行：它有些层保存状态")
    expect(page.locator("#model_start")).to_be_disabled()
    assert len(app.services.roster) == 2


def test_an_added_model_is_offered_after_a_restart_until_it_is_removed(
    open_page: OpenPage, start: Callable[..., ServedApp], tmp_path: Path
) -> None:
    script = tmp_path / "third.json"
    script.write_text('{"id": "third", "name": "Third", "answers": [{"steps": [{"text": "I am Third."}]}]}', "utf-8")
    page = open_page(start())
    look(page, f"scripted:{script}")
    says(page, "Ready to add")
    page.click("#model_start")
    says(page, "Added: third")
    page = open_page(start(), mode="named")
    page.locator("#pick_b input").click()
    page.get_by_role("option", name="Third").click()
    ask(page, "Who are you?")
    wait_until_votable(page)
    expect(page.locator("#pane_b")).to_contain_text("I am Third.")
    go(page, "models")
    page.click("#model_remove")
    expect(page.locator("#model_remove")).to_be_hidden()
    # Who talks with it is not cut off.
    go(page, "arena")
    ask(page, "And now?")
    wait_until_votable(page)
    expect(page.locator("#head_b h2")).to_have_text("Third")
    assert len(start().services.roster) == 2


def test_a_rater_sees_no_models_tab_and_the_host_signs_in(open_page: OpenPage, start: Callable[..., ServedApp]) -> None:
    page = open_page(start(local=False, admin_token=TOKEN))
    expect(page.locator("#tab_models-button")).to_have_count(0)
    sign_in(page, TOKEN)
    look(page, "qwen-9b")
    says(page, "Did you mean qwen")


@pytest.mark.model
def test_the_real_pair_is_one_click_from_the_banner(
    new_page: NewPage, serve: Callable[..., ServedApp], start: Callable[..., ServedApp], tmp_path: Path
) -> None:
    app = serve("smollm2-135m-t0.2", "smollm2-135m-t1.0", local=True, data_dir=tmp_path / "data", load=False)
    page = new_page(app.url).page
    wait_ready(page)
    page.locator("#get_pair").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("#models$"))
    expect(page.locator(NAMES)).to_have_value("qwen-7b-chat@int4, chatglm3-6b@int4")
    # The hub of the test has neither.
    expect(page.get_by_role("alert")).to_contain_text("Qwen/Qwen-7B-Chat")
    assert page.locator(BOX).count() == 1
    wait_for_phase(page, "empty")


def test_recorded_answers_are_rated_until_the_first_models_are_there(
    serve: Callable[..., ServedApp], open_page: OpenPage, new_page: NewPage, tmp_path: Path
) -> None:
    names = []
    for name in ("left", "right"):
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps({"id": name, "answers": [{"steps": [{"text": f"I am {name}."}]}]}))
        names.append(f"scripted:{path}")
    app = serve("", "", answers=recorded(2), to_add=names)
    page = open_page(app)
    banner, modes = page.locator("#demo_words"), page.locator("#mode label")
    expect(banner).to_contain_text("The models are being prepared")
    expect(page.locator("#composer")).to_be_hidden()
    # An address with models that are not here yet opens what there is.
    other = new_page(f"{app.url}?a=left").page
    wait_ready(other)
    expect(other.get_by_role("alert")).to_contain_text("No models are running here")
    expect(other.locator("#judge_begin")).to_be_visible()
    begin_rating(page)
    keep_adding(app.services.coming, names)
    expect(banner).to_contain_text("The models are ready")
    # What was being rated stays as it is.
    assert page.locator("#phase").get_attribute("data-phase") == "vote"
    page.reload()
    wait_ready(page)
    expect(modes).to_have_count(3)
    expect(banner).to_be_hidden()
    choose_mode(page, "blind")
    ask_for_vote(page)
    vote(page)
    assert {page.locator(f"#head_{side} h2").inner_text() for side in "ab"} == {"left", "right"}
    choose_mode(page, "named")
    ask_for_vote(page)
    assert answer(page, "a") == "I am left."
