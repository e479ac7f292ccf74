"""Imports gradio as the page does, in half the time, before a test imports it."""

from ui.gradio.compat import import_gradio

import_gradio()
