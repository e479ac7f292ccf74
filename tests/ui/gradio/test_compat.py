"""With a gradio of another version the page does without gradio's private parts, says so once, and works."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

import gradio as gr
import httpx
import pytest
from gradio_client import Client
from served_app import ServedApp

from ui.gradio import compat
from ui.gradio.front_page import _ROOT_SCRIPT as ROOT_SCRIPT
from ui.gradio.front_page import FrontPage
from ui.gradio.lean import LeanBlocks


@pytest.fixture
def other_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gr, "__version__", "6.99.0")


def test_the_pinned_version_is_the_one_that_these_parts_were_written_for() -> None:
    assert compat.is_known_version()
    assert isinstance(compat.make_blocks(), LeanBlocks)
    assert FrontPage in [middleware.cls for middleware in compat.middleware()]


def test_a_queue_at_rest_takes_little_of_a_core() -> None:
    with compat.make_blocks() as demo:
        demo.queue()
    assert demo._queue.sleep_when_free < compat.POLL_SECONDS or sys.platform == "win32"
    compat.poll_less(demo)
    assert demo._queue.sleep_when_free == compat.POLL_SECONDS


@pytest.mark.parametrize("version", ["6.32.0", "6.30.9", "7.0.0", "6.3.1", "6.310.0"])
def test_another_version_is_told_apart(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr(gr, "__version__", version)
    assert not compat.is_known_version()


def test_before_the_import_the_version_is_read_from_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(compat.sys.modules, "gradio")
    monkeypatch.setattr(compat.metadata, "version", lambda name: "7.1.0")
    assert not compat.is_known_version()


@pytest.mark.usefixtures("other_version")
def test_another_version_is_imported_as_usual(monkeypatch: pytest.MonkeyPatch) -> None:
    imported = []
    monkeypatch.setattr(compat.importlib, "import_module", imported.append)
    monkeypatch.setattr(compat.mock.patch, "object", lambda *arguments, **keywords: pytest.fail("inspect was patched"))
    compat.import_gradio()
    assert imported == ["gradio"]


@pytest.mark.usefixtures("other_version")
def test_a_page_of_another_version_answers_a_prompt_and_says_so_once(
    serve: Callable[..., ServedApp], caplog: pytest.LogCaptureFixture
) -> None:
    word = {"answers": [{"steps": [{"text": "here"}]}]}
    with caplog.at_level(logging.WARNING, "ui.gradio"):
        app = serve(word, word)
    (warning,) = [record.getMessage() for record in caplog.records if record.name.startswith("ui.gradio")]
    assert "6.99.0" in warning and "6.31" in warning
    assert not isinstance(app.demo, LeanBlocks)
    assert app.demo._queue.sleep_when_free != compat.POLL_SECONDS
    answer = Client(app.url, verbose=False).predict("Why?", api_name="/chat")
    assert (answer["a"], answer["b"]) == ("here", "here")
    for _ in range(2):
        page = httpx.get(app.url, trust_env=False)
        assert page.status_code == httpx.codes.OK and ROOT_SCRIPT.decode() not in page.text
    # The filter and the headers need no private parts.
    closed = httpx.post(f"{app.url}gradio_api/upload", trust_env=False)
    assert closed.status_code == httpx.codes.NOT_FOUND and "content-security-policy" in closed.headers
