"""Who judges, and telling them what was refused. Knows no component."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr

from arena.errors import ArenaError
from ui.session import Services, Tab
from ui.texts import error_text, text

Kept = dict[str, str] | None


def judge_of(services: Services, kept: Kept) -> str:
    """What may be stored of the rater whose browser keeps this; "" if it keeps nothing."""
    rater = (kept or {}).get("rater", "")
    return services.judge(rater) if rater else ""


def known_judge(services: Services, tab: Tab, kept: Kept) -> str:
    """The same. Raises gr.Error if the browser keeps nothing."""
    judge = judge_of(services, kept)
    if not judge:
        raise gr.Error(text(tab.lang, "judge_no_storage"), title=text(tab.lang, "notice"), print_exception=False)
    return judge


@contextmanager
def refusals(tab: Tab) -> Iterator[None]:
    """What is refused is said, in the rater's language, and changes nothing on the page."""
    try:
        yield
    except ArenaError as error:
        raise gr.Error(error_text(tab.lang, error), title=text(tab.lang, "notice"), print_exception=False) from error
