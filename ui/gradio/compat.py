"""Uses gradio's private parts with the version they were written for, and its public ones alone with any other."""

from __future__ import annotations

import importlib
import inspect
import logging
import sys
from contextlib import nullcontext
from importlib import metadata
from typing import TYPE_CHECKING, Any
from unittest import mock

from starlette.middleware import Middleware

from ui.gradio.front_page import FrontPage
from ui.gradio.middleware import RequestFilter

if TYPE_CHECKING:
    from gradio.blocks import Block as Block
    from gradio.blocks import Blocks
else:
    Block = object  # for annotations alone

WRITTEN_FOR = "6.31"
POLL_SECONDS = 0.005
_log = logging.getLogger(__name__)


def is_known_version() -> bool:
    """Whether the installed gradio is a release of WRITTEN_FOR."""
    gradio = sys.modules.get("gradio")
    version = gradio.__version__ if gradio else metadata.version("gradio")
    return str(version).split(".")[:2] == WRITTEN_FOR.split(".")


def import_gradio() -> None:
    """Import gradio in about half the time (measured: 1.7 s instead of 3.4 s on two cores).

    While its component classes are created, gradio 6.31 parses its own sources to rewrite editor stubs (.pyi) that
    exist already. It skips a class whose source file inspect cannot name, so inspect names none during the import.
    """
    with mock.patch.object(inspect, "getfile", side_effect=OSError) if is_known_version() else nullcontext():
        importlib.import_module("gradio")


def make_blocks(**keywords: Any) -> Blocks:
    """A gr.Blocks with these keywords: LeanBlocks with a known version. Logs a warning with any other version."""
    import gradio as gr  # noqa: PLC0415 - after import_gradio

    if is_known_version():
        from ui.gradio.lean import LeanBlocks  # noqa: PLC0415 - fails with other versions

        return LeanBlocks(**keywords)
    message = "gradio %s is not %s.x: the page runs without its optimizations. Install requirements.txt for them."
    _log.warning(message, gr.__version__, WRITTEN_FOR)
    return gr.Blocks(**keywords)


def poll_less(demo: Blocks) -> None:
    """Let the queue of `demo` look for events 200 times a second. gradio's 1,000 times take 4% of a core at rest."""
    if is_known_version():
        demo._queue.sleep_when_free = POLL_SECONDS
        # The page has no gr.Progress.
        demo._queue.progress_update_sleep_when_free = 1.0


def middleware(hosts: frozenset[str] | None = None, has_login: bool = False) -> list[Middleware]:
    """What `app_kwargs={"middleware": ...}` of a launch takes; `hosts` and `has_login` as for RequestFilter.

    The cache of the page needs a known version.
    """
    always = [Middleware(RequestFilter, hosts=hosts, has_login=has_login)]
    return [*always, Middleware(FrontPage)] if is_known_version() else always
