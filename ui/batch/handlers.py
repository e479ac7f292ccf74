"""The batch tab's handlers and what they show: the progress, and a grid of prompts and models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import gradio as gr

from arena.batch import BatchRunner, BatchState, CellState, CellView, Progress
from arena.errors import ArenaError
from arena.prompts import Prompt
from ui.access import Access, refusals, require_admin
from ui.batch.layout import BatchTab
from ui.gradio.compat import Block
from ui.markup import alert, html_table, status
from ui.session import Tab, Tabs
from ui.texts import error_text, text
from ui.updates import PRIVATE, Props, Updates, merged, whole_number


@dataclass(frozen=True)
class BatchHandlers:
    """The batch tab of one page. Every handler checks first whether the reader may run a batch."""

    runner: BatchRunner
    prompts: Sequence[Prompt]
    access: Access
    part: BatchTab
    tabs: Tabs

    def wire(self) -> None:
        """Attach all handlers; call inside the page's gr.Blocks."""
        part, outputs = self.part, self.outputs
        numbers = [part.repeats, part.seed]
        form = part.sign_in
        gr.on(
            [form.enter.click, form.token.submit], self.enter, [form.token, *numbers], [*outputs, form.token], **PRIVATE
        )
        part.start.click(self.start, [*numbers, part.retry], outputs, **PRIVATE)
        part.pause.click(self.pause, numbers, outputs, **PRIVATE)
        part.stop.click(self.stop, numbers, outputs, **PRIVATE)
        gr.on([part.tab.select, part.timer.tick], self.look, numbers, outputs, queue=False, **PRIVATE)

    @property
    def outputs(self) -> list[Block]:
        """Every component that a handler of the tab may update."""
        part = self.part
        return [
            part.sign_in.column,
            part.content,
            part.start,
            part.pause,
            part.stop,
            part.status,
            part.grid,
            part.timer,
        ]

    def render(self, tab: Tab, request: gr.Request, repeats: str | None = "1", seed: str | None = "0") -> Props:
        """What every changing component shows now, as properties."""
        part, allowed = self.part, self.access.may_run(tab, request)
        shown: Props = {part.sign_in.column: {"visible": not allowed}, part.content: {"visible": allowed}}
        if not allowed:
            return shown | {part.status: {"value": ""}, part.grid: {"value": ""}, part.timer: {"active": False}}
        try:
            state = self.runner.state(whole_number(repeats), whole_number(seed))
        except ArenaError as error:  # in the numbers, or in a file that was changed
            return shown | {part.status: {"value": alert(error_text(tab.lang, error))}, part.grid: {"value": ""}}
        return shown | self._state(tab, state)

    def _state(self, tab: Tab, state: BatchState) -> Props:
        part = self.part
        titles = {prompt.id: prompt.title[tab.lang] for prompt in self.prompts}
        return {
            part.start: {"interactive": not state.running},
            part.pause: {"interactive": state.running and not state.ending},
            part.stop: {"interactive": state.running},
            part.status: {"value": status_block(tab.lang, state)},
            part.grid: {"value": grid_block(tab.lang, state.progress, titles)},
            part.timer: {"active": state.running},
        }

    def enter(self, token: str | None, repeats: str | None, seed: str | None, request: gr.Request) -> Updates:
        """Check the token, once for each tab."""
        tab = self.tabs.get(request)
        with refusals(tab):
            self.access.sign_in(tab, token, request)
        return merged(self.render(tab, request, repeats, seed), {self.part.sign_in.token: {"value": ""}})

    def start(self, repeats: str | None, seed: str | None, retry: bool, request: gr.Request) -> Updates:
        """Run the prompts that have no answer yet."""
        tab = self._allowed(request)
        with refusals(tab):
            self.runner.start(whole_number(repeats), whole_number(seed), bool(retry))
        return merged(self.render(tab, request, repeats, seed))

    def pause(self, repeats: str | None, seed: str | None, request: gr.Request) -> Updates:
        """Stop after the running answer."""
        tab = self._allowed(request)
        self.runner.pause()
        return merged(self.render(tab, request, repeats, seed))

    def stop(self, repeats: str | None, seed: str | None, request: gr.Request) -> Updates:
        """Stop at once."""
        tab = self._allowed(request)
        self.runner.stop()
        return merged(self.render(tab, request, repeats, seed))

    def look(self, repeats: str | None, seed: str | None, request: gr.Request) -> Updates:
        """Refresh the status."""
        return merged(self.render(self.tabs.get(request), request, repeats, seed))

    def _allowed(self, request: gr.Request) -> Tab:
        """The tab of somebody who may run a batch. Raises gr.Error for anybody else."""
        tab = self.tabs.get(request)
        with refusals(tab):
            require_admin(self.access.may_run(tab, request))
        return tab


def status_block(lang: str, state: BatchState) -> str:
    """How far the batch is and how long the rest will take, as HTML."""
    progress = state.progress
    done, failed, of = progress.count(CellState.DONE), progress.count(CellState.FAILED), len(progress.cells)
    words = [text(lang, "batch_done", done=done, total=of)]
    if failed:
        words.append(text(lang, "batch_failures", count=failed))
    if state.running:
        words.append(text(lang, "batch_ending" if state.ending else "batch_running"))
        if progress.seconds_left is not None:
            words.append(text(lang, "batch_left", time=_time(progress.seconds_left)))
    line = " · ".join(words)
    bar = f'<progress max="{of}" value="{done + failed}" aria-label="{escape(line)}"></progress>'
    reason = alert(error_text(lang, state.error)) if state.error else ""
    return f"{status(line)}{bar}{reason}"


def grid_block(lang: str, progress: Progress, titles: dict[str, str]) -> str:
    """A row for each prompt and repeat, a column for each model, as HTML."""
    models = list(dict.fromkeys(view.cell.model.id for view in progress.cells))
    names = {view.cell.model.id: view.cell.model.name for view in progress.cells}
    rows: dict[tuple[str, int], dict[str, CellView]] = {}
    for view in progress.cells:
        rows.setdefault((view.cell.prompt.id, view.cell.repeat), {})[view.cell.model.id] = view
    labels = [text(lang, "batch_prompt"), *(names[model] for model in models)]
    cells = (
        [escape(_title(lang, titles[prompt], repeat)), *(_cell(lang, row[model]) for model in models)]
        for (prompt, repeat), row in rows.items()
    )
    return html_table(labels, cells)


def _title(lang: str, title: str, repeat: int) -> str:
    return text(lang, "batch_repeat", title=title, number=repeat + 1) if repeat else title


def _cell(lang: str, view: CellView) -> str:
    parts = [text(lang, f"cell_{view.state}")]
    if view.state is CellState.RUNNING and view.growing:
        usage = view.growing.usage
        parts.append(_seconds(usage.seconds))
        parts.append(text(lang, "length", tokens=usage.new_tokens) if usage.new_tokens else "")
    elif view.state is not CellState.WAITING:
        parts.append(_seconds(view.seconds))
        speed = view.tokens_per_second
        parts.append("" if speed is None else f"{speed:.1f} tokens/s")
    if view.error:
        parts.append(error_text(lang, view.error))
    return f'<span class="cell-{view.state}">{escape(" · ".join(filter(None, parts)))}</span>'


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f} s"


def _time(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
