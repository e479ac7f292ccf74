"""The batch tab: every prompt of the set through the models, with its progress as a grid of prompts and models."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import gradio as gr

from arena.batch.plan import CellState, CellView, Progress
from arena.batch.run import BatchRunner, BatchState
from arena.errors import ArenaError
from arena.prompts import Prompt
from arena.translations import time_text
from ui.admin import HostHandlers
from ui.components import Labels
from ui.markup import alert, html_table, status
from ui.tabs import Tab
from ui.texts import error_text, text
from ui.updates import UNQUEUED, Props, whole_number

# How often the page of a running batch is refreshed.
REFRESH_SECONDS = 1.0


class BatchTab:
    """The components that handlers read or write; `tab` is the tab itself."""

    def __init__(self, labels: Labels, tab: gr.Tab) -> None:
        self.tab = tab
        labels.markdown("batch_what", "batch_what")
        with gr.Row():
            self.repeats = labels.textbox("batch_repeats", value="1", max_lines=1)
            self.seed = labels.textbox("seed", "batch_seed", value="0", max_lines=1)
        self.models = labels.labelled(gr.CheckboxGroup, "batch_models", choices=[])
        self.retry = labels.labelled(gr.Checkbox, "batch_retry", value=False)
        with gr.Row():
            self.start = labels.button("batch_start", variant="primary", min_width=150, interactive=False)
            self.pause = labels.button("batch_pause", min_width=150, interactive=False)
            self.stop = labels.button("batch_stop", min_width=150, interactive=False)
        self.status = gr.HTML("", elem_id="batch_status")
        self.grid = gr.HTML("", elem_id="batch_grid")
        self.timer = gr.Timer(REFRESH_SECONDS, active=False)


@dataclass(frozen=True)
class BatchHandlers(HostHandlers):
    """The batch tab of one page."""

    part: BatchTab
    runner: BatchRunner
    prompts: Sequence[Prompt]

    def wire(self, demo: gr.Blocks) -> None:
        part = self.part
        boxes = [part.repeats, part.seed, part.models]
        self.acts(part.start.click, self.start, [*boxes, part.retry])
        self.acts(part.pause.click, lambda tab: self.runner.pause())
        self.acts(part.stop.click, lambda tab: self.runner.stop())
        self.on([part.tab.select, part.timer.tick], self.refresh, boxes, **UNQUEUED)

    def render(self, tab: Tab) -> Props:
        part = self.part
        if not self.access.is_host(tab):
            return {part.status: {"value": ""}, part.grid: {"value": ""}, part.timer: {"active": False}}
        try:
            state = self.runner.state(*tab.batch)
        except ArenaError as error:  # in the numbers, or in a file that was changed
            return {part.status: {"value": alert(error_text(tab.lang, error))}, part.grid: {"value": ""}}
        titles = {prompt.id: prompt.title[tab.lang] for prompt in self.prompts}
        models = [(model.name, model.id) for model in self.runner.models()]
        return {
            part.models: {"choices": models, "visible": len(models) > 2},
            part.start: {"interactive": not state.running},
            part.pause: {"interactive": state.running and not state.ending},
            part.stop: {"interactive": state.running},
            part.status: {"value": status_block(tab.lang, state)},
            part.grid: {"value": grid_block(tab.lang, state.progress, titles)},
            part.timer: {"active": state.running},
        }

    def start(
        self, tab: Tab, repeats: str | None, seed: str | None, models: list[str] | None, retry: bool | None
    ) -> None:
        """Run the prompts that have no answer yet."""
        tab.batch = whole_number(repeats), whole_number(seed), models or ()
        self.runner.start(*tab.batch, bool(retry))

    def refresh(self, tab: Tab, repeats: str | None, seed: str | None, models: list[str] | None) -> Props:
        """Show the batch as it is now."""
        tab.batch = whole_number(repeats), whole_number(seed), models or ()
        return self.render(tab)


def status_block(lang: str, state: BatchState) -> str:
    """How far the batch is and how long the rest will take, as HTML."""
    progress = state.progress
    done, failed, of = progress.count(CellState.DONE), progress.count(CellState.FAILED), len(progress.cells)
    words = [text(lang, "batch_done", done=done, total=of)]
    if failed:
        words.append(text(lang, "batch_failures", count=failed))
    if state.running:
        words.append(text(lang, "batch_ending" if state.ending else "batch_running"))
        if progress.turn:
            words.append(text(lang, "batch_model", number=progress.turn, total=len(progress.models)))
        if progress.seconds_left is not None:
            words.append(text(lang, "batch_left", time=time_text(progress.seconds_left)))
    line = " · ".join(words)
    bar = f'<progress max="{of}" value="{done + failed}" aria-label="{escape(line)}"></progress>'
    reason = alert(error_text(lang, state.error)) if state.error else ""
    return f"{status(line)}{bar}{reason}"


def grid_block(lang: str, progress: Progress, titles: dict[str, str]) -> str:
    """A row for each prompt and repeat, a column for each model, as HTML."""
    rows: dict[tuple[str, int], dict[str, CellView]] = {}
    for view in progress.cells:
        rows.setdefault((view.cell.prompt.id, view.cell.repeat), {})[view.cell.model.id] = view
    labels = [text(lang, "batch_prompt"), *(model.name for model in progress.models)]
    cells = (
        [escape(_title(lang, titles[prompt], repeat)), *(_cell(lang, row[model.id]) for model in progress.models)]
        for (prompt, repeat), row in rows.items()
    )
    return html_table(labels, cells)


def _title(lang: str, title: str, repeat: int) -> str:
    return text(lang, "batch_repeat", title=title, number=repeat + 1) if repeat else title


def _cell(lang: str, view: CellView) -> str:
    parts = [text(lang, f"cell_{view.state}")]
    if view.state is CellState.RUNNING and view.growing:
        usage = view.growing.usage
        parts.append(_seconds(lang, usage.seconds))
        parts.append(text(lang, "length", tokens=usage.new_tokens) if usage.new_tokens else "")
    elif view.state is not CellState.WAITING:
        parts.append(_seconds(lang, view.seconds))
        speed = view.tokens_per_second
        parts.append("" if speed is None else text(lang, "speed", speed=f"{speed:.1f}"))
    if view.error:
        parts.append(error_text(lang, view.error))
    return f'<span class="cell-{view.state}">{escape(" · ".join(filter(None, parts)))}</span>'


def _seconds(lang: str, seconds: float | None) -> str:
    return "" if seconds is None else text(lang, "seconds", seconds=f"{seconds:.1f}")
