"""The About tab: what runs, what could, the licences with their links, and nothing that tells the sides apart."""

from dataclasses import replace
from typing import Any

import pytest

from arena.generation_config import GenerationConfig
from arena.types import ModelSpec
from backends.models.catalog import EMBEDDED, FETCHED
from ui.about import about

QWEN, GLM = FETCHED["qwen-7b-chat"], FETCHED["chatglm3-6b"]
HOSTILE = ModelSpec(
    id="x<img>", name='"><script>alert(1)</script>', family="gguf", source="x", runtime="llama.cpp", precision="q4_0",
    licence="<b>free</b>", licence_url="javascript:alert(1)", revision="<i>",
)  # fmt: skip


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_known_model_is_there_with_its_licence_and_a_link_to_it(lang: str) -> None:
    known = (*FETCHED.values(), *EMBEDDED.values())
    shown = about(lang, [QWEN, GLM], known)
    for spec in known:
        assert spec.name in shown
        assert f'href="{spec.licence_url}"' in shown
        assert f">{spec.licence}</a>" in shown
    assert shown.count(f">{QWEN.name}</td>") == shown.count(f">{GLM.name}</td>") == 1


def test_the_running_models_stand_in_the_same_order_whoever_is_on_the_left() -> None:
    revised = replace(QWEN, revision="abc123")
    assert about("en", [revised, GLM], ()) == about("en", [GLM, revised], ())
    assert "abc123" in about("en", [revised, GLM], ())


def test_where_no_model_runs_there_is_no_table_of_running_models() -> None:
    assert "Running models" in about("en", [QWEN], ()) and "Runtime" in about("en", [QWEN], ())
    shown = about("en", [], [QWEN])
    assert "Running models" not in shown and "Runtime" not in shown and QWEN.name in shown


def test_names_and_licences_from_elsewhere_are_text_and_their_links_only_web_addresses() -> None:
    shown = about("en", [HOSTILE], ())
    assert "<script" not in shown and "<img" not in shown and "<b>" not in shown and "<i>" not in shown
    assert "javascript:" not in shown
    assert "&lt;b&gt;free" in shown


def test_a_model_without_a_licence_says_that_it_is_unknown() -> None:
    shown = about("zh", [replace(HOSTILE, licence="", licence_url="", revision="")], ())
    assert shown.count("未知") == 2


@pytest.mark.parametrize(("limit", "words"), [("", "2,047 tokens<"), ("window", "2,047 tokens (its layers see")])
def test_a_context_says_what_ends_it(limit: str, words: str) -> None:
    assert words in about("en", [replace(QWEN, context_length=2047, context_limit=limit)], ())


@pytest.mark.parametrize(
    ("kind", "thinking", "words"),
    [
        ("", None, "none"),
        ("switch", None, "thinking off"),
        ("switch", 64, "thinks, max. 64"),
        ("always", None, "always thinks, max. 1024"),
        ("server", None, "server asked not to think"),
    ],
)
def test_a_running_model_says_whether_it_thinks(kind: Any, thinking: int | None, words: str) -> None:
    spec = replace(QWEN, thinking=kind, defaults=GenerationConfig(thinking=thinking))
    assert f">{words}</td>" in about("en", [spec], ())
